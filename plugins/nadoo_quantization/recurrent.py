"""Recurrent layers over codes: matrices in their format, states on the output's grid, what is carried in 16 bits."""

from collections.abc import Mapping
from math import floor, log2

import torch

from nadoo_core.quantizing import Codes, Range
from nadoo_graphs.formats import Format
from nadoo_graphs.node import Node, Origin
from nadoo_graphs.ops.quantized.masters import master_roles, scale_role
from nadoo_graphs.values import Value
from nadoo_quantization.grids import Grid
from nadoo_quantization.names import tensor_name
from nadoo_quantization.rewriter import Handler, Rewriter

LSTM, GRU, RELU = "lstm", "gru", "rnn_relu"
CELLS = (LSTM, GRU, "rnn_tanh", RELU)
STATE_FORMAT, STATE_CODES = "int16", Codes(-32767, 32767, symmetric=True)
GRU_BITS, MOST_CELL_BITS = 15, 12
CELL_ROOM = 2.0
"""How much further a cell may go between the steps than calibration saw it at their end."""
LEAST_CELL = 8.0


def complaint(node: Node, row: Format, *, integers: bool) -> str | None:
    """Why a recurrent layer stays as it is, if it does."""
    if not integers:
        return f"{node.op!r} has a row over codes only, which needs activations with static scales"
    if row.kind == "float":
        return f"{node.op!r} has no row with weights of {row.name}; give it an integer format or a code book"
    if node.attributes.get("projected"):
        return "projects its states, which its row over codes does not"
    if node.op == RELU and node.attributes["layers"] != 1:
        return "has several layers without a bound of their states, so that no range of the inner ones is known"
    return None


class RecurrentRewriter:
    """Rewrites recurrent layers with the scales that were found for their matrices."""

    def __init__(self, scales: Mapping[tuple[str, str], torch.Tensor | None]) -> None:
        self.scales = scales
        self.held: dict[tuple[str, str], str] = {}

    def handler(self) -> Handler:
        """One handler for all cells; which of them are rewritten is the step's choice."""
        return Handler(lambda rewriter, node: node.name in rewriter.layers, self.rewrite)

    def rewrite(self, rewriter: Rewriter, node: Node) -> None:
        """The layer over codes; its states come and go on grids that it shares with its output."""
        source, cell = rewriter.read_codes(node), node.op
        grid = rewriter.make_grid(node.name, rewriter.step.activations_of(node.name), output_span(rewriter, node))
        carried = state_grid(rewriter, node) if cell in {LSTM, GRU} else grid
        states = {LSTM: (grid, carried), GRU: (carried,)}.get(cell, (grid,))
        for index, state in enumerate(states, 1):
            quantize_state(rewriter, node, index, state)
        tensors = {**node.tensors, **self.matrix_scales(rewriter, node), **source.roles("input")}
        if carried is not grid:
            tensors["state_scale"] = carried.scale_name
        form = rewriter.layers[node.name].name
        made = rewriter.become(rewriter.graph[node.name], f"quantized_{cell}", grid, tensors, weight_format=form)
        for index, state in enumerate(states, 1):
            rewriter.grids[Value(made.name, index)] = state

    def matrix_scales(self, rewriter: Rewriter, node: Node) -> dict[str, str]:
        """A tensor for the scale of every matrix, one for all layers that share it."""
        found: dict[str, str] = {}
        for role in master_roles(node.tensors):
            scale = self.scales[node.name, role]
            if scale is None:
                continue
            key = (node.tensors[role], str(tuple(scale.shape)))
            if key not in self.held:
                name = tensor_name(rewriter.graph, node.name, scale_role(role))
                self.held[key] = rewriter.graph.add_tensor(name, scale, "buffer")
            found[scale_role(role)] = self.held[key]
        return found


def output_span(rewriter: Rewriter, node: Node) -> Range:
    """What outputs and last states cover; the states of all but a relu lie between -1 and 1."""
    spans = [rewriter.ranges[value] for value in (Value(node.name), Value(node.name, 1)) if value in rewriter.ranges]
    if not spans or node.attributes["layers"] != 1:
        return Range(-1.0, 1.0)
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    return Range(low, high) if node.op == RELU else Range(max(low, -1.0), min(high, 1.0))


def state_grid(rewriter: Rewriter, node: Node) -> Grid:
    """16 bits for what is carried: a GRU's state between -1 and 1, a cell with room beyond what was seen of it."""
    bits = GRU_BITS
    if node.op == LSTM:
        seen = rewriter.ranges.get(Value(node.name, 2))
        reach = max(LEAST_CELL, CELL_ROOM * seen.magnitude if seen else 2 * LEAST_CELL)
        bits = min(max(floor(log2((STATE_CODES.high + 1) / reach)), 0), MOST_CELL_BITS)
    graph, scale = rewriter.graph, 2.0**-bits
    held = torch.tensor(scale, dtype=rewriter.dtype)
    name = graph.add_tensor(tensor_name(graph, node.name, "state_scale"), held, "buffer")
    return Grid(STATE_FORMAT, STATE_CODES, scale, 0, name, None)


def quantize_state(rewriter: Rewriter, node: Node, operand: int, grid: Grid) -> None:
    """A first state as codes of a grid that the layer dictates."""
    rewriter.read_numbers(rewriter.graph[node.name], operand)
    graph = rewriter.graph
    made = graph.add("quantize", [graph.operand(node.name, operand)], tensors=grid.roles(""), format=grid.format,
                     name=rewriter.fresh(f"{node.name}.state{operand}"), origin=Origin(nodes=(node.name,)))  # fmt: skip
    graph.rewire(graph[node.name], operand, made)
    rewriter.grids[made] = grid
