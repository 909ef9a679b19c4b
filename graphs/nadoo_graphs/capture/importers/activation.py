"""Which ATen overloads are activations."""

from nadoo_graphs.capture.importers.direct import direct
from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, Importer, TensorName

PLAIN = (
    "relu",
    "relu6",
    "hardswish",
    "hardsigmoid",
    "sigmoid",
    "log_sigmoid",
    "tanh",
    "silu",
    "mish",
    "selu",
)

WITH_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "gelu": ("approximate",),
    "leaky_relu": ("negative_slope",),
    "softplus": ("beta", "threshold"),
    "elu": ("alpha", "scale", "input_scale"),
    "celu": ("alpha",),
    "hardtanh": ("min_val", "max_val"),
    "threshold": ("threshold", "value"),
    "hardshrink": ("lambd",),
    "softshrink": ("lambd",),
    "glu": ("dim",),
}


def prelu(call: AtenCall) -> Imported | None:
    """The slope is a tensor of the node if the model holds it; a computed one stays opaque."""
    operands, weight = call.values("self"), call["weight"]
    if operands is None or not isinstance(weight, TensorName):
        return None
    return Imported("prelu", operands, tensors={"weight": weight})


def rrelu(call: AtenCall) -> Imported | None:
    """A randomized slope; one that is drawn in a model captured in evaluation is drawn always."""
    operands = call.values("self")
    if operands is None:
        return None
    bounds = {"lower": float_of(call["lower"]), "upper": float_of(call["upper"])}
    return Imported("rrelu", operands, attributes={**bounds, "always": call["training"] is True})


def float_of(value: Argument) -> float:
    """A bound as a number; torch's schema allows nothing else."""
    return float(value) if isinstance(value, int | float) else 0.0


IMPORTERS: dict[str, Importer] = {
    **{f"aten.{name}.default": direct(name) for name in PLAIN},
    **{f"aten.{name}.default": direct(name, attributes=names) for name, names in WITH_ATTRIBUTES.items()},
    "aten.prelu.default": prelu,
    "aten.rrelu.default": rrelu,
    "aten.softmax.int": direct("softmax", attributes=("dim", "dtype")),
    "aten.log_softmax.int": direct("log_softmax", attributes=("dim", "dtype")),
    "aten._softmax.default": direct("softmax", attributes=("dim",), only={"half_to_float": False}),
    "aten._log_softmax.default": direct("log_softmax", attributes=("dim",), only={"half_to_float": False}),
}
