"""The activations of nadoo's own definition: shifted, squared and sparse relatives of the relu.

x·relu(x + c) is computed as max(x, -c)·relu(x + c), so that it is 0 and not NaN at -Inf. max(x, -c) is a
threshold, whose derivative at the kink is 0 as the relu's is.
"""

from typing import Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.elementwise import floats, numeric
from nadoo_graphs.ops.op import AttributeRow, Call, Infer, Op, Run, per_element
from nadoo_graphs.ops.reading import axis, integer, number, text
from nadoo_graphs.sizes import Size
from nadoo_graphs.values import ValueType

RESCALES = ("none", "l1")
SHIFT = AttributeRow("c", "number")
DIVISOR = AttributeRow("k", "number", 1)
FEATURES = AttributeRow("dim", "int", 1)


def shifted(low: float, high: float = float("inf")) -> Infer:
    """Inference for a curve shifted by c, which lies between these."""

    def infer(call: Call) -> tuple[ValueType, ...]:
        c, k = number(call, "c"), call.attributes.get("k", 1)
        if not low <= c < high:
            raise call.refuse(f"c is {c}; give a finite number of at least {low}", Code.SCHEMA)
        if not isinstance(k, int | float) or not 0 < k < float("inf"):
            raise call.refuse(f"k is {k}; give a positive number", Code.SCHEMA)
        return (call.operand.with_dtype(floats(call, call.operand.dtype)),)

    return infer


def infer_relu2(call: Call) -> tuple[ValueType, ...]:
    """The square of a relu keeps the type."""
    return (call.operand.with_dtype(numeric(call, call.operand.dtype)),)


def infer_topq(call: Call) -> tuple[ValueType, ...]:
    """The quantile q leaves something: at 1 every value would be cut off."""
    q = number(call, "q")
    if not 0 <= q < 1:
        raise call.refuse(f"q is {q}; give a number from 0 to below 1", Code.SCHEMA)
    return features(call)


def infer_topk(call: Call) -> tuple[ValueType, ...]:
    """The share q keeps something."""
    q, rescale = number(call, "q"), text(call, "rescale")
    if not 0 < q <= 1:
        raise call.refuse(f"q is {q}; give a number above 0 and at most 1", Code.SCHEMA)
    if rescale not in RESCALES:
        raise call.refuse(f"rescale is {rescale!r}; give 'none' or 'l1'", Code.SCHEMA)
    return features(call)


def features(call: Call) -> tuple[ValueType, ...]:
    """The type of an activation that looks at all features along an axis."""
    if not call.operand.rank:
        raise call.refuse("the operand has no axis of features; give at least one")
    axis(call, integer(call, "dim"), call.operand.rank)
    return (call.operand.with_dtype(floats(call, call.operand.dtype)),)


def saturated(x: Any, c: float) -> Any:
    """max(x, -c), with derivative 0 at the kink; c = 0 gives 0 and not -0."""
    return overload("threshold.default")(x, 0.0 - c, 0.0 - c)


def divided(value: Any, k: float) -> Any:
    """Over k, which is left out where it is 1."""
    return value if k == 1 else overload("div.Tensor")(value, k)


def run_relu2(run: Run) -> Any:
    """A relu times itself."""
    positive = overload("relu.default")(run.operand)
    return overload("mul.Tensor")(positive, positive)


def run_xrelu(run: Run) -> Any:
    """max(x, -c)·relu(x + c)/k."""
    return product(run, "relu.default")


def run_xrelu6(run: Run) -> Any:
    """max(x, -c)·relu6(x + c)/k."""
    return product(run, "relu6.default")


def product(run: Run, gate: str) -> Any:
    """The saturated operand times its gate."""
    x, c = run.operand, run.attributes["c"]
    gated = overload(gate)(overload("add.Tensor")(x, c))
    return divided(overload("mul.Tensor")(saturated(x, c), gated), run.attributes["k"])


def run_shifted_relu(run: Run) -> Any:
    """relu(x + c) - c, which is max(x, -c) without a rounding error."""
    return saturated(run.operand, run.attributes["c"])


def run_topq(run: Run) -> Any:
    """relu(x - q·m)/(1 - q), m the maximum over the features."""
    x, q = run.operand, run.attributes["q"]
    maximum = overload("max.dim")(x, run.attributes["dim"], True)[0]
    if run.attributes["detach_max"]:
        maximum = overload("detach.default")(maximum)
    above = overload("sub.Tensor")(x, overload("mul.Tensor")(maximum, q))
    return divided(overload("relu.default")(above), 1 - q)


def run_topk(run: Run) -> Any:
    """Cut off every positive value whose rank exceeds its row's share."""
    dim = run.attributes["dim"]
    positive = overload("relu.default")(run.operand)
    is_positive = overload("gt.Scalar")(positive, 0)
    count = overload("sum.dim_IntList")(is_positive, [dim], True)
    beyond = overload("ge.Tensor")(ranks(positive, dim), share(count, run.attributes["q"]))
    cut = overload("logical_and.default")(is_positive, beyond)
    kept = overload("masked_fill.Scalar")(positive, cut, 0)
    return kept if run.attributes["rescale"] == "none" else rescaled(positive, kept, dim)


def ranks(values: Any, dim: int) -> Any:
    """The place of each value in its row, from the largest; of equal values, the lower index comes first."""
    order = overload("sort.stable")(values, stable=True, dim=dim, descending=True)[1]
    return overload("sort.default")(order, dim)[1]


def share(count: Any, q: float) -> Any:
    """⌈q·count⌉, in float64 so that every count is exact."""
    import torch

    exact = overload("to.dtype")(count, torch.float64)
    return overload("ceil.default")(overload("mul.Tensor")(exact, q))


def rescaled(positive: Any, kept: Any, dim: int) -> Any:
    """What is kept, scaled so that a row's sum stays what it was; a row of zeros stays one."""
    whole = overload("sum.dim_IntList")(positive, [dim], True)
    part = overload("sum.dim_IntList")(kept, [dim], True)
    divisor = overload("masked_fill.Scalar")(part, overload("eq.Scalar")(part, 0), 1)
    return overload("mul.Tensor")(kept, overload("div.Tensor")(whole, divisor))


def count_topq(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """n - 1 comparisons a row for the maximum, then a subtraction, a comparison and a division each."""
    elements = call.operand.elements
    rows = elements // call.operand.shape[axis(call, integer(call, "dim"), call.operand.rank)]
    return elements * 4 - rows


def count_topk(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """Comparing, ranking (counted as one), testing and cutting; to rescale, two sums and a product."""
    return call.operand.elements * (4 if text(call, "rescale") == "none" else 7)


ROWS: tuple[Op, ...] = (
    Op(
        name="relu2",
        summary="relu(x)²; in float16 it overflows beyond 255.9.",
        infer=infer_relu2,
        execute=run_relu2,
        elementary=per_element(2),
        aliases=("ReLU2",),
        in_place=(0,),
    ),
    Op(
        name="xrelu",
        summary="x·relu(x + c)/k.",
        infer=shifted(float("-inf")),
        execute=run_xrelu,
        attributes=(SHIFT, DIVISOR),
        elementary=lambda call, outputs: call.operand.elements * (3 if number(call, "k") == 1 else 4),
        aliases=("XReLU",),
        in_place=(0,),
    ),
    Op(
        name="xrelu6",
        summary="x·relu6(x + c)/k; c = 3, k = 6 is the hardswish.",
        infer=shifted(float("-inf")),
        execute=run_xrelu6,
        attributes=(SHIFT, DIVISOR),
        elementary=lambda call, outputs: call.operand.elements * (4 if number(call, "k") == 1 else 5),
        aliases=("XReLU6",),
        in_place=(0,),
    ),
    Op(
        name="shifted_relu",
        summary="relu(x + c) - c, which is max(x, -c).",
        infer=shifted(0),
        execute=run_shifted_relu,
        attributes=(SHIFT,),
        elementary=per_element(1),
        aliases=("ShiftedReLU",),
        in_place=(0,),
    ),
    Op(
        name="relu_topq",
        summary="relu(x - q·m)/(1 - q), m the maximum over the features along dim.",
        infer=infer_topq,
        execute=run_topq,
        attributes=(
            AttributeRow("q", "number", 0.5),
            FEATURES,
            AttributeRow("detach_max", "bool", default=False),
        ),
        elementary=count_topq,
        aliases=("ReLUTopQ",),
    ),
    Op(
        name="relu_topk",
        summary="The ⌈q·P⌉ largest of the P positive values along dim, and 0 elsewhere; l1 keeps their sum.",
        infer=infer_topk,
        execute=run_topk,
        attributes=(
            AttributeRow("q", "number", 0.5),
            AttributeRow("rescale", "str", "none"),
            FEATURES,
        ),
        elementary=count_topk,
        aliases=("ReLUTopK",),
    ),
)
