"""Verification: interpreter, graph and compiled C give the same bits, or the first difference is named."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from nadoo_c.errors import unequal
from nadoo_c.host import HostProgram, compile_host
from nadoo_c.printing.model import Unit
from nadoo_graphs.lowered import Kind, interpret
from nadoo_graphs.lowered.work import work_of

Array = np.ndarray[Any, Any]
PLAIN, FAST = "-O0", "-O2"
LEVELS = (PLAIN, FAST)
FLOAT_TOLERANCE = 1e-3
WORK_LIMIT = 2e8
"""About how many statements the interpreter executes at most, all samples together, which takes some seconds."""
PLAIN_LIMIT = 1e9
"""The same for C without optimization; the optimized C runs on all samples."""
FEWEST = 4


@frozen
class Verified:
    """What was verified, for the report."""

    samples: int
    interpreted: int
    compiled: tuple[str, ...]
    emulated: tuple[str, ...] = ()
    against_graph: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "samples": self.samples,
            "interpreted": self.interpreted,
            "compiled": list(self.compiled),
            "emulated": list(self.emulated),
            "against_graph": self.against_graph,
        }


def same_bits(one: Array, other: Array) -> Array:
    """Where two arrays of one kind are the same, NaN included."""
    if one.dtype.kind != "f":
        return one == other
    return (one == other) & (np.signbit(one) == np.signbit(other)) | (np.isnan(one) & np.isnan(other))


def affordable(unit: Unit, samples: int, limit: float) -> int:
    """For how many samples something slow is asked: those for which it does not take minutes."""
    return max(min(samples, FEWEST), min(samples, int(limit / max(work_of(unit.program), 1))))


def interpreted(unit: Unit, inputs: Sequence[Array], count: int) -> tuple[Array, ...]:
    """What the program gives for some samples, extremes first, which stand last."""
    chosen = chosen_rows(len(inputs[0]) if inputs else 1, count)
    found = interpret(unit.program, [array[chosen] for array in inputs]).outputs
    return tuple(array.astype(buffer.kind.numpy) for array, buffer in zip(found, unit.outputs, strict=True))


def chosen_rows(samples: int, count: int) -> Array:
    """The rows that the interpreter sees: the extremes, which stand last, and then samples from the start."""
    from nadoo_c.vectors import RANDOM_SAMPLES

    extremes = min(4 + RANDOM_SAMPLES, samples, count)
    return np.concatenate([np.arange(samples - extremes, samples), np.arange(count - extremes)]).astype(np.int64)


def verified_outputs(
    unit: Unit, sources: Path, inputs: tuple[Array, ...], expected: tuple[Array, ...]
) -> tuple[tuple[Array, ...], Verified]:
    """Compile at every level, compare with the interpreter and with the graph; gives the outputs of all samples.

    Optimized C runs on all samples, the rest on as many as do not take minutes, extremes always among them.
    """
    samples = len(inputs[0]) if inputs else 1
    count = affordable(unit, samples, WORK_LIMIT)
    rows = chosen_rows(samples, count)
    reference = interpreted(unit, inputs, count)
    against = None
    if expected:
        against = require_graph(unit, reference, rows, expected)
    with tempfile.TemporaryDirectory(prefix="nadoo-verify-") as name:
        fast = compile_host(unit, sources, Path(name), (FAST,), FAST.removeprefix("-"))
        outputs = tuple(fast.run(inputs)[0])
        require_equal(fast, inputs, rows, reference, outputs)
        plain = compile_host(unit, sources, Path(name), (PLAIN,), PLAIN.removeprefix("-"))
        some = chosen_rows(samples, affordable(unit, samples, PLAIN_LIMIT))
        slower = tuple(plain.run([array[some] for array in inputs])[0])
        require_alike(unit, [array[some] for array in outputs], slower)
    if expected:
        against = require_graph(unit, outputs, np.arange(samples), expected)
    return outputs, Verified(samples, count, LEVELS, against_graph=against)


def require_equal(
    program: HostProgram, inputs: Sequence[Array], rows: Array, reference: Sequence[Array], found: Sequence[Array]
) -> None:
    """Refuse C that differs from the interpreter, naming the first layer and element."""
    for wanted, given in zip(reference, found, strict=True):
        wrong = ~same_bits(wanted, given[rows])
        if wrong.any():
            sample = int(rows[int(np.argwhere(wrong)[0][0])])
            raise unequal(f"C at -{program.label}", first_difference(program, inputs, sample))


def first_difference(program: HostProgram, inputs: Sequence[Array], sample: int) -> str:
    """The first kernel whose result differs for a sample, and the element."""
    unit, row = program.unit, [array[sample : sample + 1] for array in inputs]
    names = [kernel.roles[kernel.written[0]].buffer for kernel in unit.program.kernels]
    values = interpret(unit.program, row, keep=names).values
    for index, kernel in enumerate(unit.program.kernels):
        part = kernel.roles[kernel.written[0]]
        buffer = unit.program.buffers[part.buffer]
        wanted = values[part.buffer][:, part.offset : part.offset + part.length].astype(buffer.kind.numpy)
        _, given = program.run(row, trace=index)
        if given is None:
            continue
        wrong = ~same_bits(wanted, given)
        if wrong.any():
            place = int(np.argwhere(wrong)[0][1])
            where = element_text(place, buffer.shape, part.length)
            message = f"layer {kernel.layer or kernel.name!r}, element {where} of sample {sample}"
            return f"{message} is {given[0, place]}, but must be {wanted[0, place]}; the C is not to be used"
    return f"outputs of sample {sample} differ, but no layer does: the arena is overwritten; report this"


def element_text(place: int, shape: tuple[int, ...], length: int) -> str:
    """Where an element stands: by its axes where the shape is that of the result."""
    whole = bool(shape) and int(np.prod(shape)) == length
    return str([int(axis) for axis in np.unravel_index(place, shape)] if whole else place)


def require_alike(unit: Unit, *results: Sequence[Array]) -> None:
    """Refuse C that gives other bits at another level of optimization."""
    for found in results[1:]:
        for index, (one, other) in enumerate(zip(results[0], found, strict=True)):
            wrong = ~same_bits(one, other)
            if wrong.any():
                sample, place = (int(number) for number in np.argwhere(wrong)[0])
                message = f"element {place} of sample {sample} differs between {' and '.join(LEVELS)}"
                raise unequal(f"output {unit.outputs[index].name!r}", f"{message}; report this with the compiler")


def require_graph(unit: Unit, found: Sequence[Array], rows: Array, expected: Sequence[Array]) -> str:
    """Refuse a program that is not the graph: integers bit for bit, floats within a tolerance."""
    texts: list[str] = []
    for buffer, given, wanted in zip(unit.outputs, found, expected, strict=True):
        known = rows < len(wanted)
        one, other = given[known], wanted[rows[known]]
        if buffer.kind is not Kind.F32:
            wrong = one != other
            if wrong.any():
                sample, place = (int(number) for number in np.argwhere(wrong)[0])
                message = f"element {place} of a sample is {one[sample, place]}, the graph says {other[sample, place]}"
                raise unequal(f"output {buffer.name!r}", f"{message}; report this with the graph")
            texts.append(f"{buffer.name}: equal in every code of {len(one)} samples")
        else:
            texts.append(float_agreement(buffer.name, one, other))
    return "; ".join(texts)


def float_agreement(name: str, found: Array, wanted: Array) -> str:
    """How far floats are from the graph's, whose sums are taken in another order."""
    if not found.size:
        return f"{name}: not compared"
    scale = max(float(np.nanmax(np.abs(wanted))), 1e-30)
    error = float(np.nanmax(np.abs(found.astype(np.float64) - wanted))) / scale
    if error > FLOAT_TOLERANCE:
        message = f"is off by {error:.2e} of its largest value, more than {FLOAT_TOLERANCE:g}"
        raise unequal(f"output {name!r}", f"{message}; report this with the graph")
    return f"{name}: within {error:.1e} of the largest value on {len(found)} samples (sums in another order)"
