"""Counts into cycles by the table of a device; where the table has a gap there is a reason and no number."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_hardware.emulator.instructions import COARSE

if TYPE_CHECKING:
    from nadoo_core.cost import Device

WORD = 4
LINES = (4, 8, 16, 32)
"""The bytes that one access to flash brings, for which accesses are always counted."""


@frozen
class Cycles:
    """A number of cycles, or why there is none."""

    value: int | None = None
    waiting: int = 0
    """Those of them that wait for flash, as if nothing were fetched ahead or kept."""
    unknown: str = ""
    verified: bool = False
    """Whether every cost that was used was measured and checked."""


def line_bytes(device: "Device | None") -> int:
    """How much one access to the flash of a device brings; a word where it is not known."""
    if device is None or device.clock_hz is None or device.wait_states is None:
        return WORD
    rate = device.bandwidth.get("flash")
    if rate is None:
        return WORD
    found = round(rate.value * (device.wait_states.value + 1) / device.clock_hz.value)
    return max(WORD, found)


def cycles_of(kinds: Mapping[str, int], transfers: int, lines: Mapping[int, int], device: "Device | None") -> Cycles:
    """The cycles of a run: classes by the table, a cycle for every further word, and waiting for flash.

    `transfers` are the words that lists of registers move beyond the first; `lines` are accesses to flash
    by the bytes that one brings.
    """
    if device is None:
        return Cycles(unknown="unknown because no device was named")
    table: dict[str, Any] = {str(kind): cost for kind, cost in device.cycles.items()}
    costs = {kind: table.get(kind) or table.get(COARSE.get(kind, kind)) for kind in kinds}
    missing = sorted(kind for kind, cost in costs.items() if cost is None)
    if missing:
        return Cycles(unknown=f"unknown because {device.name} does not say the cycles of {', '.join(missing)}")
    if device.placement == "flash" and device.wait_states is None:
        return Cycles(unknown=f"unknown because {device.name} runs from flash and does not say its wait states")
    facts = [cost for cost in costs.values() if cost is not None]
    waits = device.wait_states.value if device.placement == "flash" and device.wait_states else 0
    busy = sum(kinds[kind] * cost.value for kind, cost in costs.items() if cost is not None) + transfers
    checked = all(fact.verified and fact.quality == "measured" for fact in facts)
    waiting = waits * nearest(lines, line_bytes(device))
    return Cycles(round(busy) + waiting, waiting, verified=checked)


def nearest(lines: Mapping[int, int], length: int) -> int:
    """The accesses of a length that was counted, or else of the next shorter one."""
    return lines[max(known for known in lines if known <= length)] if lines else 0
