"""From a graph to a verified folder of C."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from nadoo_c.emulating import COMPILER, Target, emulate_folder, target_of
from nadoo_c.errors import unequal
from nadoo_c.folder import Folder, read_folder, write_results, write_sources
from nadoo_c.kernels import PLAIN, KernelTable, WrittenKernel, written_kernels
from nadoo_c.printing.model import Unit
from nadoo_c.vectors import Vectors, drawn_samples, vectors_for
from nadoo_c.verifying import Verified, same_bits, verified_outputs
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Kernel, Program, check, lower
from nadoo_graphs.lowered.names import identifier
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.planning import plan

if TYPE_CHECKING:
    import torch


@frozen(kw_only=True)
class Options:
    """How a graph is exported."""

    name: str = ""
    border: str = "codes"
    core: str = "any"
    emulate: tuple[str | Target, ...] = ()
    """Cores, or devices as targets."""
    emulated_samples: int = 2
    compiler: str = COMPILER
    """What compiles for the cores that are emulated."""
    optimized: bool = True
    border_in_arena: bool = False
    recompute: bool = True


@frozen(eq=False)
class Artifact:
    """What an export gave: the folder, the program as it is printed, and the report."""

    folder: Path
    unit: Unit
    report: dict[str, Any]


def compile_unit(graph: ModelGraph, options: Options, table: KernelTable) -> Unit:
    """The program of a graph, optimized, planned, with the kernels chosen for a core."""
    program = lower(graph, table.rules(), options.border)
    if options.optimized:
        written_elsewhere = partial(is_written_elsewhere, table=table, core=options.core)
        program = optimize(program, without=() if options.recompute else ("compute-again",), whole=written_elsewhere)
    written = written_kernels(program.kernels, table, options.core)
    scratch = {name: kernel.scratch for name, kernel in written.items() if kernel.scratch}
    planned = plan(program, scratch=scratch, border=options.border_in_arena)
    check(planned)
    return Unit(planned, identifier(options.name or graph.name).lower(), written)


def is_written_elsewhere(kernel: Kernel, table: KernelTable, core: str) -> bool:
    """Whether a row writes the C of a kernel."""
    return table.chosen(kernel, core) is not None


def export(
    graph: ModelGraph,
    folder: Path,
    options: Options | None = None,
    samples: "Sequence[torch.Tensor]" = (),
    table: KernelTable | None = None,
) -> Artifact:
    """Write a folder and verify it; a folder that is not verified is of no use and the error says why."""
    chosen = options or Options()
    unit = compile_unit(graph, chosen, table or KernelTable())
    vectors = vectors_for(graph, unit, samples or drawn_samples(graph, unit))
    write_sources(folder, unit)
    outputs, verified = verified_outputs(unit, folder, vectors.inputs, vectors.expected)
    report = report_of(unit, chosen, verified)
    write_results(folder, unit, vectors, outputs, report)
    for target in map(target_of, chosen.emulate):
        measured = emulate_folder(folder, target, chosen.emulated_samples, compiler=chosen.compiler)
        report["emulated"][target.name] = measured
        verified = evolve(verified, emulated=(*verified.emulated, target.name))
    report["verified"] = verified.document()
    write_results(folder, unit, vectors, outputs, report)
    return Artifact(folder, unit, report)


def zero_outputs(unit: Unit, vectors: Vectors) -> tuple[Any, ...]:
    """Zeros in the place of outputs that are not known yet."""
    import numpy as np

    return tuple(np.zeros((vectors.samples, buffer.length), buffer.kind.numpy) for buffer in unit.outputs)


def verify(path: Path, targets: Sequence[str | Target] = (), compiler: str = COMPILER) -> dict[str, Any]:
    """Repeat the verification of a folder: interpreter, C at every level, and the emulator where it is asked for."""
    chosen = [target_of(target) for target in targets]
    folder = read_folder(path)
    outputs, verified = verified_outputs(folder.unit, path, folder.inputs, ())
    require_recorded(folder, outputs)
    measured = {target.name: emulate_folder(path, target, compiler=compiler) for target in chosen}
    return {**evolve(verified, emulated=tuple(measured)).document(), "measured": measured}


def require_recorded(folder: Folder, outputs: Sequence[Any]) -> None:
    """The C gives what was recorded when the folder was written."""
    for index, (wanted, found) in enumerate(zip(folder.outputs, outputs, strict=True)):
        if not same_bits(wanted, found).all():
            message = "is not what was recorded when the folder was written; something in it was changed"
            raise unequal(f"output {folder.unit.outputs[index].name!r}", message)


def report_of(unit: Unit, options: Options, verified: Verified) -> dict[str, Any]:
    """The numbers of an export."""
    program = unit.program
    border = sum(buffer.bytes for _, buffer, _ in unit.parameters())
    return {
        "name": unit.name,
        "core": options.core,
        "border": options.border,
        "inputs": [border_row(buffer) for buffer in unit.inputs],
        "outputs": [border_row(buffer) for buffer in unit.outputs],
        "memory": {
            "arena_bytes": program.arena_bytes,
            "border_bytes": border,
            "ram_bytes": program.arena_bytes + (0 if unit.holds_border else border),
            "constants_bytes": sum(buffer.bytes for buffer in unit.flash),
            "map": memory_map(program),
        },
        "kernels": [kernel_row(unit, index) for index in range(len(program.kernels))],
        "verified": verified.document(),
        "emulated": {},
    }


def border_row(buffer: Any) -> dict[str, Any]:
    """An input or output."""
    return {
        "name": buffer.name,
        "type": buffer.kind.c,
        "length": buffer.length,
        "shape": list(buffer.shape),
        "format": buffer.format,
        "scale": buffer.scale,
        "zero_point": buffer.zero_point,
    }


def memory_map(program: Program) -> list[dict[str, Any]]:
    """The buffers of the arena by offset."""
    rows = [
        {"name": name, "offset": offset, "bytes": program.buffers[name].bytes}
        for name, offset in program.offsets.items()
        if name in program.buffers
    ]
    return sorted(rows, key=lambda row: (row["offset"], row["name"]))  # type: ignore[index,return-value]


def kernel_row(unit: Unit, index: int) -> dict[str, Any]:
    """A kernel and the constants that it alone reads."""
    kernel = unit.program.kernels[index]
    written: WrittenKernel | None = unit.written.get(kernel.name)
    held = [unit.program.buffer_of(kernel, role) for role in unit.constant_roles(kernel)]
    if written is not None:
        held += written.flash.values()
    size = sum(buffer.bytes for buffer in held)
    return {
        "name": kernel.name,
        "layer": kernel.layer,
        "operator": kernel.operator,
        "format": kernel.format,
        "written_by": PLAIN if written is None else "a kernel of its own",
        "constants_bytes": size,
    }
