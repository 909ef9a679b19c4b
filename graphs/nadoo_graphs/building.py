"""Building a graph by hand: tensors, inputs, nodes and outputs, each checked and inferred as it is added."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve

from nadoo_graphs.errors import Code, EditError, Problem
from nadoo_graphs.node import INPUT, OUTPUT, Attribute, Node, NodeSpec, Origin
from nadoo_graphs.sizes import Symbolic
from nadoo_graphs.store import GraphStore, Operand, as_value, where
from nadoo_graphs.values import Value, value_type
from nadoo_graphs.wiring import LAST_KEY, OrderKey

if TYPE_CHECKING:
    import torch

    from nadoo_graphs.tensors import TensorRecord, TensorRole

ReadyNode: TypeAlias = tuple[Node, Sequence[Value]]

LONGEST_NAME = 512
BORDER = {INPUT: "add_input", OUTPUT: "set_outputs"}


class GraphBuilder(GraphStore):
    """The methods that add what was not there before."""

    # --- tensors ----------------------------------------------------------------------------------------

    def add_tensor(
        self,
        name: str,
        value: "torch.Tensor",
        role: "TensorRole" = "parameter",
        *,
        persistent: bool = True,
        trainable: bool | None = None,
        format: str | None = None,
    ) -> str:
        """Add a tensor that the graph owns from now on; give its name."""
        from nadoo_graphs.tensors import TensorRecord, owned

        self._tensors.refuse_taken(name, "set_tensor replaces it")
        floating = value.is_floating_point() or value.is_complex()
        trains = role == "parameter" and floating if trainable is None else trainable
        self._put_tensor(name, TensorRecord(owned(value), role, persistent, trains, format))
        return name

    def tie_tensor(self, name: str, holder: str) -> None:
        """Give a tensor a second name, as tied weights have in a state dict."""
        self._tensors.holder(holder)
        self._tensors.refuse_taken(name, "a tied name must be new")
        self._tensors.tie(name, holder)

    def set_tensor(self, name: str, value: "torch.Tensor") -> None:
        """Replace a tensor everywhere it is used; types that follow from its shape are inferred again."""
        record = self.record(name)
        with self.edit():
            self._put_tensor(self._tensors.holder(name), record.with_value(value))

    def set_tensors(self, values: "Mapping[str, torch.Tensor]") -> None:
        """Take back trained tensors by name, copying them: `graph.set_tensors(module.state_dict())`."""
        with self.edit():
            for name, value in values.items():
                if self._tensors.holder(name) == name:
                    self.set_tensor(name, value.detach().clone())

    def remove_tensor(self, name: str) -> None:
        """Remove a tensor that no node refers to, with its tied names."""
        holder = self._tensors.holder(name)
        users = self.tensor_users(holder)
        if users:
            message = f"is used by {', '.join(users)}; remove them first"
            raise EditError(Problem(Code.NAME, f"tensor {name!r}", message))
        self._tensors.drop(holder)

    def _remove_unused(self, names: Iterable[str]) -> None:
        """Drop those of the tensors that no node refers to any more."""
        candidates = set(names)
        if not candidates:
            return
        nodes = map(self._wiring.node_at, self._wiring)
        used = {name for node in nodes for name in node.tensors.values()}
        for name in sorted(candidates - used):
            self._tensors.drop(name)

    # --- nodes ------------------------------------------------------------------------------------------

    def add_input(self, name: str, shape: Sequence[int | str | Symbolic], dtype: str = "float32") -> Value:
        """Add an input; sizes given as text are symbols, such as "N" for the batch."""
        named = [item.name for item in self.contract.inputs]
        if named and name not in named:
            message = f"the contract names the inputs {named}; assign graph.contract with this one in it first"
            raise EditError(Problem(Code.NAME, f"input {name!r}", message))
        node = Node(self._free_name(name, exact=True), INPUT, outputs=(value_type(shape, dtype),))
        with self.edit():
            self._put_node(node, self._new_key())
        return Value(node.name)

    def add(
        self,
        op: str,
        operands: Sequence[Operand] = (),
        /,
        *,
        name: str | None = None,
        tensors: "Mapping[str, torch.Tensor | str] | None" = None,
        origin: Origin | None = None,
        **attributes: Attribute,
    ) -> Value:
        """Add a node that reads the operands; types are inferred. Tensors are given, or named if known."""
        spec = NodeSpec(op, attributes, tensors or {}, name)
        return Value(self._add_spec(spec, [as_value(item) for item in operands], origin or Origin()).name)

    def set_outputs(self, outputs: Sequence[Operand], name: str = OUTPUT) -> None:
        """Say what the graph returns, in place of what it returned before."""
        values = [as_value(item) for item in outputs]
        if not values:
            message = "nothing is returned; give at least one value"
            raise EditError(Problem(Code.OUTPUT, f"node {name!r} (output)", message))
        with self.edit():
            for node in self.nodes(op=OUTPUT):
                self._drop_node(node.name)
            self._put_node(Node(self._free_name(name, exact=True), OUTPUT), LAST_KEY)
            for index, value in enumerate(values):
                self._wire(value, name, index)
            self._promise(len(values))

    def assemble(self, records: "Mapping[str, TensorRecord | str]", nodes: Sequence[ReadyNode]) -> None:
        """Fill an empty graph with tensors (a text is a tied name) and nodes that are complete, types included.

        Nothing is inferred on the way: whoever assembles calls `verify`, which then judges everything at once.
        """
        for name, record in records.items():
            if isinstance(record, str):
                self.tie_tensor(name, record)
            else:
                self._put_tensor(name, record)
        for node, _ in nodes:
            self._put_node(node, LAST_KEY if node.op == OUTPUT else self._new_key())
        for node, operands in nodes:
            for index, value in enumerate(operands):
                self._connect(value, node.name, index)
        self._dirty.clear()

    def infer_again(self, names: Iterable[str]) -> None:
        """Infer the types of some nodes, and of whatever follows from them, once what they depend on has changed."""
        with self.edit():
            self._dirty.update(names)

    def _promise(self, count: int) -> None:
        """Another number of results has no names and no structure until the contract is given them."""
        contract = self.contract
        if contract.results is not None and contract.results.leaves() != count:
            contract = evolve(contract, results=None)
        if contract.outputs and len(contract.outputs) != count:
            contract = evolve(contract, outputs=())
        if contract is not self.contract:
            self.contract = contract

    def _add_spec(self, spec: NodeSpec, operands: Sequence[Value], origin: Origin, key: OrderKey | None = None) -> Node:
        row = self.ops[spec.op]
        name = self._free_name(spec.name or spec.op, exact=spec.name is not None)
        if spec.op in BORDER:
            message = f"is the border of the graph; {BORDER[spec.op]} makes it"
            raise EditError(Problem(Code.SCHEMA, f"node {name!r} ({spec.op})", message))
        attributes = row.complete(spec.attributes)
        problems = row.problems(name, attributes)
        if problems:
            raise EditError(problems)
        with self.edit():
            held = {role.name: role.held for role in row.roles_of(attributes)}
            tensors = {
                role: self._hold(name, role, value, held.get(role, "parameter")) for role, value in spec.tensors.items()
            }
            self._put_node(Node(name, spec.op, attributes, tensors, (), origin), key or self._new_key())
            for index, value in enumerate(operands):
                self._wire(value, name, index)
            self._infer_added(name)
        return self[name]

    def _hold(self, node: str, role: str, value: Any, held: Any) -> str:
        if isinstance(value, str):
            return self._tensors.holder(value)
        return self.add_tensor(f"{node}.{role}", value, held)

    def _wire(self, value: Value, reader: str, operand: int) -> None:
        """Connect an operand to an output that exists, or may exist once its node has been inferred."""
        if self[value.node].op == OUTPUT or value.node == reader:
            message = f"cannot be read by {reader!r}; choose a node before it"
            raise EditError(Problem(Code.NAME, where(self[value.node]), message))
        if value.node not in self._dirty or value.output < 0:
            self.type(value)
        self._connect(value, reader, operand)

    def _infer_added(self, name: str) -> None:
        """Infer a new node at once, unless its operands wait for the other changes of an open edit."""
        if any(value.node in self._dirty for value in self.operands(name)):
            return
        self._dirty.discard(name)
        self._infer(self[name])

    def _free_name(self, name: str, *, exact: bool = False) -> str:
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            message = f"a name has 1 to {LONGEST_NAME} printable characters; choose another"
            raise EditError(Problem(Code.NAME, f"node {name[:60]!r}", message))
        if name not in self._wiring:
            return name
        if exact:
            raise EditError(Problem(Code.NAME, f"node {name!r}", "is in the graph already; choose another name"))
        names = (f"{name}_{index}" for index in range(1, len(self._wiring) + 2))
        return next(free for free in names if free not in self._wiring)
