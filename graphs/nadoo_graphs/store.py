"""What a graph holds and how it is looked at; below that, the primitive changes that every edit is made of.

A primitive change checks little, marks what has to be inferred again, and tells the journal how to take it
back; it is for the classes that build on this one.
"""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Self, TypeAlias

from nadoo_graphs.contract import Contract
from nadoo_graphs.errors import Code, EditError, GraphError, InvalidGraphError, Problem
from nadoo_graphs.journal import Journal
from nadoo_graphs.node import INPUT, OUTPUT, Node
from nadoo_graphs.ops import Call, Making, OpTable, standard_ops
from nadoo_graphs.tensor_store import TensorStore, nearest
from nadoo_graphs.values import Value, ValueType
from nadoo_graphs.wiring import OrderKey, Wiring

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nadoo_graphs.formats import FormatTable
    from nadoo_graphs.tensors import TensorRecord

Operand: TypeAlias = Value | Node | str


class GraphStore:
    """Nodes, the values between them, tensors, and the contract at the border."""

    def __init__(self, name: str = "model", ops: OpTable | None = None) -> None:
        self.name = name
        self.ops = standard_ops() if ops is None else ops
        self._contract = Contract()
        self._journal = Journal()
        self._wiring = Wiring()
        self._view = self._wiring.frozen_view()
        self._tensors = TensorStore(self._journal)
        self._next_key = 0
        self._order: tuple[str, ...] | None = None
        self._dirty: set[str] = set()
        self._users: dict[str, list[str]] | None = None

    # --- looking ----------------------------------------------------------------------------------------

    @property
    def nx(self) -> "nx.MultiDiGraph[str]":
        """The networkx graph, frozen: every algorithm reads it, only the methods of this class change it."""
        return self._view

    def __len__(self) -> int:
        return len(self._wiring)

    def __contains__(self, name: object) -> bool:
        return name in self._wiring

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes())

    def __getitem__(self, name: str) -> Node:
        if name in self._wiring:
            return self._wiring.node_at(name)
        hint = nearest(name, self._wiring)
        raise EditError(Problem(Code.NAME, f"node {name!r}", f"is not in the graph{hint}"))

    def nodes(self, op: str | Iterable[str] | None = None, name: str | None = None) -> tuple[Node, ...]:
        """The nodes in order of execution, of certain operators, or with names that fit a glob."""
        ops = {op} if isinstance(op, str) else None if op is None else set(op)
        return tuple(
            node
            for node in map(self._wiring.node_at, self.order())
            if (ops is None or node.op in ops) and (name is None or fnmatch.fnmatchcase(node.name, name))
        )

    def order(self) -> tuple[str, ...]:
        """The names in order of execution: topological, ties as they were inserted. A cycle is E08."""
        if self._order is None:
            self._order = self._wiring.sorted_names()
        return self._order

    def operands(self, node: Node | str) -> tuple[Value, ...]:
        """The values that a node reads, in operand order."""
        return tuple(value for _, value in self._wiring.operands_of(self[name_of(node)].name))

    def wires(self, node: Node | str) -> list[tuple[int, Value]]:
        """The operands of a node and the indices on their edges; a broken graph may skip or repeat one."""
        return self._wiring.operands_of(name_of(node))

    def cycles(self) -> list[Problem]:
        """One cycle of each knot of nodes that depend on each other; none in a valid graph."""
        return self._wiring.cycles()

    def consumers(self, value: Operand) -> tuple[tuple[Node, int], ...]:
        """Who reads a value, and as which operand; of a node given as such, who reads any output."""
        name, output = (value.node, value.output) if isinstance(value, Value) else (name_of(value), None)
        edges = self._wiring.readers_of(self[name].name)
        return tuple((self[reader], operand) for reader, operand, index in edges if output in {None, index})

    def producer(self, node: Node | str, operand: int = 0) -> Node:
        """The node that makes an operand of a node."""
        return self[self.operand(node, operand).node]

    def operand(self, node: Node | str, operand: int = 0) -> Value:
        """One operand of a node, or a refusal that says how many there are."""
        operands = self.operands(node)
        if 0 <= operand < len(operands):
            return operands[operand]
        message = f"has no operand {operand}; it has {len(operands)}, counted from 0"
        raise EditError(Problem(Code.NAME, where(self[name_of(node)]), message))

    def type(self, value: Operand) -> ValueType:
        """The type of a value."""
        value = as_value(value)
        outputs = self[value.node].outputs
        if 0 <= value.output < len(outputs):
            return outputs[value.output]
        message = f"output {value.output} was asked for, but it has {len(outputs)}, counted from 0"
        raise EditError(Problem(Code.NAME, f"node {value.node!r}", message))

    @property
    def formats(self) -> "FormatTable":
        """The number formats that values and tensors of this graph may have."""
        return self.ops.formats

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The input nodes in the order of the arguments."""
        return tuple(sorted(self.nodes(op=INPUT), key=lambda node: self._wiring.key_of(node.name)))

    @property
    def output(self) -> Node:
        """The node whose operands are what the graph returns."""
        found = self.nodes(op=OUTPUT)
        if len(found) != 1:
            message = f"has {len(found)} output nodes; call set_outputs"
            raise InvalidGraphError(Problem(Code.OUTPUT, "graph", message))
        return found[0]

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The values that the graph returns, in order."""
        return self.operands(self.output)

    @property
    def contract(self) -> Contract:
        """What the graph expects and promises at its border."""
        return self._contract

    @contract.setter
    def contract(self, contract: Contract) -> None:
        before, self._contract = self._contract, contract
        self._journal.record(lambda: setattr(self, "_contract", before))

    @property
    def tensors(self) -> "Mapping[str, TensorRecord]":
        """All tensors by name, tied ones once."""
        return self._tensors.records

    @property
    def aliases(self) -> Mapping[str, str]:
        """Further names of tied tensors, and the name under which each is held."""
        return self._tensors.aliases

    @property
    def state_order(self) -> tuple[str, ...]:
        """All tensor names, tied ones included, in the order of the state dict."""
        return self._tensors.order

    def record(self, name: str) -> "TensorRecord":
        """A tensor with its role; a tied name leads to the tensor that it shares."""
        return self._tensors.record(name)

    def tensor(self, name: str) -> "torch.Tensor":
        """A tensor by name. Read it; to change it, give a new one to `set_tensor`."""
        return self.record(name).value

    def tensor_users(self, name: str) -> tuple[str, ...]:
        """The nodes that refer to a tensor."""
        if self._users is None:
            self._users = users_of(map(self._wiring.node_at, self._wiring))
        return tuple(self._users.get(name, ()))

    def call(self, node: Node) -> Call:
        """What inference and counting see of a node."""
        operands = tuple(self.type(value) for value in self.operands(node))
        tensors = {role: self.record(name).type for role, name in node.tensors.items()}
        return Call(node.name, node.op, operands, tensors, node.attributes, node.outputs, self.ops)

    def making(self, node: Node, attributes: Mapping[str, object] | None = None) -> Making:
        """What the layer of a node is made from; `attributes` are given where symbols have values already."""
        operands = tuple(self.type(value) for value in self.operands(node))
        given = node.attributes if attributes is None else attributes
        return Making(node.name, given, node.tensors, operands, node.outputs, self.ops)

    def edit(self) -> AbstractContextManager[None]:
        """Several changes as one: types are inferred at its end; if anything raises, nothing has happened."""
        return self._journal.edit(self._settle, self._dirty.clear)

    # --- inference --------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Infer what changed, and whatever follows from it, in topological order."""
        self._dirty.intersection_update(self._wiring)
        while self._dirty:
            names = tuple(self._dirty) if len(self._dirty) == 1 else self.order()
            for name in names:
                if name in self._dirty:
                    self._dirty.discard(name)
                    self._infer(self[name])

    def _infer(self, node: Node) -> None:
        from nadoo_graphs.verification import node_problems, wiring_problems

        problems = wiring_problems(self, node) or node_problems(self, node)
        if problems:
            raise EditError(problems)
        try:
            outputs = self.ops[node.op].types(self.call(node))
        except GraphError as error:
            raise EditError(error.problems) from error
        if outputs == node.outputs:
            return
        self._replace_node(node.with_outputs(outputs))
        self._dirty.update(reader.name for reader, _ in self.consumers(node))

    # --- primitive changes ------------------------------------------------------------------------------

    def _adopt(self, other: Self) -> None:
        """Become a graph of one's own that shares the tensors of another one."""
        self._contract = other.contract
        self._wiring = other._wiring.twin()
        self._view = self._wiring.frozen_view()
        self._tensors = other._tensors.twin(self._journal)
        self._next_key, self._order = other._next_key, other._order

    def _new_key(self, anchor: str | None = None) -> OrderKey:
        self._next_key += 1
        return (self._next_key,) if anchor is None else (*self._wiring.key_of(anchor), self._next_key)

    def _touch(self, name: str) -> None:
        """The wiring around a node has changed."""
        self._dirty.add(name)
        self._order = None

    def _put_node(self, node: Node, key: OrderKey) -> None:
        self._wiring.place(node, key)
        self._touch(node.name)
        self._users = None
        self._journal.record(lambda: self._drop_node(node.name))

    def _replace_node(self, node: Node) -> None:
        before = self[node.name]
        self._wiring.exchange(node)
        if before.tensors != node.tensors:
            self._users = None
        self._journal.record(lambda: self._replace_node(before))

    def _drop_node(self, name: str) -> None:
        for index, value in self._wiring.operands_of(name):
            self._disconnect(value, name, index)
        node, key = self[name], self._wiring.key_of(name)
        self._wiring.remove_node(name)
        self._touch(name)
        self._users = None
        self._dirty.discard(name)
        self._journal.record(lambda: self._put_node(node, key))

    def _connect(self, value: Value, reader: str, operand: int) -> None:
        self._wiring.connect(value, self[reader].name, operand)
        self._touch(reader)
        self._journal.record(lambda: self._disconnect(value, reader, operand))

    def _disconnect(self, value: Value, reader: str, operand: int) -> None:
        self._wiring.disconnect(value, reader, operand)
        self._touch(reader)
        self._journal.record(lambda: self._connect(value, reader, operand))

    def _put_tensor(self, name: str, record: "TensorRecord") -> None:
        before = self.tensors.get(name)
        if before is not None and before.type != record.type:
            self._dirty.update(self.tensor_users(name))
        self._tensors.put(name, record)


def users_of(nodes: Iterable[Node]) -> dict[str, list[str]]:
    """The nodes that refer to each tensor, in their order."""
    found: dict[str, list[str]] = {}
    for node in nodes:
        for name in dict.fromkeys(node.tensors.values()):
            found.setdefault(name, []).append(node.name)
    return found


def name_of(node: Node | str) -> str:
    """The name of a node given as such or by name."""
    return node.name if isinstance(node, Node) else node


def as_value(item: Operand) -> Value:
    """A value given as such, as a node (its first output) or as a node's name."""
    return item if isinstance(item, Value) else Value(name_of(item))


def where(node: Node) -> str:
    """How a problem names a node."""
    return f"node {node.name!r} ({node.op})"
