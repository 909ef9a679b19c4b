"""Recurrent layers over codes: integer sums for every gate, interpolated tables, a state of 16 bits.

The definition is that of the rows, in `nadoo_graphs.ops.quantized.recurrent`.
"""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, i32, i64
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.rules.nests import flat
from nadoo_graphs.lowered.rules.quantized.scales import (
    Requantizer,
    code_range,
    has,
    making,
    output_bounds,
    point,
    require_bound,
    step,
)
from nadoo_graphs.lowered.rules.quantized.weights import Weights, encoded
from nadoo_graphs.lowered.rules.recurrent import GATES, Sequence, sequence
from nadoo_graphs.lowered.types import Kind
from nadoo_graphs.ops.quantized.gates import FUNCTION_UNIT, GATE_LIMIT, GATE_UNIT, LARGEST_STATE, PART_LIMIT, gate_table

if TYPE_CHECKING:
    from collections.abc import Callable


@frozen
class Part:
    """One matrix of a level: its integers, what its sums begin with, and how they become gates."""

    weights: Weights
    start: Place | None
    requantizer: Requantizer

    def gate(self, body: Body, row: Expression, read: "Callable[[Expression], Expression]") -> Expression:
        """What the codes that are read add to a gate."""
        total = body.let("total", i32(0) if self.start is None else self.start.at(row))

        def add(k: Expression, weight: Expression) -> None:
            body.assign(total, total + read(k) * weight)

        self.weights.each(body, row, add)
        return body.let("part", self.requantizer.apply(total, row))


@frozen
class Level:
    """One direction of one layer."""

    index: int
    reverse: bool
    given: Part
    held: Part


@frozen
class Layer:
    """What all levels of a node share: sizes, states, the tables, and how states become codes."""

    call: LoweringCall
    cell: str
    hidden: int
    steps: int
    batch: int
    codes: Place
    """The codes of the state of one sample."""
    gates: Place
    first: tuple[Place, ...]
    last: tuple[Place, ...]
    requantizer: Requantizer
    sigmoid: Place | None
    tanh: Place | None
    bits: int

    @classmethod
    def of(cls, call: LoweringCall, steps: int, batch: int) -> "Layer":
        """Everything but the levels."""
        cell, hidden = call.node.op.removeprefix("quantized_"), call.operands[1].shape[2]
        states = ("h", "c")[: len(call.operands) - 1]
        first = tuple(call.operand(index, f"{name}0") for index, name in enumerate(states, 1))
        last = tuple(call.result(index, name) for index, name in enumerate(states, 1))
        low, high = output_bounds(call)
        codes = call.scratch("codes", hidden, call.views.memory(call.node.outputs[0], call.where))
        count = hidden * GATES[cell] * (2 if cell == "gru" else 1)
        unit = {"lstm": FUNCTION_UNIT**2, "rnn_relu": GATE_UNIT}.get(cell, FUNCTION_UNIT)
        target = point(call, "output_zero_point"), low, high
        scale = torch.tensor(1.0 / unit, dtype=torch.float64) / step(call, "output_scale")
        return cls(
            call, cell, hidden, steps, batch, codes, call.scratch("gates", count, Kind.I32), first, last,
            Requantizer.to(call, scale, str(call.attributes["requantize"]), target),
            table(call, "sigmoid") if cell in {"lstm", "gru"} else None,
            table(call, "tanh") if cell != "rnn_relu" else None,
            bits_of(call) if has(call, "state_scale") else 0,
        )  # fmt: skip

    def state(self, level: Level, sample: Expression, unit: Expression) -> Expression:
        """The flat index of one element of a state."""
        return flat((sample, unit), (self.hidden, 1), level.index * self.batch * self.hidden)

    def gate(self, unit: Expression, block: int) -> Expression:
        """The sum of one gate of a hidden element."""
        return self.gates.at(unit + block * self.hidden if block else unit)


def bits_of(call: LoweringCall) -> int:
    """The n of the state's scale 2⁻ⁿ."""
    from nadoo_graphs.ops.quantized.recurrent_module import MOST_STATE_BITS, state_bits

    only = MOST_STATE_BITS if call.node.op.endswith("gru") else None
    return state_bits(step(call, "state_scale"), call.node.name, only=only)


def table(call: LoweringCall, name: str) -> Place:
    """The entries of a function of gates."""
    return call.flash(name, gate_table(name).numpy(), Kind.I16)


def recurrent(call: LoweringCall) -> None:
    """All layers in one kernel, each over all steps before the next."""
    batch_first, shape = bool(call.attributes["batch_first"]), call.operands[0].shape
    batch, steps = (shape[0], shape[1]) if batch_first else (shape[1], shape[0])
    directions = 2 if call.attributes["bidirectional"] else 1
    given = sequence(call.operand(), steps, batch, shape[2], batch_first)
    layer, layers = Layer.of(call, steps, batch), call.integer("layers")
    width = layer.hidden * directions
    for place in range(layers):
        last = place == layers - 1
        held = call.result() if last else call.scratch(f"between{place}", steps * batch * width, layer.codes.memory)
        target = sequence(held, steps, batch, width, batch_first and last)
        for direction in range(directions):
            run_level(layer, level_of(layer, place, direction, directions), given, target)
        given = target
    products = sum(part.length for role, part in call.roles.items() if role.startswith("weight"))
    call.facts, call.integers = {"products": products * steps * batch}, None


def level_of(layer: Layer, place: int, direction: int, directions: int) -> Level:
    """The matrices of one direction of one layer; deeper layers read codes of the output."""
    ending = f"l{place}{'_reverse' if direction else ''}"
    given, held = ("output" if place else "input"), "output"
    parts = part_of(layer.call, f"ih_{ending}", given), part_of(layer.call, f"hh_{ending}", held)
    return Level(place * directions + direction, bool(direction), *parts)


def part_of(call: LoweringCall, name: str, grid: str) -> Part:
    """One matrix; what the zero point of its operand adds is taken off the biases."""
    weights = encoded(call, role=f"weight_{name}", scale_role=f"scale_{name}")
    factor = step(call, f"{grid}_scale") * (step(call, f"scale_{name}") / weights.form.unit)
    zero_point, bias = point(call, f"{grid}_zero_point"), call.tensor(f"bias_{name}")
    start = np.zeros(len(weights.integers), np.int64)
    if bias is not None:
        codes = (bias.to(torch.float64) / factor).round().clamp(-(1 << 31), (1 << 31) - 1)
        start = codes.to(torch.int64).numpy()
    codes_of_grid = code_range(call) if grid == "input" else output_range(call)
    magnitudes = np.abs(weights.integers.astype(np.int64)).sum(1)
    reach = max(codes_of_grid[1] - zero_point, zero_point - codes_of_grid[0])
    require_bound(call, float((magnitudes * reach + np.abs(start)).max(initial=0)), f"the sums of {name}")
    start = start - zero_point * weights.integers.astype(np.int64).sum(1)
    largest = max(abs(edge) for edge in codes_of_grid)
    require_bound(call, float((magnitudes * largest + np.abs(start)).max(initial=0)), f"the sums of {name}")
    place = call.flash(f"bias_{name}", start, Kind.I32) if np.any(start) else None
    target, mode = (0, -PART_LIMIT, PART_LIMIT), str(call.attributes["requantize"])
    return Part(weights, place, Requantizer.to(call, factor * float(GATE_UNIT), mode, target, f"_{name}"))


def output_range(call: LoweringCall) -> tuple[int, int]:
    """All codes that the format of the output has."""
    held = making(call)
    return held.formats[str(held.type.format)].code_range(with_zero_point=True)


# --- loops ------------------------------------------------------------------------------------------------------------


def run_level(layer: Layer, level: Level, given: Sequence, target: Sequence) -> None:
    """The loops of one level: the first states, then gates and states step by step."""
    body = layer.call.body
    with body.loop("b", layer.batch) as sample:
        copy_states(layer, level, sample)
        with body.loop("t", layer.steps) as turn:
            moment = body.let("moment", i32(layer.steps - 1) - turn if level.reverse else turn)
            write_gates(layer, level, given, sample, moment)
            with body.parallel("u", layer.hidden) as unit:
                code = update(layer, level, sample, unit)
                body.store(layer.codes, unit, code)
                offset = layer.hidden if level.reverse else 0
                body.store(target.place, target.index(moment, sample, unit, offset), code)
        if layer.cell != "gru":
            with body.parallel("v", layer.hidden) as unit:
                body.store(layer.last[0], layer.state(level, sample, unit), layer.codes.at(unit))


def copy_states(layer: Layer, level: Level, sample: Expression) -> None:
    """The states that a level starts from; a GRU's codes follow from its state."""
    body = layer.call.body
    with body.parallel("s", layer.hidden) as unit:
        index = layer.state(level, sample, unit)
        for first, last in list(zip(layer.first, layer.last, strict=True))[0 if layer.cell == "gru" else 1 :]:
            body.store(last, index, first.at(index))
        first = layer.first[0].at(index)
        body.store(layer.codes, unit, layer.requantizer.apply(first, i32(0)) if layer.cell == "gru" else first)


def write_gates(layer: Layer, level: Level, given: Sequence, sample: Expression, moment: Expression) -> None:
    """What each gate is before its function; a GRU keeps both parts, because one of them is gated."""
    body, count = layer.call.body, layer.hidden * GATES[layer.cell]
    with body.parallel("g", count) as gate:
        first = level.given.gate(body, gate, lambda k: given.at(moment, sample, k))
        second = level.held.gate(body, gate, layer.codes.at)
        if layer.cell == "gru":
            body.store(layer.gates, gate, first)
            body.store(layer.gates, gate + count, second)
        else:
            body.store(layer.gates, gate, first + second)


def update(layer: Layer, level: Level, sample: Expression, unit: Name) -> Expression:
    """The code of the state at one moment."""
    body = layer.call.body
    if layer.cell == "lstm":
        value = update_lstm(layer, level, sample, unit)
    elif layer.cell == "gru":
        value = update_gru(layer, level, sample, unit)
    elif layer.cell == "rnn_tanh":
        value = function(layer, layer.tanh, bounded(layer.gate(unit, 0)))
    else:
        value = layer.gate(unit, 0).at_least(0)
    return body.let("code", layer.requantizer.apply(value, i32(0)))


def update_lstm(layer: Layer, level: Level, sample: Expression, unit: Name) -> Expression:
    """The cell, and the product of the output's gate with its tanh."""
    body, cells = layer.call.body, layer.last[1]
    entry, forget, output = (
        function(layer, layer.sigmoid, bounded(layer.gate(unit, block)), name)
        for block, name in ((0, "entry"), (1, "forget"), (3, "output"))
    )
    fresh = function(layer, layer.tanh, bounded(layer.gate(unit, 2)), "fresh")
    index = layer.state(level, sample, unit)
    kept = rounded_shift(forget * cells.at(index), 15)
    cell = body.let("cell", state_of(kept + rounded_shift(entry * fresh, 30 - layer.bits)))
    body.store(cells, index, cell)
    moved = rounded_shift(cell, layer.bits - 12) if layer.bits > 12 else cell * (1 << (12 - layer.bits))
    return body.let("state", output * function(layer, layer.tanh, bounded(moved), "squashed"))


def update_gru(layer: Layer, level: Level, sample: Expression, unit: Name) -> Expression:
    """The state."""
    body, states = layer.call.body, layer.last[0]
    reset, turn = (
        function(layer, layer.sigmoid, bounded(layer.gate(unit, block) + layer.gate(unit, block + 3)), name)
        for block, name in ((0, "reset"), (1, "turn"))
    )
    product = reset.to(Kind.I64) * layer.gate(unit, 5).to(Kind.I64)
    gated = ((product + i64(1 << 14)) >> 15).to(Kind.I32)
    fresh = function(layer, layer.tanh, bounded(layer.gate(unit, 2) + gated), "fresh")
    index = layer.state(level, sample, unit)
    mixed = (i32(FUNCTION_UNIT) - turn) * fresh + turn * states.at(index)
    state = body.let("state", state_of(rounded_shift(mixed, 15)))
    body.store(states, index, state)
    return state


def bounded(total: Expression) -> Expression:
    """A sum as a gate."""
    return total.clamped(-GATE_LIMIT, GATE_LIMIT - 1)


def state_of(total: Expression) -> Expression:
    """A sum as a state of 16 bits."""
    return total.clamped(-LARGEST_STATE, LARGEST_STATE)


def rounded_shift(value: Expression, bits: int) -> Expression:
    """A division by a power of two, ties upwards."""
    return (value + (1 << (bits - 1))) >> bits if bits else value


def function(layer: Layer, entries: Place | None, gate: Expression, name: str = "value") -> Name:
    """A function of a gate, between two entries of its table."""
    if entries is None:
        raise layer.call.refuse("has no table for its function")
    body = layer.call.body
    place = body.let("place", gate + GATE_LIMIT)
    index = body.let("index", place >> 8)
    low, high = entries.at(index), entries.at(index + 1)
    return body.let(name, body.call(between(), low, high, place & 255))


@cache
def between() -> Function:
    """A number between two neighbours, in 256ths of their distance."""
    body = Body()
    low, high, part = (Name(body.fresh(name), Kind.I32) for name in ("low", "high", "part"))
    parameters = tuple((name, Kind.I32) for name in ("low", "high", "part"))
    result = low + (((high - low) * part + 128) >> 8)
    return Function("nadoo_between", parameters, body.statements, result, "low + (high - low) * part / 256, rounded")


RULES = dict.fromkeys((f"quantized_{cell}" for cell in GATES), recurrent)
