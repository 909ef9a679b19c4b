"""What this package offers; nothing is imported before it is used."""

from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The pass by its name in recipes."""
    return Plugin(api=1, passes={"swap-norm": "nadoo_normalization.swap_norm:SwapNorm"})
