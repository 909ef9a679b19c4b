"""Recurrent layers: a hidden element has a row in every gate, and a column in what reads the state."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from nadoo_graphs.channels.rule import ChannelRule, NodeAxes
from nadoo_graphs.ops.recurrent import GRU, LSTM, RNN_RELU, RNN_TANH, Cell, stack_of


def couple_recurrent(cell: Cell, axes: NodeAxes) -> None:
    """All layers and directions share one hidden size, because their states lie in one value."""
    stack = stack_of(cell, axes.call)
    source, output = axes.operand, axes.output
    state, hidden = axes.operands[1][-1], axes.operands[-1][-1]
    axes.same_all(source[:2], output[:2])
    for own, result in zip(axes.operands[1:], axes.outputs[1:], strict=True):
        axes.same(own[-1], result[-1])
    if stack.projected:
        axes.freeze(hidden, "projects its state, which torch tells by the state being the smaller one")
    else:
        axes.same(state, hidden)
    couple_directions(axes, output[-1], state, stack.directions)
    for index, step in enumerate(stack.steps()):
        below = source[-1] if index < stack.directions else output[-1]
        axes.reads(step.role("weight_ih"), 1, below)
        axes.reads(step.role("weight_hh"), 1, state)
        axes.makes(step.role("weight_hr"), 0, state)
        axes.reads(step.role("weight_hr"), 1, hidden)
        couple_gates(axes, step.role, hidden, cell.gates)


def couple_directions(axes: NodeAxes, result: int, state: int, directions: int) -> None:
    """The output of both directions lies side by side."""
    size: Any = axes.size(state)
    factors = axes.split(result, (directions, size))
    if directions > 1:
        axes.freeze(factors[0], "has two directions")
    axes.same(factors[1], state)


def couple_gates(axes: NodeAxes, role: Any, hidden: int, gates: int) -> None:
    """The rows of all gates lie one block after the other."""
    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        name = role(kind)
        if name not in axes.tensors:
            continue
        rows = axes.tensors[name][0]
        axes.makes(name, 0, rows) if kind.startswith("weight") else axes.follows(name, 0, rows)
        factors = axes.split(rows, (gates, axes.size(hidden)))
        if gates > 1:
            axes.freeze(factors[0], "has a block of rows for each gate")
        axes.same(factors[1], hidden)


RULES: Mapping[str, ChannelRule] = {
    cell.name: ChannelRule(partial(couple_recurrent, cell)) for cell in (LSTM, GRU, RNN_TANH, RNN_RELU)
}
