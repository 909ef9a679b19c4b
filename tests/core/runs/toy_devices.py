"""A device for the tests of recipes and runs, of which everything is known."""

from nadoo_core.cost import Device
from nadoo_core.registry import Plugin, hookimpl

TOY = Device.from_mapping(
    {
        "clock_hz": 1e8, "cores": 1, "mac_per_cycle": {"float32": 1.0}, "bandwidth": {"sram": 1e8},
        "energy_pj_per_mac": {"float32": 5.0}, "energy_pj_per_byte": {"sram": 2.0},
    },
    name="stm32f401",
)  # fmt: skip


@hookimpl
def nadoo_plugin() -> Plugin:
    """The device under a name that recipes of the tests use."""
    return Plugin(api=1, devices={"stm32f401": TOY})
