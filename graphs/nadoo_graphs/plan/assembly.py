"""From resolved blocks to the document of one graph: every use of a block becomes nodes, names are given back.

What stands in `x_origin` decides the names; without it they follow from instances and local names, and constants
with the same place in the data files are one tensor.
"""

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from nadoo_graphs.contract import Contract
from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.node import INPUT, OUTPUT, TENSOR, Node, Origin
from nadoo_graphs.plan.document import (
    NodeOrigin,
    PlanInstance,
    PlanModel,
    PlanTensor,
    input_ports,
    origins_of,
    output_ports,
)
from nadoo_graphs.plan.instances import free_name, instances_of
from nadoo_graphs.plan.resolve import ResolvedBlock
from nadoo_graphs.saving.document import GraphDocument, TensorEntry
from nadoo_graphs.saving.stored import StoredTensor
from nadoo_graphs.tensors import TensorRole
from nadoo_graphs.values import FLOATING, Value

STATE_ROLES = ("running_mean", "running_var", "num_batches_tracked", "target")
"""Roles of tensors that are no parameters, whatever their dtype."""


@frozen
class Constant:
    """One tensor of the graph: its name, the constant that it was read from, and where that stands."""

    name: str
    item: PlanTensor
    where: str


@frozen
class Draft:
    """A node to be, and its place in the order of the exported graph."""

    node: Node
    operands: tuple[Value, ...]
    order: int | None


class Assembly:
    """One graph in the making."""

    def __init__(self, model: PlanModel, blocks: Mapping[str, ResolvedBlock]) -> None:
        self.model = model
        self.blocks = blocks
        self.constants: dict[str, Constant] = {}
        self.places: dict[tuple[object, ...], str] = {}
        self.drafts: dict[str, Draft] = {}
        self.values: dict[str, Value] = {}
        self.state_roles: set[str] = set()
        self.reserved = self.reserved_names()
        self.taken = set(self.reserved)
        self.problems: list[Problem] = []

    # --- names --------------------------------------------------------------------------------------------------------

    def reserved_names(self) -> set[str]:
        """The names that origins give, which no other node may take."""
        origins = [*(self.model.origin.inputs if self.model.origin else ())]
        for resolved in self.blocks.values():
            for item in resolved.block.items:
                origins.extend(origins_of(item))
        output = self.model.origin.output if self.model.origin else OUTPUT
        return {output, *(origin.node for origin in origins)}

    def node_name(self, origin: NodeOrigin | None, fallback: str) -> str:
        """The name of a node: the one that it had, or a free one."""
        return free_name(fallback, self.taken) if origin is None else origin.node

    # --- tensors ------------------------------------------------------------------------------------------------------

    def add_constants(self, instance: PlanInstance, resolved: ResolvedBlock) -> dict[str, str]:
        """The names in the graph of a block's constants."""
        where = f"block {resolved.block.name!r} tensor"
        return {
            local: self.constant_name(item, f"{instance.name}.{local}", f"{where} {local!r}")
            for local, item in resolved.tensors.items()
        }

    def constant_name(self, item: PlanTensor, fallback: str, where: str) -> str:
        """The name of a constant; one that is known already must be the same."""
        if item.origin is None:
            key = ("place", *item.place)
            if key not in self.places:
                self.places[key] = free_name(fallback, set(self.constants))
            name = self.places[key]
        else:
            name = item.origin.name
        known = self.constants.setdefault(name, Constant(name, item, where))
        if known.item.place != item.place or role_of(known.item) != role_of(item):
            message = f"is called {name!r} as {known.where} is, but is another tensor; rename one in x_origin"
            self.problems.append(Problem(Code.NAME, where, message))
        return name

    # --- nodes --------------------------------------------------------------------------------------------------------

    def add_inputs(self) -> None:
        """What goes into the model."""
        types = self.model.signature.inputs
        origins: Sequence[NodeOrigin | None] = self.model.origin.inputs if self.model.origin else (None,) * len(types)
        if len(origins) != len(types):
            message = f"x_origin names {len(origins)} inputs, the model has {len(types)}; remove it, or name each"
            self.problems.append(Problem(Code.SCHEMA, "model", message))
            origins = (None,) * len(types)
        for port, origin, declared in zip(input_ports(len(types)), origins, types, strict=True):
            name = self.node_name(origin, port)
            self.put(Draft(Node(name, INPUT, outputs=(declared,), origin=origin_of(origin)), (), order_of(origin)))
            self.values[port] = Value(name)

    def put(self, draft: Draft) -> None:
        """Add a node; two nodes of one name are refused, unless both hand on the same tensor."""
        known = self.drafts.setdefault(draft.node.name, draft)
        if known != draft:
            message = "is the name of two nodes in x_origin; rename one of them, or remove x_origin"
            self.problems.append(Problem(Code.NAME, f"node {draft.node.name!r}", message))

    def add_use(self, instance: PlanInstance, use: int) -> None:
        """The nodes of one use of a block, counted from 0."""
        resolved = self.blocks[instance.block]
        names = self.add_constants(instance, resolved)
        local: dict[str, Value] = {
            port: self.values[reference]
            for port, reference in zip(input_ports(len(instance.inputs)), instance.inputs, strict=True)
        }
        for node in resolved.graph.nodes():
            if node.op != INPUT:
                local[node.name] = self.add_node(node, instance, use, names, local)
        for port, value in zip(instance.outputs, resolved.outputs, strict=True):
            if value is not None:
                given = evolve(local[value.node], output=local[value.node].output + value.output)
                self.values[f"{instance.name}.{port}"] = given
                self.values[port] = given

    def add_node(
        self,
        node: Node,
        instance: PlanInstance,
        use: int,
        names: Mapping[str, str],
        local: Mapping[str, Value],
    ) -> Value:
        """One node of a use, under its own name."""
        resolved = self.blocks[instance.block]
        item = resolved.tensors.get(node.name) if node.op == TENSOR else resolved.items.get(node.name)
        origins = () if item is None else origins_of(item)
        origin = origins[use] if use < len(origins) else None
        base = node.name.replace("#", "_") if not node.name.startswith("#") else f"{node.op}{node.name[1:]}"
        name = self.node_name(origin, f"{instance.name}.{base}")
        tensors = {role: names[tensor] for role, tensor in node.tensors.items()}
        self.state_roles |= {tensors[role] for role in STATE_ROLES if role in tensors}
        operands = tuple(
            evolve(local[value.node], output=local[value.node].output + value.output)
            for value in resolved.graph.operands(node)
        )
        made = evolve(node, name=name, tensors=tensors, origin=origin_of(origin))
        self.put(Draft(made, operands, order_of(origin)))
        return Value(name)

    # --- the whole ----------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """All inputs, then every use of every block."""
        self.add_inputs()
        uses: dict[str, int] = {}
        for instance in instances_of(self.model):
            use = uses.get(instance.block, 0)
            uses[instance.block] = use + 1
            self.add_use(instance, use)

    def document(self) -> GraphDocument:
        """The document of the graph, as a saved one would be."""
        origin = self.model.origin
        outputs = tuple(self.values[port] for port in output_ports(len(self.model.signature.outputs)))
        result = Node(origin.output if origin else OUTPUT, OUTPUT)
        contract = origin.contract if origin else Contract(symbols=dict(self.model.meta.symbols))
        drafts = in_order(list(self.drafts.values()))
        aliases = dict(origin.aliases) if origin else {}
        return GraphDocument(
            name=self.model.name,
            nodes=(*((draft.node, draft.operands) for draft in drafts), (result, outputs)),
            contract=contract,
            tensors=tuple(self.entry(constant) for constant in self.constants.values()),
            aliases=aliases,
            state_order=origin.state_order if origin else tuple(self.constants),
            examples=(),
            tensors_file=None,
            examples_file=None,
        )

    def entry(self, constant: Constant) -> TensorEntry:
        """The row of a tensor; without an origin, numbers that can be trained are parameters."""
        item = constant.item
        stored = StoredTensor(constant.name, item.type, item.sha256 or "")
        if item.origin is not None:
            return TensorEntry(stored, item.origin.role, item.origin.persistent, item.origin.trainable)
        trains = item.type.dtype in FLOATING and constant.name not in self.state_roles
        role: TensorRole = "parameter" if trains else "buffer"
        return TensorEntry(stored, role, persistent=True, trainable=trains)


def origin_of(origin: NodeOrigin | None) -> Origin:
    """Where a node came from, as far as it is known."""
    return Origin() if origin is None else origin.origin


def order_of(origin: NodeOrigin | None) -> int | None:
    """The place of a node in the exported graph."""
    return None if origin is None else origin.order


def role_of(item: PlanTensor) -> tuple[object, ...]:
    """What two constants of one tensor agree about."""
    return () if item.origin is None else (item.origin.role, item.origin.persistent, item.origin.trainable)


def in_order(drafts: Sequence[Draft]) -> list[Draft]:
    """The nodes in the order of the exported graph, where every node knows its place and it is an order at all."""
    orders = [draft.order for draft in drafts if draft.order is not None]
    if len(orders) != len(drafts) or len(set(orders)) != len(orders):
        return list(drafts)
    found = sorted(drafts, key=lambda draft: draft.order or 0)
    inputs = [draft.node.name for draft in drafts if draft.node.op == INPUT]
    same = inputs == [draft.node.name for draft in found if draft.node.op == INPUT]
    return found if same and is_order(found) else list(drafts)


def is_order(drafts: Iterable[Draft]) -> bool:
    """Whether every node stands behind those that it reads."""
    seen: set[str] = set()
    for draft in drafts:
        if any(value.node not in seen for value in draft.operands):
            return False
        seen.add(draft.node.name)
    return True
