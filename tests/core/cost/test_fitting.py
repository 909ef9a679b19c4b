"""What a device has no room for is said without a budget; what nobody knows the size of is not."""

import pytest

from nadoo_core.cost import Cost, CostNumber, Device, estimate
from nadoo_graphs.graph import ModelGraph


def noted(ram: float | None, flash: float | None, **facts: int) -> tuple[str, ...]:
    numbers = {"peak_ram_bytes": ram, "flash_bytes": flash}
    totals = {
        name: CostNumber.unknown("nobody looked") if value is None else CostNumber.exact(value)
        for name, value in numbers.items()
    }
    device = Device.from_mapping(facts)
    return estimate(ModelGraph(), device, {"told": lambda _graph, where: Cost(device=where.name, totals=totals)}).notes


@pytest.mark.parametrize(
    ("ram", "flash", "facts", "expected"),
    [
        (3000, 100, {"sram_bytes": 2048, "flash_bytes": 100}, ("RAM",)),
        (2048, 101, {"sram_bytes": 2048, "flash_bytes": 100}, ("flash",)),
        (3000, 101, {"sram_bytes": 2048, "flash_bytes": 100}, ("RAM", "flash")),
        (3000, 101, {"sram_bytes": 2048, "dram_bytes": 4096}, ()),
        (3000, 101, {}, ()),
        (None, None, {"sram_bytes": 1, "flash_bytes": 1}, ()),
    ],
)
def test_what_does_not_fit_is_noted(
    ram: float | None, flash: float | None, facts: dict[str, int], expected: tuple[str, ...]
) -> None:
    notes = noted(ram, flash, **facts)
    assert [name for name in ("RAM", "flash") if any(f" of {name}," in note for note in notes)] == list(expected)
    assert len(notes) == len(expected)
    assert all(note.startswith("does not fit: it takes ") for note in notes)
