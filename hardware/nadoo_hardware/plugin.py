"""What this package offers; everything is imported when it is used."""

from pathlib import Path

from nadoo_core.registry import Plugin, hookimpl

DEVICES = Path(__file__).parent / "devices"


@hookimpl
def nadoo_plugin() -> Plugin:
    """The tables of this package; a device is a file, and its name is the file's."""
    return Plugin(
        api=1,
        devices={
            **{path.stem: path for path in sorted(DEVICES.glob("*.toml"))},
            "host": "nadoo_hardware.host_device:this_machine",
        },
        estimators={
            "analytic": "nadoo_hardware.estimators.analytic:analytic",
            "host": "nadoo_hardware.estimators.host:measured",
        },
        commands={
            "analyze": "nadoo_hardware.commands.analyze:COMMAND",
            "calibrate": "nadoo_hardware.commands.calibrate:COMMAND",
            "emulate": "nadoo_hardware.commands.emulate:COMMAND",
            "estimate": "nadoo_hardware.commands.estimate:COMMAND",
            "devices": "nadoo_hardware.commands.devices:COMMAND",
        },
    )
