"""What this package offers; everything is imported when it is used."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The passes by the names that recipes call them."""
    return Plugin(
        api=1,
        passes={
            "decompose-low-rank": "nadoo_low_rank.decompose_low_rank:DecomposeLowRank",
            "narrow-linear": "nadoo_low_rank.narrow_linear:NarrowLinear",
        },
    )
