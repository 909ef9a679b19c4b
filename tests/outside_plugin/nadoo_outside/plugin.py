"""What this package offers to nadoo."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """Every thing by its name."""
    return Plugin(
        api=1,
        passes={"strip-unit-scale": "nadoo_outside.strip_unit_scale:StripUnitScale"},
        ops={"cube": "nadoo_outside.cube:CUBE"},
        datasets={"rings": "nadoo_outside.rings:Rings"},
        metrics={"hit-rate": "nadoo_outside.hit_rate:hit_rate"},
    )
