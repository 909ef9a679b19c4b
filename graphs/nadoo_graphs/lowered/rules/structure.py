"""Rows that compute nothing: constants of the model, and values that are handed on."""

from typing import Any, cast

from nadoo_graphs.lowered.call import BATCH, LoweringCall, View
from nadoo_graphs.lowered.types import kind_of_dtype
from nadoo_graphs.sizes import Symbolic, bind


def same(call: LoweringCall) -> None:
    """A value under another name; in evaluation a dropout is no more than that."""
    call.require(not call.attributes.get("always"), "drops elements in evaluation too, which no kernel does; remove it")
    call.alias()


def held(call: LoweringCall) -> None:
    """A tensor of the model that is an operand lies in flash."""
    found: Any = call.tensor("value")
    constant(call, found)


def created(call: LoweringCall) -> None:
    """A value that depends on nothing but shapes is computed now and lies in flash."""
    attributes = {name: bound(value) for name, value in call.attributes.items()}
    if call.node.op == "full":
        attributes["shape"] = call.shape()
    attributes["dtype"] = call.node.outputs[0].dtype
    constant(call, call.executed((), attributes))


def bound(value: Any) -> Any:
    """Sizes in an attribute for one sample."""
    if isinstance(value, tuple):
        items = cast("tuple[Any, ...]", value)
        return tuple(bound(item) for item in items)
    return bind(value, BATCH) if isinstance(value, Symbolic) else value


def constant(call: LoweringCall, value: Any) -> None:
    """A tensor laid down in flash, as an output of the node."""
    array = (value.detach().float() if value.is_floating_point() else value.detach()).cpu().numpy()
    kind = call.views.memory(call.node.outputs[0], call.where)
    shape = tuple(int(size) for size in array.shape)
    call.flash(
        "value", array, kind_of_dtype(str(array.dtype), call.where) if call.node.outputs[0].format is None else kind
    )
    call.place(View(call.roles["value"].buffer, 0, shape, kind, call.node.outputs[0].format))


RULES = {
    **dict.fromkeys(("identity", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"), same),
    **dict.fromkeys(("reshape", "flatten", "squeeze", "unsqueeze", "clone", "detach"), same),
    **dict.fromkeys(("full", "arange", "eye"), created),
    "tensor": held,
}
