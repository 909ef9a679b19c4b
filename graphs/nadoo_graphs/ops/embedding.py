"""Look-ups in a table of rows, and dropout, which in eval hands its operand on."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Role, Run
from nadoo_graphs.ops.reading import integer, number
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

INDEX_DTYPES = ("int64", "int32")


def dropout_module(name: str, attributes: Mapping[str, Any]) -> "nn.Module":
    """The leaf module of a dropout."""
    from nadoo_graphs.ops.dropout_module import Dropout

    return Dropout(overload(f"{name}.default"), attributes["p"], attributes["always"])


def infer_dropout(call: Call) -> tuple[ValueType, ...]:
    """The input."""
    source, p = call.operand, number(call, "p")
    if not 0 <= p <= 1:
        raise call.refuse(f"p is {p}; it is a probability and must be from 0 to 1")
    return (ValueType(source.shape, source.dtype),)


def infer_feature_dropout(call: Call) -> tuple[ValueType, ...]:
    """The input, which must have channels to drop."""
    if call.operand.rank < 2:
        raise call.refuse(f"the input is {call.operand}; it must have at least 2 axes: batch, channels, …")
    return infer_dropout(call)


def infer_embedding(call: Call) -> tuple[ValueType, ...]:
    """The shape of the indices, then a row of the weight for each."""
    indices, weight, padding = call.operand, call.tensors["weight"], integer(call, "padding_idx")
    if indices.dtype not in INDEX_DTYPES:
        message = f"the indices are {indices.dtype}; cast them to {' or '.join(INDEX_DTYPES)}"
        raise call.refuse(message, Code.DTYPE)
    if weight.rank != 2:
        raise call.refuse(f"the weight is {weight}; an embedding's weight has two axes, [rows, features]")
    rows = weight.shape[0]
    if isinstance(rows, int) and not -1 <= padding < rows:
        raise call.refuse(f"padding_idx is {padding}; give a row from 0 to {rows - 1}, or -1 for none")
    return (ValueType((*indices.shape, weight.shape[1]), weight.dtype),)


def execute_embedding(run: Run) -> Any:
    """The look-up as torch captures it."""
    names = ("padding_idx", "scale_grad_by_freq", "sparse")
    options = (run.attributes[name] for name in names)
    return overload("embedding.default")(run.tensors["weight"], run.operand, *options)


EMBEDDING = Op(
    name="embedding",
    summary="Replaces each index by a row of the weight; the row padding_idx gets no gradient.",
    infer=infer_embedding,
    execute=execute_embedding,
    roles=(Role("weight"),),
    attributes=(
        AttributeRow("padding_idx", "int", -1),
        AttributeRow("scale_grad_by_freq", "bool", False),
        AttributeRow("sparse", "bool", False),
    ),
    aliases=("Embedding",),
)


def dropout_row(name: str, *aliases: str) -> Op:
    """One kind of dropout."""
    features = name.startswith("feature")
    return Op(
        name=name,
        summary=f"Drops {'channels' if features else 'elements'} with probability p in training, or always.",
        infer=infer_feature_dropout if features else infer_dropout,
        module=partial(dropout_module, name),
        attributes=(AttributeRow("p", "float", 0.5), AttributeRow("always", "bool", False)),
        aliases=aliases,
        view=True,
        in_place=(0,),
        random=True,
    )


ROWS = (
    EMBEDDING,
    dropout_row("dropout", "Dropout"),
    dropout_row("alpha_dropout", "AlphaDropout"),
    dropout_row("feature_dropout", "Dropout1d", "Dropout2d", "Dropout3d"),
    dropout_row("feature_alpha_dropout", "FeatureAlphaDropout"),
)
