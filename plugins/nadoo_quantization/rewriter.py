"""Rewriting: node by node in order, what computes on numbers becomes what computes on codes.

Every handler looks at one node whose operands are done already. A value is a code value where it has a grid; where a
node needs the other kind, a quantize or dequantize is put in between, once for all who need it.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from attrs import frozen

from nadoo_core.passes import Context
from nadoo_core.quantizing import Range
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import OUTPUT, Attribute, Node, Origin
from nadoo_graphs.ops.op import Codes as CodeUse
from nadoo_graphs.tensors import torch_dtype
from nadoo_graphs.values import Value
from nadoo_quantization.grids import Grid, make_grid

if TYPE_CHECKING:
    from nadoo_quantization.quantize import Quantize

QUANTIZABLE = ("linear", "conv1d", "conv2d")
"""Layers that have a row over codes."""


@frozen
class Handler:
    """How one operator is rewritten, and for which of its nodes."""

    admits: Callable[["Rewriter", Node], bool]
    rewrite: Callable[["Rewriter", Node], None]
    row: str = ""
    """The row that nodes become, where it is not named after theirs."""

    def fits(self, rewriter: "Rewriter", node: Node) -> bool:
        """Whether a node is admitted, and the graph's operators have the row."""
        return (self.row or f"quantized_{node.op}") in rewriter.graph.ops and self.admits(rewriter, node)


class Rewriter:
    """The rewriting of one graph; `ranges` are those of the float graph, by value."""

    def __init__(
        self,
        graph: ModelGraph,
        step: "Quantize",
        context: Context,
        layers: Mapping[str, Format],
        ranges: Mapping[Value, Range],
        handlers: Mapping[str, Handler],
    ) -> None:
        self.graph = graph
        self.before = graph.copy()
        self.step = step
        self.context = context
        self.layers = layers
        self.ranges = ranges
        self.handlers = handlers
        self.grids: dict[Value, Grid] = {}
        self.as_codes: dict[Value, Value] = {}
        self.as_numbers: dict[Value, Value] = {}

    def rewrite(self) -> None:
        """Every node in order, as one edit."""
        with self.graph.edit():
            for name in self.before.order():
                if name in self.graph:
                    self.rewrite_node(self.graph[name])

    def rewrite_node(self, node: Node) -> None:
        """One node by its handler, moved with its format, or left as it is on numbers."""
        if self.is_integer(node):
            self.handlers[node.op].rewrite(self, node)
        elif self.moves_codes(node):
            self.move(node)
        elif self.may_move_codes(node):
            self.read_codes(node)
            self.move(self.graph[node.name])
        else:
            for index in range(len(self.graph.operands(node))):
                self.read_numbers(node, index)

    # --- what a node becomes ------------------------------------------------------------------------------------------

    def is_integer(self, node: Node) -> bool:
        """Whether a node is rewritten: a chosen layer, or an operator over codes that has a row for them."""
        if node.name in self.layers:
            return True
        handler = self.handlers.get(node.op)
        if handler is None or node.op in QUANTIZABLE or not handler.fits(self, node):
            return False
        return any(self.grid(value) is not None for value in self.graph.operands(node))

    def could_be_integer(self, node: Node) -> bool:
        """Whether a node would read codes if it were given some."""
        if node.name in self.layers:
            return self.graph.formats[self.step.weights_of(node)].kind != "float"
        handler = self.handlers.get(node.op)
        return handler is not None and node.op not in QUANTIZABLE and handler.fits(self, node)

    def wants_codes(self, value: Value) -> bool:
        """Whether somebody would read a value as codes, directly or after it was moved."""
        for reader, _ in self.graph.consumers(value):
            if self.could_be_integer(reader):
                return True
            if self.keeps_codes(reader) and any(self.wants_codes(item) for item in outputs_of(self.before, reader)):
                return True
        return False

    def keeps_codes(self, node: Node) -> bool:
        """Whether a row only moves numbers."""
        return node.op != OUTPUT and self.graph.ops[node.op].codes is CodeUse.KEPT

    def moves_codes(self, node: Node) -> bool:
        """Whether a node moves codes of one grid, which stay codes."""
        operands = self.graph.operands(node)
        if not self.keeps_codes(node) or not operands or node.op in {"cat", "stack"}:
            return False
        return self.grid(operands[0]) is not None

    def may_move_codes(self, node: Node) -> bool:
        """Whether a node moves numbers that all its readers want as codes: then it moves the codes."""
        operands = self.graph.operands(node)
        if not self.keeps_codes(node) or len(operands) != 1:
            return False
        source = self.source(operands[0])
        if source not in self.ranges or not self.before.type(source).is_floating:
            return False
        return all(map(self.only_codes, outputs_of(self.before, node)))

    def only_codes(self, value: Value) -> bool:
        """Whether all who read a value want codes, directly or after it was moved."""
        readers = [reader for reader, _ in self.graph.consumers(value)]
        return bool(readers) and all(
            self.could_be_integer(reader)
            or (self.keeps_codes(reader) and all(map(self.only_codes, outputs_of(self.before, reader))))
            for reader in readers
        )

    def move(self, node: Node) -> None:
        """The outputs lie on the grid of the operand; what is padded with is a code."""
        grid = self.grid(self.graph.operand(node))
        if grid is None:
            return
        attributes = dict(node.attributes)
        if node.op == "pad" and attributes.get("mode") == "constant":
            value = attributes.get("value")
            attributes["value"] = float(grid.code(float(value) if isinstance(value, int | float) else 0.0))
        self.graph.replace(node, node.op, tensors=dict(node.tensors), **attributes)
        for value in outputs_of(self.before, node):
            self.grids[value] = grid

    # --- values -------------------------------------------------------------------------------------------------------

    def grid(self, value: Value) -> Grid | None:
        """The grid of a value, None where it is a number."""
        return self.grids.get(value)

    def span(self, value: Value) -> Range:
        """The range of a value of the float graph."""
        return self.ranges[value]

    def read_codes(self, node: Node, operand: int = 0) -> Grid:
        """Let a node read an operand as codes, and give their grid."""
        value = self.graph.operand(node, operand)
        grid = self.grid(value)
        if grid is not None:
            return grid
        if value not in self.as_codes:
            self.as_codes[value] = self.quantized(value)
        self.graph.rewire(node, operand, self.as_codes[value])
        return self.grids[self.as_codes[value]]

    def quantized(self, value: Value) -> Value:
        """A new node that gives the codes of a number."""
        name = f"{value}.quantize".replace(":", ".")
        grid = self.make_grid(name, self.step.activations_of(value.node), self.span(self.source(value)))
        made = self.graph.add("quantize", [value], name=self.fresh(name), tensors=grid.roles(""),
                              format=grid.format, origin=Origin(nodes=(value.node,)), **self.step_gradient)  # fmt: skip
        self.grids[made] = grid
        return made

    def source(self, value: Value) -> Value:
        """The value whose range a moved value has; what was made of codes on the way has none."""
        while value not in self.ranges and value.node in self.before and self.keeps_codes(self.before[value.node]):
            value = self.before.operand(value.node)
        return value

    def read_numbers(self, node: Node, operand: int = 0) -> None:
        """Let a node read an operand as numbers."""
        value = self.graph.operand(node, operand)
        grid = self.grid(value)
        if grid is None:
            return
        if value not in self.as_numbers:
            self.as_numbers[value] = self.dequantized(value, grid.roles(""))
        self.graph.rewire(node, operand, self.as_numbers[value])

    def dequantized(self, value: Value, tensors: Mapping[str, str | torch.Tensor], **attributes: Attribute) -> Value:
        """A new node that gives the numbers of codes."""
        name = self.fresh(f"{value}.dequantize".replace(":", "."))
        return self.graph.add("dequantize", [value], name=name, tensors=dict(tensors),
                              origin=Origin(nodes=(value.node,)), **attributes)  # fmt: skip

    def make_grid(self, name: str, format: str, span: Range) -> Grid:
        """A grid of an activation, with its tensors."""
        row = self.graph.formats[format]
        return make_grid(self.graph, name, row, span, symmetric=self.step.symmetric, dtype=self.dtype,
                         learned=bool(self.step_gradient))  # fmt: skip

    @property
    def step_gradient(self) -> dict[str, Attribute]:
        """The attribute by which a row's scale learns, where scales of activations are learned."""
        return {} if self.step.steps == "fixed" else {"step_gradient": self.step.steps}

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the graph, in which codes are carried and scales are held."""
        floating = [node.type.dtype for node in self.before.inputs if node.outputs and node.type.is_floating]
        return torch_dtype(floating[0]) if floating else torch.float32

    def fresh(self, name: str) -> str:
        """A node name that is free."""
        if name not in self.graph:
            return name
        return next(free for free in (f"{name}_{index}" for index in range(1, len(self.graph) + 2))
                    if free not in self.graph)  # fmt: skip

    # --- rewriting by handlers ----------------------------------------------------------------------------------------

    def output_grid(self, node: Node, source: Value | None = None) -> Grid:
        """A new grid for a node's output, for the range of that or of another value."""
        value = Value(node.name) if source is None else source
        return self.make_grid(node.name, self.step.activations_of(node.name), self.span(value))

    def become(
        self, node: Node, op: str, grid: Grid, tensors: Mapping[str, object], /, **attributes: Attribute
    ) -> Node:
        """Put a row over codes in the place of a node; attributes that both rows have stay."""
        known = self.graph.ops[op].known
        held = {key: value for key, value in node.attributes.items() if key in known}
        chosen: dict[str, Attribute] = {
            "output_format": grid.format, "requantize": self.step.requantize, **self.step_gradient, **attributes
        }  # fmt: skip
        chosen = {key: value for key, value in chosen.items() if key in known}
        made = self.graph.replace(node, op, tensors={**tensors, **grid.roles("output")}, **{**held, **chosen})
        self.grids[Value(made.name)] = grid
        return made

    def absorb(self, node: Node, reader: Node) -> None:
        """Take out the only reader of a node, whose work the node does now."""
        for consumer, operand in self.graph.consumers(reader):
            self.graph.rewire(consumer, operand, Value(node.name))
        self.graph.remove(reader)


def outputs_of(graph: ModelGraph, node: Node) -> list[Value]:
    """All outputs of a node as values."""
    return [Value(node.name, index) for index in range(len(graph[node.name].outputs))]
