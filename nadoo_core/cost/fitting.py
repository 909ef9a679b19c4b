"""Whether a model fits a device at all, which a user wants to hear without having asked for a budget."""

from collections.abc import Iterator

from nadoo_core.cost.cost import Cost
from nadoo_core.cost.device import Device

RAM = ("sram_bytes", "dram_bytes")


def overfull(cost: Cost, device: Device) -> Iterator[str]:
    """What the model needs more of than the device has; memory that nobody knows the size of holds anything."""
    working = [fact.value for name in RAM if (fact := device.fact(name)) is not None]
    program = device.fact("flash_bytes")
    for name, number, room in (
        ("RAM", cost.ram, sum(working) if working else None),
        ("flash", cost.flash, None if program is None else program.value),
    ):
        if room is not None and number.value is not None and number.value > room:
            yield f"does not fit: it takes {number.value:,.0f} bytes of {name}, and the device has {room:,.0f}"
