"""Reading `x_origin`: what makes an imported graph equal to the exported one, and may be left out of any plan."""

from typing import cast

from nadoo_graphs.decoding import decode_origin as decode_plain_origin
from nadoo_graphs.parts import Part
from nadoo_graphs.plan.document import ModelOrigin, NodeOrigin, TensorOrigin
from nadoo_graphs.saving.document import decode_contract
from nadoo_graphs.tensors import ROLES, TensorRole

ORIGIN_KEYS = ("module", "module_type", "source", "nodes")


def decode_origins(part: Part) -> tuple[NodeOrigin, ...]:
    """The nodes of an item, one for each use of its block; none where nothing stands."""
    return () if part.nothing() else tuple(decode_node_origin(item) for item in part.items())


def decode_node_origin(part: Part) -> NodeOrigin:
    """The name and the place of a node, and where it came from."""
    given = part.mapping()
    fields = part.fields(("node",), {"order": None, **dict.fromkeys(ORIGIN_KEYS)})
    inner = Part({key: given[key] for key in ORIGIN_KEYS if key in given}, part.problems, part.key, part.parent)
    order = None if fields["order"].nothing() else fields["order"].integer(0)
    return NodeOrigin(fields["node"].name(), order, decode_plain_origin(inner))


def decode_tensor_origin(part: Part) -> TensorOrigin:
    """The name of a tensor in the state dict and what a module knows of it."""
    fields = part.fields(("name", "role", "persistent", "trainable"), {"nodes": None})
    return TensorOrigin(
        name=fields["name"].name(),
        role=cast("TensorRole", fields["role"].choice(ROLES)),
        persistent=fields["persistent"].flag(),
        trainable=fields["trainable"].flag(),
        nodes=decode_origins(fields["nodes"]),
    )


def decode_model_origin(part: Part) -> ModelOrigin:
    """The border of the exported graph and the names of its state dict."""
    fields = part.fields(("inputs", "output", "contract", "aliases", "state_order"))
    contract, _ = decode_contract(fields["contract"])
    return ModelOrigin(
        inputs=decode_origins(fields["inputs"]),
        output=fields["output"].name(),
        contract=contract,
        aliases={name: item.name() for name, item in fields["aliases"].members().items()},
        state_order=tuple(item.name() for item in fields["state_order"].items()),
    )
