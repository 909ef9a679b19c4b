"""An independent definition of recurrent layers over codes: Python's own integers, one element after the other."""

from collections.abc import Mapping, Sequence
from math import exp, tanh
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from tests.graphs.ops.quantized import reference as ref

Ints = NDArray[np.int64]
ONE = 2**15
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def clamp(value: int, low: int, high: int) -> int:
    """Within bounds."""
    return max(low, min(high, value))


def half_up(value: int, bits: int) -> int:
    """Divided by a power of two, ties upwards."""
    return (value + ((1 << bits) >> 1)) >> bits if bits >= 0 else value << -bits


def sigmoid(x: float) -> float:
    """The logistic function, without overflow."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))


def looked_up(name: str, gate: int) -> int:
    """Between the entries at multiples of a sixteenth."""
    gate = clamp(gate, -ONE, ONE - 1)
    function = sigmoid if name == "sigmoid" else tanh
    index, part = divmod(gate + ONE, 256)
    low, high = (
        clamp(round(ONE * function((256 * place - ONE) / 4096)), -ONE + 1, ONE - 1) for place in (index, index + 1)
    )
    return low + (((high - low) * part + 128) >> 8)


@frozen
class Cell:
    """What a recurrent layer over codes is made of, in NumPy: grids as (step, zero point), matrices by name."""

    kind: str
    mode: str
    form: str
    source: tuple[float, int]
    target: tuple[float, int]
    bounds: tuple[int, int]
    bits: int
    tensors: Mapping[str, NDArray[Any]]

    def parts(self, name: str, codes: Sequence[int], grid: tuple[float, int]) -> list[int]:
        """What codes add to every gate."""
        weight = self.tensors[f"weight_{name}"]
        scale = self.tensors[f"scale_{name}"].astype(np.float64)
        integers = ref.weight_codes(weight, scale, self.form)
        found: list[int] = []
        for row in range(len(weight)):
            factor = grid[0] * float(scale[row] if scale.ndim else scale)
            total = sum(int(v) * (q - grid[1]) for v, q in zip(integers[row], codes, strict=True))
            if f"bias_{name}" in self.tensors:
                total += int(ref.bias_codes(self.tensors[f"bias_{name}"][row : row + 1], np.array(factor))[0])
            found.append(clamp(ref.rescale_one(total, factor * 4096, self.mode), -(2**20), 2**20))
        return found

    def code(self, value: int, unit: float) -> int:
        """A state as a code."""
        return clamp(ref.rescale_one(value, unit / self.target[0], self.mode) + self.target[1], *self.bounds)

    def run(self, x: Ints, states: list[Ints], ending: str, source: tuple[float, int]) -> tuple[Ints, list[Ints]]:
        """One level for one sample, [steps, features]: the codes of every step, and the last states."""
        hidden = states[0].shape[0]
        carried = [int(value) for value in states[-1]]
        codes = [self.code(value, 2.0**-15) for value in carried] if self.kind == "gru" else list(map(int, states[0]))
        outputs = np.zeros((len(x), hidden), dtype=np.int64)
        for moment in range(len(x)):
            given = self.parts(f"ih_{ending}", list(map(int, x[moment])), source)
            held = self.parts(f"hh_{ending}", codes, self.target)
            pairs = [self.unit(given[unit::hidden], held[unit::hidden], carried[unit]) for unit in range(hidden)]
            codes, carried = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            outputs[moment] = codes
        ends = {"lstm": [codes, carried], "gru": [carried]}.get(self.kind, [codes])
        return outputs, [np.array(item) for item in ends]

    def unit(self, given: Sequence[int], held: Sequence[int], state: int) -> tuple[int, int]:
        """One hidden element: its code and what it carries."""
        total = [one + two for one, two in zip(given, held, strict=True)]
        if self.kind == "lstm":
            entry, forget, output = (looked_up("sigmoid", total[place]) for place in (0, 1, 3))
            fresh = half_up(entry * looked_up("tanh", total[2]), 30 - self.bits)
            cell = clamp(half_up(forget * state, 15) + fresh, -ONE + 1, ONE - 1)
            return self.code(output * looked_up("tanh", half_up(cell, self.bits - 12)), 2.0**-30), cell
        if self.kind == "gru":
            reset, update = looked_up("sigmoid", total[0]), looked_up("sigmoid", total[1])
            fresh = looked_up("tanh", given[2] + half_up(reset * held[2], 15))
            state = clamp(half_up((ONE - update) * fresh + update * state, 15), -ONE + 1, ONE - 1)
            return self.code(state, 2.0**-15), state
        if self.kind == "rnn_tanh":
            return self.code(looked_up("tanh", total[0]), 2.0**-15), state
        return self.code(max(total[0], 0), 2.0**-12), state


def stacked(
    cell: Cell, x: Ints, states: Sequence[Ints], layers: int, endings: Sequence[str]
) -> tuple[Ints, tuple[Ints, ...]]:
    """All levels over [steps, batch, features] and states [level, batch, hidden]."""
    ends = [state.copy() for state in states]
    value, source = x, cell.source
    for layer in range(layers):
        columns: list[Ints] = []
        for direction, ending in enumerate(endings):
            level = layer * len(endings) + direction
            found = np.zeros((*value.shape[:2], states[0].shape[2]), dtype=np.int64)
            for sample in range(value.shape[1]):
                given = value[::-1, sample] if direction else value[:, sample]
                first = [state[level, sample] for state in states]
                outputs, last = cell.run(given, first, f"l{layer}{ending}", source)
                found[:, sample] = outputs[::-1] if direction else outputs
                for held, item in zip(ends, last, strict=True):
                    held[level, sample] = item
            columns.append(found)
        value, source = np.concatenate(columns, -1), cell.target
    return value, tuple(ends)
