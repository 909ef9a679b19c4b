"""What this package offers; everything is imported when it is used."""

from nadoo_c.plain import plain_kernels
from nadoo_c.zero_skipping.rows import zero_skipping_kernels
from nadoo_core.registry import Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The tables of this package."""
    return Plugin(
        api=1,
        kernels={**plain_kernels(), **zero_skipping_kernels()},
        estimators={"emulated": "nadoo_c.estimating:Emulated"},
        exporters={"c": "nadoo_c.export_c:ExportC"},
        commands={"export": "nadoo_c.commands.export:COMMAND", "verify": "nadoo_c.commands.verify:COMMAND"},
    )
