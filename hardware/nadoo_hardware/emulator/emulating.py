"""One function of one program on one core, from its call to its return."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nadoo_core.errors import CoreCode
from nadoo_hardware.emulator.cores import find_core
from nadoo_hardware.emulator.counting import Counts, Emulation, KernelCount, by_kernel, count
from nadoo_hardware.emulator.cycles import line_bytes
from nadoo_hardware.emulator.disassembly import Disassembler
from nadoo_hardware.emulator.errors import failed
from nadoo_hardware.emulator.instructions import Instruction
from nadoo_hardware.emulator.machine import Machine, Trace, over_limit
from nadoo_hardware.emulator.program import Program, read_program

if TYPE_CHECKING:
    from nadoo_core.cost import Device

INSTRUCTION_LIMIT = 4_000_000_000


def emulate(
    elf: Path, core: str, entry: str, *, symbols: Sequence[str] = (), kernels: Sequence[str] = (),
    device: "Device | None" = None, limit: int = INSTRUCTION_LIMIT,
) -> Emulation:  # fmt: skip
    """Run a function without arguments until it returns; `symbols` are variables whose bytes are wanted afterwards.

    `kernels` are functions, or patterns of their names, whose counts are wanted with all that they call. With a device,
    its table says how many cycles that takes; a program that runs longer than `limit` is stopped.
    """
    if limit < 1:
        raise failed("limit", f"is {limit}; give at least 1 instruction", CoreCode.OPTION)
    row = find_core(core)
    program = read_program(Path(elf), row)
    machine, disassembler = Machine.of(row, program), Disassembler.of(row)
    trace = machine.run(entry, symbols, program.functions_like(kernels), limit)

    @cache
    def read(address: int, size: int) -> tuple[Instruction, ...]:
        return disassembler.block(bytes(machine.engine.mem_read(address, size)), address)

    parts = {path: count(edges, program, read, line_bytes(device)) for path, edges in trace.edges.items()}
    counts = Counts()
    for part in parts.values():
        counts.add(part)
    if counts.functions.total() > limit:
        raise over_limit(entry, limit, next(iter(counts.functions.most_common()))[0])
    priced = {name: kernel_count(part, device) for name, part in by_kernel(parts).items()}
    return emulation(trace, program, counts, device, core=core, entry=entry, kernels=priced)


def emulation(trace: Trace, program: Program, counts: Counts, device: "Device | None", **named: Any) -> Emulation:
    """All that is known of a run."""
    return Emulation(
        compiler=program.compiler, instructions=counts.functions.total(), stack_bytes=trace.stack_bytes,
        functions=dict(counts.functions.most_common()), classes=counts.classes, kinds=dict(counts.kinds),
        memory=trace.memory, priced=counts.priced(device), counts=counts, sections=program.sections, **named,
    )  # fmt: skip


def kernel_count(counts: Counts, device: "Device | None") -> KernelCount:
    """What one kernel took."""
    return KernelCount(counts.functions.total(), counts.priced(device))
