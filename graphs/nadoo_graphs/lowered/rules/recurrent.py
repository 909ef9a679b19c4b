"""LSTM, GRU and plain recurrences: step by step, layer by layer, in both directions."""

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, f32, i32, select
from nadoo_graphs.lowered.rules.nests import flat
from nadoo_graphs.lowered.types import Kind

Array = np.ndarray[Any, Any]
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


@frozen
class Level:
    """One direction of one layer: its sizes, weights and where it reads and writes."""

    index: int
    features: int
    hidden: int
    steps: int
    batch: int
    reverse: bool
    weight_ih: Place
    weight_hh: Place
    bias_ih: Place | None
    bias_hh: Place | None


@frozen
class Sequence:
    """A value [steps, batch, features] as a place and its strides."""

    place: Place
    step: int
    sample: int

    def at(self, step: Expression, sample: Expression, feature: Expression, offset: int = 0) -> Expression:
        """An element."""
        return self.place.at(self.index(step, sample, feature, offset))

    def index(self, step: Expression, sample: Expression, feature: Expression, offset: int = 0) -> Expression:
        """The flat index of an element."""
        return flat((step, sample, feature), (self.step, self.sample, 1), offset)


def recurrent(call: LoweringCall) -> None:
    """All layers in one kernel, each over all steps before the next."""
    call.require(
        not call.attributes.get("projected"), "projects its states, which no kernel does; train without proj_size"
    )
    batch_first = bool(call.attributes["batch_first"])
    shape = call.operands[0].shape
    batch, steps = (shape[0], shape[1]) if batch_first else (shape[1], shape[0])
    hidden, both_ways = call.operands[1].shape[2], bool(call.attributes["bidirectional"])
    layers = call.integer("layers")
    given = sequence(call.operand(), steps, batch, shape[2], batch_first)
    states = States.of(call, hidden, batch)
    directions = 2 if both_ways else 1
    width = hidden * directions
    for layer in range(layers):
        last = layer == layers - 1
        place = call.result() if last else call.scratch(f"between{layer}", steps * batch * width, Kind.F32)
        target = sequence(place, steps, batch, width, batch_first and last)
        for direction in range(directions):
            level = level_of(call, layer, direction, steps, batch, directions)
            run_level(call, level, given, target, states)
        given = target
    weights = sum(part.length for role, part in call.roles.items() if role.startswith("weight"))
    call.facts = {"products": weights * steps * batch}


def sequence(place: Place, steps: int, batch: int, features: int, batch_first: bool) -> Sequence:
    """A value whose steps or samples come first."""
    if batch_first:
        return Sequence(place, features, steps * features)
    return Sequence(place, batch * features, features)


@frozen
class States:
    """The states before and after: of each level, [level, batch, hidden], and gates for one sample."""

    first: Place
    last: Place
    cell_first: Place | None
    cell_last: Place | None
    gates: Place
    hidden: int
    batch: int

    @classmethod
    def of(cls, call: LoweringCall, hidden: int, batch: int) -> "States":
        """The states of a node; the last ones are computed in the outputs, or in scratch nobody else reads."""
        first, last = call.operand(1, "h0"), call.result(1, "h")
        cell = call.node.op == "lstm"
        before = call.operand(2, "c0") if cell else None
        after = call.result(2, "c") if cell else None
        count = hidden * GATES[call.node.op] * (2 if call.node.op == "gru" else 1)
        return cls(first, last, before, after, call.scratch("gates", count, Kind.F32), hidden, batch)

    @property
    def cells(self) -> Place:
        """The cell states of an LSTM."""
        return self.last if self.cell_last is None else self.cell_last

    def index(self, level: Level, sample: Expression, unit: Expression) -> Expression:
        """The flat index of one state."""
        return flat((sample, unit), (self.hidden, 1), level.index * self.batch * self.hidden)


def level_of(call: LoweringCall, layer: int, direction: int, steps: int, batch: int, directions: int) -> Level:
    """The weights of one direction of one layer."""
    ending = f"l{layer}{'_reverse' if direction else ''}"
    matrices = call.required(f"weight_ih_{ending}"), call.required(f"weight_hh_{ending}")
    biases = {kind: call.array(f"{kind}_{ending}") for kind in ("bias_ih", "bias_hh")}
    places = {
        kind: None if bias is None else call.flash(f"{kind}_{ending}", bias, Kind.F32) for kind, bias in biases.items()
    }
    return Level(
        index=layer * directions + direction,
        features=matrices[0].shape[1],
        hidden=matrices[1].shape[1],
        steps=steps,
        batch=batch,
        reverse=bool(direction),
        weight_ih=call.flash(f"weight_ih_{ending}", matrices[0], Kind.F32),
        weight_hh=call.flash(f"weight_hh_{ending}", matrices[1], Kind.F32),
        bias_ih=places["bias_ih"],
        bias_hh=places["bias_hh"],
    )


def run_level(call: LoweringCall, level: Level, given: Sequence, target: Sequence, states: States) -> None:
    """The loops of one level: the first states, then gates and states step by step."""
    body = call.body
    with body.loop("b", level.batch) as sample:
        copy_states(body, level, states, sample)
        with body.loop("t", level.steps) as turn:
            step = body.let("step", i32(level.steps - 1) - turn if level.reverse else turn)
            write_gates(call, level, given, states, sample, step)
            with body.parallel("u", level.hidden) as unit:
                value = UPDATES[call.node.op](call, level, states, sample, unit)
                index = states.index(level, sample, unit)
                body.store(states.last, index, value)
                offset = level.hidden if level.reverse else 0
                body.store(target.place, target.index(step, sample, unit, offset), value)


def copy_states(body: Body, level: Level, states: States, sample: Expression) -> None:
    """The states that a level starts from."""
    with body.parallel("s", level.hidden) as unit:
        index = states.index(level, sample, unit)
        body.store(states.last, index, states.first.at(index))
        if states.cell_first is not None and states.cell_last is not None:
            body.store(states.cell_last, index, states.cell_first.at(index))


def write_gates(
    call: LoweringCall, level: Level, given: Sequence, states: States, sample: Expression, step: Expression
) -> None:
    """What each gate is before it is squashed; a GRU keeps both sums apart, because one is gated."""
    body, count = call.body, level.hidden * GATES[call.node.op]
    with body.parallel("g", count) as gate:
        total = body.let("total", biased(level.bias_ih, gate))
        with body.loop("k", level.features) as k:
            body.assign(total, total + given.at(step, sample, k) * level.weight_ih.at(gate * level.features + k))
        second = total if call.node.op != "gru" else body.let("held", biased(level.bias_hh, gate))
        if call.node.op != "gru" and level.bias_hh is not None:
            body.assign(total, total + level.bias_hh.at(gate))
        with body.loop("m", level.hidden) as m:
            product = states.last.at(states.index(level, sample, m)) * level.weight_hh.at(gate * level.hidden + m)
            body.assign(second, second + product)
        body.store(states.gates, gate, total)
        if call.node.op == "gru":
            body.store(states.gates, gate + count, second)


def biased(bias: Place | None, gate: Expression) -> Expression:
    """What the sum of a gate begins with."""
    return f32(0.0) if bias is None else bias.at(gate)


def update_lstm(call: LoweringCall, level: Level, states: States, sample: Expression, unit: Name) -> Expression:
    """c = f·c + i·g, h = o·tanh(c)."""
    body, hidden = call.body, level.hidden
    cells = states.cells
    raw = [states.gates.at(unit + part * hidden) for part in range(4)]
    entry, forget, output = (body.call(functions.sigmoid(), raw[part]) for part in (0, 1, 3))
    index = states.index(level, sample, unit)
    kept = body.let("kept", forget * cells.at(index))
    cell = body.let("cell", kept + entry * body.call(functions.tanh(), raw[2]))
    body.store(cells, index, cell)
    return body.let("state", output * body.call(functions.tanh(), cell))


def update_gru(call: LoweringCall, level: Level, states: States, sample: Expression, unit: Name) -> Expression:
    """n = tanh(x + r·h'), h = (1 - z)·n + z·h."""
    body, hidden = call.body, level.hidden
    given = [states.gates.at(unit + part * hidden) for part in range(3)]
    held = [states.gates.at(unit + (part + 3) * hidden) for part in range(3)]
    reset = body.let("reset", body.call(functions.sigmoid(), given[0] + held[0]))
    update = body.let("update", body.call(functions.sigmoid(), given[1] + held[1]))
    fresh = body.let("fresh", body.call(functions.tanh(), given[2] + reset * held[2]))
    old = states.last.at(states.index(level, sample, unit))
    return body.let("state", (f32(1.0) - update) * fresh + update * old)


def update_tanh(call: LoweringCall, level: Level, states: States, sample: Expression, unit: Name) -> Expression:
    """h = tanh(sum)."""
    return call.body.let("state", call.body.call(functions.tanh(), states.gates.at(unit)))


def update_relu(call: LoweringCall, level: Level, states: States, sample: Expression, unit: Name) -> Expression:
    """h = max(sum, 0)."""
    value = call.body.let("value", states.gates.at(unit))
    return call.body.let("state", select(value < 0, f32(0.0), value))


UPDATES: dict[str, Callable[[LoweringCall, Level, States, Expression, Name], Name | Expression]] = {
    "lstm": update_lstm,
    "gru": update_gru,
    "rnn_tanh": update_tanh,
    "rnn_relu": update_relu,
}
RULES = dict.fromkeys(GATES, recurrent)
