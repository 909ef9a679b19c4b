"""A trace of blocks into exact counts: in total, by function and by class."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from nadoo_hardware.emulator.cycles import LINES, WORD, Cycles, cycles_of
from nadoo_hardware.emulator.instructions import CLASSES, COARSE, CONDITIONAL, Instruction
from nadoo_hardware.emulator.machine import Edges, Path
from nadoo_hardware.emulator.program import Program, Section

if TYPE_CHECKING:
    from nadoo_core.cost import Device


@define
class Counts:
    """Sums over a trace."""

    functions: Counter[str] = field(factory=Counter[str])
    kinds: Counter[str] = field(factory=Counter[str])
    transfers: int = 0
    lines: Counter[int] = field(factory=Counter[int])
    """Bytes of a line of flash → accesses to such lines."""

    def add(self, other: "Counts") -> None:
        """Count what another counted too."""
        self.functions += other.functions
        self.kinds += other.kinds
        self.transfers += other.transfers
        self.lines += other.lines

    @property
    def classes(self) -> dict[str, int]:
        """The nine classes, also those that did not occur."""
        found: Counter[str] = Counter()
        for kind, times in self.kinds.items():
            found[COARSE.get(kind, kind)] += times
        return {name: found[name] for name in CLASSES}

    def priced(self, device: "Device | None") -> Cycles:
        """The cycles by a device's table."""
        return cycles_of(self.kinds, self.transfers, self.lines, device)


@frozen
class KernelCount:
    """What one function took with all that it called."""

    instructions: int
    priced: Cycles

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"instructions": self.instructions, "cycles": self.priced.value}


@frozen
class Emulation:
    """What a run took, and what it left in memory."""

    core: str
    entry: str
    compiler: str
    """What the ELF says it was compiled by; counts are of that compiler and its flags."""
    instructions: int
    stack_bytes: int
    functions: Mapping[str, int]
    """Instructions of each function itself, the most first."""
    classes: Mapping[str, int]
    """Instructions of each of the nine classes; one that is skipped by its condition counts, as it is fetched."""
    kinds: Mapping[str, int]
    """The same by the finer classes of device files."""
    priced: Cycles
    counts: Counts = field(factory=Counts, repr=False)
    """All that was counted, from which cycles on other devices follow."""
    kernels: Mapping[str, KernelCount] = field(factory=dict[str, KernelCount])
    """The functions that were named, each with all that it calls, in the order in which they ran first."""
    sections: tuple[Section, ...] = ()
    memory: Mapping[str, bytes] = field(factory=dict[str, bytes], repr=False)

    @property
    def cycles(self) -> int | None:
        """Cycles on the device that was named; None where they are not known."""
        return self.priced.value

    @property
    def flash_bytes(self) -> int:
        """Code, constants and initial values, as linked."""
        return sum(section.size for section in self.sections if section.in_flash)

    @property
    def static_bytes(self) -> int:
        """Variables, which take RAM beside the stack."""
        return sum(section.size for section in self.sections if section.in_ram)

    def cycles_on(self, device: "Device | None") -> Cycles:
        """What the same run takes by another device's table."""
        return self.counts.priced(device)

    def document(self) -> dict[str, Any]:
        """Everything but memory, for programs."""
        return {
            "core": self.core,
            "entry": self.entry,
            "compiler": self.compiler,
            "instructions": self.instructions,
            "cycles": self.cycles,
            "cycles_waiting": self.priced.waiting,
            "cycles_unknown": self.priced.unknown or None,
            "verified": self.priced.verified,
            "stack_bytes": self.stack_bytes,
            "flash_bytes": self.flash_bytes,
            "static_bytes": self.static_bytes,
            "functions": dict(self.functions),
            "classes": dict(self.classes),
            "kernels": {name: kernel.document() for name, kernel in self.kernels.items()},
        }


Reader = Callable[[int, int], tuple[Instruction, ...]]


def by_kernel(paths: Mapping[Path, Counts]) -> dict[str, Counts]:
    """What each kernel took with all that it called, in the order in which they ran first."""
    found: dict[str, Counts] = {}
    for path, counts in paths.items():
        for name in dict.fromkeys(path):
            found.setdefault(name, Counts()).add(counts)
    return found


def count(edges: Edges, program: Program, read: Reader, line: int = WORD) -> Counts:
    """Sum up all blocks; whether the branch that ends a block was taken is seen from the block after it."""
    counts, times, lengths = Counts(), Counter[tuple[int, int]](), {*LINES, line}
    entered: dict[int, Counter[int]] = {}
    for (before, address, size), number in edges.items():
        times[address, size] += number
        entered.setdefault(before, Counter())[address] += number
    for (address, size), number in times.items():
        block = read(address, size)
        for length in lengths:
            counts.lines[length] += number * ((address + size - 1) // length - address // length + 1)
        for one in block:
            counts.functions[program.name_at(one.address)] += number
            counts.transfers += number * (one.transfers - 1)
            if one.kind != CONDITIONAL:
                counts.kinds[one.kind] += number
        if block[-1].kind == CONDITIONAL:
            passed = entered.get(address, Counter[int]())[address + size]
            counts.kinds["branch_not_taken"] += passed
            counts.kinds["branch_taken"] += number - passed
    counts.kinds = +counts.kinds
    return counts
