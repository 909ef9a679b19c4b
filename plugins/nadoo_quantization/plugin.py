"""What this package offers; nothing is imported before it is used."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The passes by their names in recipes, and the command that shows what they did."""
    return Plugin(
        api=1,
        passes={
            "calibrate": "nadoo_quantization.calibrate:Calibrate",
            "quantize": "nadoo_quantization.quantize:Quantize",
        },
        commands={"layers": "nadoo_quantization.commands.layers:COMMAND"},
    )
