"""The activations that torch knows; those of its own definition are in `rectifier`.

A transcendental function counts as one operation, as in the 4n of a softmax; gelu counts 20, most of them for
its erf or tanh.
"""

from typing import Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, overload
from nadoo_graphs.ops.elementwise import as_float, floats, numeric, unary
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Role, Run, per_element
from nadoo_graphs.ops.reading import axis, integer, number, optional_text, text
from nadoo_graphs.values import ValueType

DIM = AttributeRow("dim", "int", -1)
DTYPE = AttributeRow("dtype", "dtype", None, optional=True)
APPROXIMATIONS = ("none", "tanh")


def infer_gelu(call: Call) -> tuple[ValueType, ...]:
    """A gelu keeps the type; its approximation has a name."""
    if text(call, "approximate") not in APPROXIMATIONS:
        message = f"approximate is {text(call, 'approximate')!r}; give 'none' or 'tanh'"
        raise call.refuse(message, Code.SCHEMA)
    return (call.operand.with_dtype(floats(call, call.operand.dtype)),)


def infer_prelu(call: Call) -> tuple[ValueType, ...]:
    """A learned slope is one number, or one a channel, which is axis 1."""
    weight = call.tensors["weight"]
    if weight.rank > 1:
        raise call.refuse(f"weight has shape {weight}; give one slope, or one a channel")
    channels = call.operand.shape[1] if call.operand.rank > 1 else 1
    if weight.elements not in {1, channels}:
        raise call.refuse(f"weight has {weight.elements} slopes for {channels} channels; give 1 or {channels}")
    if weight.dtype != call.operand.dtype:
        message = f"weight is {weight.dtype}, the operand {call.operand.dtype}; they must be equal"
        raise call.refuse(message, Code.DTYPE)
    return (call.operand.with_dtype(floats(call, call.operand.dtype)),)


def run_prelu(run: Run) -> Any:
    """The slope is a tensor of the node, not an operand."""
    return overload("prelu.default")(run.operand, run.tensors["weight"])


def infer_softmax(call: Call) -> tuple[ValueType, ...]:
    """A softmax keeps the shape; it may be computed in another floating dtype."""
    axis(call, integer(call, "dim"), call.operand.rank)
    return (call.operand.with_dtype(floats(call, optional_text(call, "dtype") or call.operand.dtype)),)


def infer_glu(call: Call) -> tuple[ValueType, ...]:
    """A gated linear unit halves an axis: one half gates the other."""
    floats(call, call.operand.dtype)
    if not call.operand.rank:
        raise call.refuse("the operand has no axis to halve; give at least one")
    dim = axis(call, integer(call, "dim"), call.operand.rank)
    shape = call.operand.shape
    if shape[dim] % 2 != 0:
        raise call.refuse(f"axis {dim} has {shape[dim]} elements; give an even number")
    return (call.operand.with_shape((*shape[:dim], shape[dim] // 2, *shape[dim + 1 :])),)


def softmax(name: str, summary: str, alias: str, work: int) -> Op:
    """A row that makes a distribution of each row of its operand."""
    return Op(
        name=name,
        summary=summary,
        infer=infer_softmax,
        execute=calls(f"{name}.int", "dim", "dtype"),
        attributes=(DIM, DTYPE),
        elementary=per_element(work),
        aliases=(alias,),
        in_place=(0,),
    )


def real(name: str, default: float | int) -> AttributeRow:
    """A parameter of a curve."""
    return AttributeRow(name, "number", default)


def within_unsigned(call: Call, dtype: str) -> str:
    """Unsigned integers have no negative bound."""
    if dtype == "uint8" and min(number(call, "min_val"), number(call, "max_val")) < 0:
        raise call.refuse("bounds uint8 by a negative number; cast the operand to a signed dtype", Code.DTYPE)
    return numeric(call, dtype)


GELU = Op(
    name="gelu",
    summary="x·Φ(x), or its tanh approximation.",
    infer=infer_gelu,
    execute=calls("gelu.default", keywords=("approximate",)),
    attributes=(AttributeRow("approximate", "str", "none"),),
    elementary=per_element(20),
    aliases=("GELU",),
    in_place=(0,),
)

PRELU = Op(
    name="prelu",
    summary="max(x, 0) + a·min(x, 0) with a learned slope a, one for all or one a channel.",
    infer=infer_prelu,
    execute=run_prelu,
    roles=(Role("weight"),),
    elementary=per_element(2),
    aliases=("PReLU",),
    in_place=(0,),
)

GLU = Op(
    name="glu",
    summary="The first half of an axis times the sigmoid of the second.",
    infer=infer_glu,
    execute=calls("glu.default", "dim"),
    attributes=(DIM,),
    elementary=per_element(5),
    aliases=("GLU",),
)

ROWS: tuple[Op, ...] = (
    unary("relu", "max(x, 0).", numeric, aliases=("ReLU",)),
    unary("relu6", "min(max(x, 0), 6).", numeric, work=2, aliases=("ReLU6",)),
    GELU,
    unary(
        "leaky_relu",
        "max(x, 0) + slope·min(x, 0).",
        floats,
        attributes=(real("negative_slope", 0.01),),
        work=2,
        aliases=("LeakyReLU",),
    ),
    PRELU,
    unary(
        "hardswish",
        "x·relu6(x + 3)/6; as torch computes it, NaN at -Inf.",
        floats,
        work=5,
        aliases=("HardSwish",),
    ),
    unary("hardsigmoid", "relu6(x + 3)/6.", floats, work=4, aliases=("Hardsigmoid",)),
    unary("sigmoid", "1/(1 + exp(-x)).", as_float, work=4, aliases=("Sigmoid",)),
    unary("log_sigmoid", "log(1/(1 + exp(-x))).", floats, work=5, aliases=("LogSigmoid",)),
    unary("tanh", "The hyperbolic tangent.", as_float, aliases=("Tanh",)),
    unary("silu", "x·sigmoid(x).", floats, work=5, aliases=("SiLU",)),
    unary("mish", "x·tanh(softplus(x)).", floats, work=5, aliases=("Mish",)),
    unary(
        "softplus",
        "log(1 + exp(beta·x))/beta, and x itself where beta·x exceeds the threshold.",
        floats,
        attributes=(real("beta", 1.0), real("threshold", 20.0)),
        work=5,
        aliases=("Softplus",),
    ),
    unary(
        "elu",
        "scale·(max(x, 0) + alpha·min(exp(input_scale·x) - 1, 0)).",
        floats,
        attributes=(real("alpha", 1.0), real("scale", 1.0), real("input_scale", 1.0)),
        work=4,
        aliases=("ELU",),
    ),
    unary("selu", "The self-normalizing elu with its two fixed constants.", floats, work=5, aliases=("SELU",)),
    unary(
        "celu",
        "max(x, 0) + alpha·min(exp(x/alpha) - 1, 0).",
        floats,
        attributes=(real("alpha", 1.0),),
        work=5,
        aliases=("CELU",),
    ),
    unary(
        "hardtanh",
        "min(max(x, min_val), max_val).",
        within_unsigned,
        attributes=(real("min_val", -1.0), real("max_val", 1.0)),
        work=2,
        aliases=("Hardtanh",),
    ),
    unary(
        "threshold",
        "x where it exceeds the threshold, else the value.",
        numeric,
        attributes=(AttributeRow("threshold", "number"), AttributeRow("value", "number")),
        aliases=("Threshold",),
    ),
    unary(
        "hardshrink",
        "x where its magnitude exceeds lambd, else 0.",
        floats,
        attributes=(real("lambd", 0.5),),
        work=2,
        aliases=("Hardshrink",),
    ),
    unary(
        "softshrink",
        "x moved towards 0 by lambd, and 0 where that crosses it.",
        floats,
        attributes=(real("lambd", 0.5),),
        work=3,
        aliases=("Softshrink",),
    ),
    GLU,
    softmax("softmax", "exp(x) divided by its sum along an axis.", "Softmax", 4),
    softmax("log_softmax", "The logarithm of a softmax along an axis.", "LogSoftmax", 5),
)
