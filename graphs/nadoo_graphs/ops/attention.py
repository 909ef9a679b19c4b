"""Scaled dot-product attention, one row for queries, keys, values and an optional mask."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.op import AttributeRow, Call, Op
from nadoo_graphs.ops.promotion import broadcast, shape_text
from nadoo_graphs.ops.reading import flag, number
from nadoo_graphs.sizes import Shape, Size, size_product
from nadoo_graphs.values import FLOATING, ValueType

if TYPE_CHECKING:
    from torch import nn


def infer_attention(call: Call) -> tuple[ValueType, ...]:
    """One row of values for each query; keys and values have one length, queries and keys one width."""
    query, key, value = call.operands[:3]
    check_projections(call, query, key, value)
    batch = broadcast(call, query.shape[:-2], *repeated_heads(call, query, key, value))
    if len(call.operands) > 3:
        check_mask(call, call.operands[3], (*batch, query.shape[-2], key.shape[-2]))
    return (ValueType((*batch, query.shape[-2], value.shape[-1]), query.dtype),)


def check_projections(call: Call, query: ValueType, key: ValueType, value: ValueType) -> None:
    """Ranks, dtypes and the two sizes that have to agree."""
    if min(query.rank, key.rank, value.rank) < 2:
        raise call.refuse(f"attends with {query}, {key} and {value}; each needs at least [length, width]")
    if len({query.dtype, key.dtype, value.dtype}) > 1 or query.dtype not in FLOATING:
        message = f"attends with {query.dtype}, {key.dtype} and {value.dtype}; give one floating dtype"
        raise call.refuse(message, Code.DTYPE)
    if query.shape[-1] != key.shape[-1]:
        raise call.refuse(f"queries are {query.shape[-1]} wide, keys {key.shape[-1]}; they must be equal")
    if key.shape[-2] != value.shape[-2]:
        raise call.refuse(f"there are {key.shape[-2]} keys and {value.shape[-2]} values; they must be as many")
    if not 0 <= number(call, "dropout") <= 1:
        raise call.refuse(f"dropout is {number(call, 'dropout')}; give a probability from 0 to 1", Code.SCHEMA)
    if flag(call, "causal") and len(call.operands) > 3:
        raise call.refuse("has a mask and is causal; torch admits one of the two", Code.SCHEMA)


def repeated_heads(call: Call, query: ValueType, key: ValueType, value: ValueType) -> tuple[Shape, Shape]:
    """The leading axes of keys and values; grouped queries share heads, which are then repeated."""
    if not flag(call, "gqa"):
        return key.shape[:-2], value.shape[:-2]
    if min(query.rank, key.rank, value.rank) < 3:
        raise call.refuse("gqa shares heads among queries; give [..., heads, length, width]")
    heads = query.shape[-3]
    for name, shared in (("keys", key.shape[-3]), ("values", value.shape[-3])):
        if shared == 0 or heads // shared * shared != heads:
            raise call.refuse(f"{heads} heads of queries share {shared} heads of {name}; give a divisor of {heads}")
    return (*key.shape[:-3], heads), (*value.shape[:-3], heads)


def check_mask(call: Call, mask: ValueType, scores: Shape) -> None:
    """A mask says which scores count, or is added to them."""
    if mask.dtype not in {"bool", call.operand.dtype}:
        raise call.refuse(f"the mask is {mask.dtype}; give bool or {call.operand.dtype}", Code.DTYPE)
    if broadcast(call, mask.shape, scores) != scores:
        raise call.refuse(f"the mask {mask} does not broadcast to the scores {shape_text(scores)}")


def scores(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """How many pairs of a query and a key there are."""
    return size_product(outputs[0].shape[:-1]) * call.operands[1].shape[-2]


def count_products(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """A dot product of width E for each score, and its weight times each of the values' elements."""
    return scores(call, outputs) * (call.operand.shape[-1] + outputs[0].shape[-1])


def count_elementary(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """For each score 4 for the softmax, 1 to scale, and 1 for the mask if there is one."""
    return scores(call, outputs) * (6 if len(call.operands) > 3 else 5)


def attention_module(attributes: Mapping[str, Any]) -> "nn.Module":
    """Attention that drops weights only in training."""
    from nadoo_graphs.ops.attention_module import Attention

    return Attention(
        dropout=float(attributes["dropout"]),
        causal=attributes["causal"],
        scale=attributes["scale"],
        gqa=attributes["gqa"],
    )


ROWS: tuple[Op, ...] = (
    Op(
        name="sdpa",
        summary="softmax(q·kᵀ·scale + mask)·v, with dropout on the weights in training.",
        infer=infer_attention,
        module=attention_module,
        attributes=(
            AttributeRow("dropout", "float", 0.0),
            AttributeRow("causal", "bool", default=False),
            AttributeRow("scale", "float", None, optional=True),
            AttributeRow("gqa", "bool", default=False),
        ),
        arity=(3, 4),
        macs=count_products,
        elementary=count_elementary,
        aliases=("SDPA",),
        random=True,
    ),
)
