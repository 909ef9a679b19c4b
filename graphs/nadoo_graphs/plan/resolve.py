"""A block as a small graph: its items become nodes, and every type that the block does not declare is inferred.

What cannot be understood is noted and left out; whatever depends on it is passed over, so that one mistake is one
problem.
"""

import difflib
from collections.abc import Collection, Mapping
from functools import cached_property

from attrs import frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops import Op, OpTable
from nadoo_graphs.plan import library
from nadoo_graphs.plan.block_names import block_name_problems, where_of
from nadoo_graphs.plan.datatypes import quantization_problems
from nadoo_graphs.plan.document import (
    Item,
    PlanBlock,
    PlanLayer,
    PlanOperation,
    PlanTensor,
    Scalar,
    input_ports,
    output_ports,
)
from nadoo_graphs.plan.opaque_layers import OpaqueCall
from nadoo_graphs.plan.operations import ALIAS, NUMBER, ROWS, attributes_of, operation_problems
from nadoo_graphs.plan.placing import place, place_constant, place_input, place_tensor, relocated
from nadoo_graphs.saving.assembly import attribute_sizes
from nadoo_graphs.sizes import symbols_of
from nadoo_graphs.values import Value, ValueType


@frozen
class Tables:
    """What a plan is read with: operators, formats, the operators of torch that it may call, and its symbols."""

    ops: OpTable
    formats: FormatTable
    operators: Collection[str]
    symbols: Collection[str]

    @cached_property
    def layers(self) -> Mapping[str, Op]:
        """The layer library."""
        return library.layer_rows(self.ops)


@frozen
class ResolvedBlock:
    """A block, the graph of its nodes, the values that it gives, and the items that the nodes were made from."""

    block: PlanBlock
    graph: ModelGraph
    outputs: tuple[Value | None, ...]
    items: Mapping[str, Item]
    problems: tuple[Problem, ...]

    @property
    def tensors(self) -> Mapping[str, PlanTensor]:
        """The constants by name."""
        return {item.name: item for item in self.block.items if isinstance(item, PlanTensor)}


def resolve(block: PlanBlock, tables: Tables) -> ResolvedBlock:
    """The graph of a block and everything that is wrong with it."""
    reader = BlockReader(block, tables)
    reader.read()
    return ResolvedBlock(block, reader.graph, reader.outputs(), reader.items, tuple(reader.problems))


class BlockReader:
    """One reading: the graph so far, and the values by name."""

    def __init__(self, block: PlanBlock, tables: Tables) -> None:
        self.block = block
        self.tables = tables
        self.graph = ModelGraph(block.name, tables.ops)
        self.values: dict[str, Value] = {}
        self.items: dict[str, Item] = {}
        self.problems: list[Problem] = block_name_problems(block)

    def read(self) -> None:
        """All items in order."""
        signature = self.block.signature
        for name, declared in zip(input_ports(len(signature.inputs)), signature.inputs, strict=True):
            self.values[name] = place_input(self.graph, name, declared)
        for index, item in enumerate(self.block.items):
            where = where_of(self.block, index)
            if isinstance(item, PlanTensor):
                self.read_tensor(item, where)
            elif isinstance(item, PlanLayer):
                self.read_layer(item, where, f"#{index}")
            else:
                self.read_operation(item, where)

    def outputs(self) -> tuple[Value | None, ...]:
        """The values of the block, held against what it declares; None for one that is not known."""
        declared = self.block.signature.outputs
        names = output_ports(len(declared))
        for name, expected in zip(names, declared, strict=True):
            found = self.value(name)
            if found is not None:
                where = f"block {self.block.name!r} output {name}"
                self.problems.extend(type_problems(where, expected, self.graph.type(found)))
        return tuple(self.value(name) for name in names)

    # --- values -------------------------------------------------------------------------------------------------------

    def value(self, name: str) -> Value | None:
        """The value of a name; None for one that could not be made."""
        if name not in self.values and name in self.graph.tensors:
            self.values[name] = place_constant(self.graph, name)
        return self.values.get(name)

    def known(self, names: Collection[str]) -> list[Value] | None:
        """The values of some names; None unless all are there."""
        found = [value for value in map(self.value, names) if value is not None]
        return found if len(found) == len(names) else None

    def define(self, names: Collection[str], node: Node) -> None:
        """Let the outputs of a node have names; a name that is taken keeps its first meaning."""
        for index, name in enumerate(names):
            self.values.setdefault(name, Value(node.name, index))

    # --- items --------------------------------------------------------------------------------------------------------

    def read_tensor(self, item: PlanTensor, where: str) -> None:
        """A constant; it becomes a node once it is read as a value."""
        if item.quantization is not None:
            self.problems.extend(quantization_problems(where, item.type, item.quantization, self.tables.formats))
        if item.name in self.graph.tensors or item.name in self.values:
            return
        place_tensor(self.graph, item.name, item.type)
        if item.origin is not None and item.origin.nodes:
            self.value(item.name)

    def read_layer(self, layer: PlanLayer, where: str, spare: str) -> None:
        """A layer of the library, or an operator of torch's."""
        name = layer.outputs[0] if layer.outputs else spare
        operands = self.known(layer.inputs)
        if "." in layer.name:
            types = [self.graph.type(value) for value in operands or ()]
            call = OpaqueCall(layer, where, types)
            problems = call.problems(self.tables.operators) if operands is not None else []
            node = None if problems else call.node(name)
            self.problems.extend(problems)
        else:
            node = self.layer_node(layer, where, name)
        if node is not None and operands is not None and self.has(layer.weights.values()):
            self.place(node, operands, layer, where)
            self.check_count(layer, where, node.name)

    def has(self, tensors: Collection[str]) -> bool:
        """Whether all weights are there."""
        return all(name in self.graph.tensors for name in tensors)

    def layer_node(self, layer: PlanLayer, where: str, name: str) -> Node | None:
        """The node of a layer of the library; None where its name or a parameter is wrong."""
        row = self.tables.layers.get(layer.name)
        if row is None:
            near = difflib.get_close_matches(layer.name, self.tables.layers, 3)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "nadoo_graphs.ops lists all"
            self.problems.append(Problem(Code.UNKNOWN, where, f"no layer is called {layer.name[:80]!r}; {hint}"))
            return None
        weights = {
            role: self.graph.tensors[tensor].type
            for role, tensor in layer.weights.items()
            if tensor in self.graph.tensors
        }
        attributes, problems = library.attributes_of(where, row, layer.name, layer.params, weights)
        wrong = relocated(row.problems(name, attributes), where)
        self.problems.extend([*problems, *wrong])
        return None if wrong else Node(name, row.name, attributes, layer.weights)

    def check_count(self, layer: PlanLayer, where: str, name: str) -> None:
        """A layer names as many outputs as it has."""
        if name in self.graph and len(self.graph[name].outputs) != len(layer.outputs):
            count = len(self.graph[name].outputs)
            message = f"names {len(layer.outputs)} outputs, but has {count}; name each of them"
            self.problems.append(Problem(Code.SCHEMA, where, message))

    def read_operation(self, item: PlanOperation, where: str) -> None:
        """Arithmetic; a sum of many is a sum of two, and so on from the left."""
        names = [name for name in item.inputs if isinstance(name, str)]
        operands = self.known(names)
        if operands is None:
            return
        types = {name: self.graph.type(self.values[name]) for name in names}
        problems = operation_problems(where, item, types)
        self.problems.extend(problems)
        if problems or item.output in self.values:
            return
        if item.type == ALIAS:
            self.values[item.output] = operands[0]
            return
        name, number = ROWS[item.type], number_of(item)
        if name not in self.tables.ops or (number is not None and NUMBER not in self.tables.ops[name].known):
            message = f"needs an operator {name!r} that takes this; the table in use has none, import with another"
            self.problems.append(Problem(Code.UNKNOWN, where, message))
            return
        row = self.tables.ops[name]
        self.place_chain(item, row, row.complete(attributes_of(row, number)), operands, where)

    def place_chain(
        self, item: PlanOperation, row: Op, attributes: Mapping[str, Attribute], operands: list[Value], where: str
    ) -> None:
        """The node of an operation, or as many as a sum of several takes."""
        first, *others = operands
        for index, other in enumerate(others[:-1]):
            node = Node(f"{item.output}#{index + 1}", row.name, attributes)
            self.place(node, [first, other], None, where)
            if node.name not in self.graph:
                return
            first = Value(node.name)
        self.place(Node(item.output, row.name, attributes), [first, *others[-1:]], item, where)

    def place(self, node: Node, operands: list[Value], item: PlanLayer | PlanOperation | None, where: str) -> None:
        """Add a node, unless something is wrong with it."""
        if node.name in self.graph:
            return
        problems = [*relocated(place(self.graph, node, operands), where), *self.symbol_problems(node, where)]
        self.problems.extend(problems)
        if problems or item is None:
            return
        self.items[node.name] = item
        self.define(item.outputs if isinstance(item, PlanLayer) else (item.output,), self.graph[node.name])

    def symbol_problems(self, node: Node, where: str) -> list[Problem]:
        """Symbols that the plan does not declare."""
        sizes = [*attribute_sizes(node), *(size for item in node.outputs for size in item.shape)]
        return undeclared(where, {name for size in sizes for name in symbols_of(size)}, self.tables.symbols)


def number_of(item: PlanOperation) -> Attribute:
    """The number of an operation, wherever it stands."""
    numbers = [operand.value for operand in item.inputs if isinstance(operand, Scalar)]
    return numbers[0] if numbers else item.exponent


def undeclared(where: str, used: Collection[str], declared: Collection[str]) -> list[Problem]:
    """Symbols without a declaration."""
    return [
        Problem(Code.SYMBOL, where, f"symbol {name!r} is not declared; add it to meta.symbols, or give a number")
        for name in sorted(set(used) - set(declared))
    ]


def type_problems(where: str, declared: ValueType, found: ValueType) -> list[Problem]:
    """A declared type against the one that follows."""
    message = f"is declared {declared}, but {found} follows; make them agree"
    problems: list[Problem] = []
    if declared.shape != found.shape:
        problems.append(Problem(Code.SHAPE, where, message))
    if (declared.dtype, declared.format) != (found.dtype, found.format):
        problems.append(Problem(Code.DTYPE, where, message))
    return problems
