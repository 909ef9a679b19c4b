"""The edits of a graph: each checks first, works as one step of the journal, and keeps the graph valid."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from nadoo_graphs.building import GraphBuilder
from nadoo_graphs.errors import Code, EditError, Problem
from nadoo_graphs.node import INPUT, OUTPUT, Attribute, Node, NodeSpec, Origin
from nadoo_graphs.store import Operand, as_value, name_of, where
from nadoo_graphs.values import Value


@frozen
class Wire:
    """One operand of one reader, and the output of the node in question that it reads."""

    reader: str
    operand: int
    output: int


class GraphEdits(GraphBuilder):
    """The methods that change what is there; a refused one leaves the graph as it was."""

    def insert_after(self, value: Operand, op: str, /, *others: Operand, **options: Any) -> Value:
        """Put a new node between a value and all who read it; `others` are its further operands."""
        value = as_value(value)
        anchor = self[value.node]
        if anchor.op == OUTPUT:
            raise refusal(anchor, "has no value to insert after; insert before it instead")
        readers = self.consumers(value)
        with self.edit():
            made = self._add_between(value, op, others, options, anchor)
            for reader, operand in readers:
                self.rewire(reader, operand, made)
        return made

    def insert_before(self, node: Node | str, op: str, /, *others: Operand, operand: int = 0, **options: Any) -> Value:
        """Put a new node between one operand of a node and the node."""
        reader = self[name_of(node)]
        value = self.operand(reader, operand)
        with self.edit():
            made = self._add_between(value, op, others, options, reader)
            self.rewire(reader, operand, made)
        return made

    def _add_between(
        self, value: Value, op: str, others: Sequence[Operand], options: Mapping[str, Any], anchor: Node
    ) -> Value:
        operands = [value, *(as_value(item) for item in others)]
        key = self._new_key(value.node)
        return Value(self._add_spec(spec_of(op, options), operands, descendant(anchor), key).name)

    def rewire(self, node: Node | str, operand: int, value: Operand) -> None:
        """Let one operand of a node be another value, unless that closes a cycle."""
        node, value = self[name_of(node)], as_value(value)
        before = self.operand(node, operand)
        if value == before:
            return
        if node.name in self._wiring.ancestors([self[value.node].name]):
            message = f"operand {operand} cannot be {value}: {value.node!r} depends on this node"
            raise refusal(node, f"{message}; choose an earlier value", Code.CYCLE)
        with self.edit():
            self._disconnect(before, node.name, operand)
            self._wire(value, node.name, operand)

    def replace(self, node: Node | str, op: str, /, **options: Any) -> Node:
        """Put another operator, with the same operands and readers and name, in the place of a node."""
        node = self[name_of(node)]
        refuse_border(node, "replaced")
        spec = spec_of(op, {**options, "name": options.get("name") or node.name})
        operands, wires = self.operands(node), self._wires_from(node)
        with self.edit():
            key = self._wiring.key_of(node.name)
            held = self._held_in_place(node, spec)
            self._take_out([node], held.tensors.values())
            new = self._add_spec(held, operands, descendant(node), key)
            self._wire_in(new.name, wires)
        return self[new.name]

    def update(self, node: Node | str, /, **attributes: Attribute) -> Node:
        """Change some attributes of a node; the rest and all wiring stay."""
        node = self[name_of(node)]
        changed = {**node.attributes, **attributes}
        problems = self.ops[node.op].problems(node.name, changed)
        if problems:
            raise EditError(problems)
        with self.edit():
            self._replace_node(evolve(node, attributes=changed))
            self._dirty.add(node.name)
        return self[node.name]

    def bypass(self, node: Node | str, operand: int = 0) -> None:
        """Remove a node and let its readers read one of its operands; the types must be equal."""
        node = self[name_of(node)]
        refuse_border(node, "bypassed")
        value = self.operand(node, operand)
        if len(node.outputs) != 1:
            raise refusal(node, f"has {len(node.outputs)} outputs; only a node with one can be bypassed")
        if self.type(value) != node.type:
            message = f"operand {operand} is {self.type(value)}, the output {node.type}; they must be equal"
            raise refusal(node, message, Code.SHAPE)
        with self.edit():
            for reader, index in self.consumers(node):
                self.rewire(reader.name, index, value)
            self.remove(node.name)

    def remove(self, node: Node | str) -> None:
        """Remove a node that nobody reads, and the tensors that only it used."""
        node = self[name_of(node)]
        if node.op == OUTPUT:
            raise refusal(node, "is what the graph returns; set_outputs changes it")
        if node.op == INPUT and node.name in {item.name for item in self.contract.inputs}:
            raise refusal(node, "is named by the contract; assign graph.contract without it first")
        readers = list(dict.fromkeys(reader.name for reader, _ in self.consumers(node)))
        if readers:
            message = f"is still read by {', '.join(readers)}; bypass it, or rewire them first"
            raise refusal(node, message, Code.NAME)
        with self.edit():
            self._drop_node(node.name)
            self._remove_unused(node.tensors.values())

    def remove_dead(self) -> tuple[str, ...]:
        """Remove every node that no output and no side effect depends on; inputs stay. Give their names."""
        roots = [node.name for node in self.nodes() if node.op in {INPUT, OUTPUT} or self.ops[node.op].effect]
        alive = self._wiring.ancestors(roots)
        dead = [name for name in self.order() if name not in alive]
        with self.edit():
            for name in reversed(dead):
                self.remove(name)
        return tuple(dead)

    def split(self, node: Node | str, specs: Sequence[NodeSpec]) -> tuple[Node, ...]:
        """Put a chain of nodes in the place of one: the first reads its operands, the last is read for it."""
        node = self[name_of(node)]
        refuse_border(node, "split")
        if not specs:
            raise refusal(node, "was to be split into nothing; give at least one NodeSpec")
        operands, wires, made = self.operands(node), self._wires_from(node), list[str]()
        with self.edit():
            key = self._wiring.key_of(node.name)
            self._take_out([node], [item for spec in specs for item in spec.tensors.values()])
            for index, spec in enumerate(specs):
                named = evolve(spec, name=spec.name or self._free_name(f"{node.name}.{spec.op}"))
                made.append(self._add_spec(named, operands, descendant(node), (*key, index)).name)
                operands = (Value(made[-1]),)
            self._wire_in(made[-1], wires)
        return tuple(self[name] for name in made)

    def merge(self, nodes: Sequence[Node | str], spec: NodeSpec) -> Node:
        """Put one node in the place of several connected ones of which only the last is read from outside.

        It reads what they read from outside, in order, each value once; its name is that of the last.
        """
        names = {self[name_of(node)].name for node in nodes}
        ordered = [self[name] for name in self.order() if name in names]
        self._refuse_escapes(ordered, names)
        outside = [value for node in ordered for value in self.operands(node) if value.node not in names]
        last, wires = ordered[-1], self._wires_from(ordered[-1])
        with self.edit():
            key = self._wiring.key_of(last.name)
            held = self._held_in_place(last, evolve(spec, name=spec.name or last.name))
            self._take_out(ordered, held.tensors.values())
            new = self._add_spec(held, list(dict.fromkeys(outside)), descendant(*ordered), key)
            self._wire_in(new.name, wires)
        return self[new.name]

    def _refuse_escapes(self, ordered: Sequence[Node], names: set[str]) -> None:
        """Only the last of merged nodes may be read from outside, and all others must lead to it."""
        if not ordered:
            raise EditError(Problem(Code.SCHEMA, "merge", "was given no nodes; name at least one"))
        for node in ordered:
            refuse_border(node, "merged")
        for node in ordered[:-1]:
            readers = [reader.name for reader, _ in self.consumers(node)]
            outside = [name for name in readers if name not in names]
            if outside:
                message = f"is also read by {outside[0]!r}, outside of the merged nodes; only the last may be"
                raise refusal(node, message)
            if not readers:
                raise refusal(node, f"does not lead to {ordered[-1].name!r}; merged nodes must be connected")

    def rename(self, node: Node | str, name: str) -> Node:
        """Give a node another name; wiring, place and contract follow."""
        node = self[name_of(node)]
        if name == node.name:
            return node
        self._free_name(name, exact=True)
        operands, wires = self.operands(node), self._wires_from(node)
        with self.edit():
            key = self._wiring.key_of(node.name)
            self._take_out([node], node.tensors.values())
            self._put_node(evolve(node, name=name), key)
            for index, value in enumerate(operands):
                self._connect(value, name, index)
            self._wire_in(name, wires)
            if node.op == INPUT:
                self._rename_input(node.name, name)
        return self[name]

    def _rename_input(self, before: str, after: str) -> None:
        inputs = self.contract.inputs
        renamed = tuple(evolve(item, name=after) if item.name == before else item for item in inputs)
        if renamed != inputs:
            self.contract = evolve(self.contract, inputs=renamed)

    # --- parts of edits ---------------------------------------------------------------------------------

    def _wires_from(self, node: Node) -> list[Wire]:
        """How a node is read, so that another can be wired in its place."""
        return [Wire(*edge) for edge in self._wiring.readers_of(node.name)]

    def _take_out(self, nodes: Sequence[Node], kept: Iterable[object]) -> None:
        """Drop nodes with their wiring, and the tensors that only they used, but for those that are kept."""
        for node in nodes:
            for wire in self._wires_from(node):
                self._disconnect(Value(node.name, wire.output), wire.reader, wire.operand)
        for node in nodes:
            self._drop_node(node.name)
        held = {self.aliases.get(item, item) for item in kept if isinstance(item, str)}
        self._remove_unused({name for node in nodes for name in node.tensors.values()} - held)

    def _wire_in(self, name: str, wires: Sequence[Wire]) -> None:
        """Let a node be read as another was."""
        for wire in wires:
            self._wire(Value(name, wire.output), wire.reader, wire.operand)

    def _held_in_place(self, node: Node, spec: NodeSpec) -> NodeSpec:
        """Write new tensors under the names of those they replace, so that the state dict keeps its order."""
        tensors: dict[str, Any] = dict(spec.tensors)
        for role, value in tensors.items():
            name = node.tensors.get(role)
            if name is None or isinstance(value, str) or self.tensor_users(name) != (node.name,):
                continue
            self._put_tensor(name, self.record(name).with_value(value))
            tensors[role] = name
        return evolve(spec, tensors=tensors)


def refusal(node: Node, message: str, code: Code = Code.SCHEMA) -> EditError:
    """An edit that the graph refuses, with the node it was asked for."""
    return EditError(Problem(code, where(node), message))


def refuse_border(node: Node, verb: str) -> None:
    """Inputs and the output belong to the contract; edits leave them alone."""
    if node.op in {INPUT, OUTPUT}:
        message = f"is the border of the graph and cannot be {verb}; add_input and set_outputs change it"
        raise refusal(node, message)


def descendant(*nodes: Node) -> Origin:
    """The origin of a node made from others: the module of the first, and the names of all and their own."""
    names = dict.fromkeys(name for node in nodes for name in (node.name, *node.origin.nodes))
    return evolve(nodes[0].origin, nodes=tuple(names))


def spec_of(op: str, options: Mapping[str, Any]) -> NodeSpec:
    """The node that an edit's keyword arguments describe: name, tensors, and attributes by their names."""
    attributes = {key: value for key, value in options.items() if key not in {"name", "tensors"}}
    return NodeSpec(op, attributes, options.get("tensors") or {}, options.get("name"))
