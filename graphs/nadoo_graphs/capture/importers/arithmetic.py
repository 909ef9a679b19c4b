"""Which ATen overloads are arithmetic or compare."""

from nadoo_graphs.capture.importers import comparison
from nadoo_graphs.capture.importers.direct import attribute, direct, is_tensorial
from nadoo_graphs.capture.importers.elementwise import BINARY, UNARY, binary
from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer

CURVES = (
    "neg",
    "abs",
    "sign",
    "square",
    "floor",
    "ceil",
    "trunc",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "rsqrt",
    "reciprocal",
    "erf",
    "erfc",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
)


def sub(call: AtenCall) -> Imported | None:
    """A difference of tensors, or of a tensor and a number."""
    found = binary("sub")(call)
    if found is None or "reversed" in found.attributes:
        return None
    return Imported("sub", found.operands, attributes={**found.attributes, "alpha": attribute(call["alpha"])})


def rsub(call: AtenCall) -> Imported | None:
    """What is taken from a number, or from another tensor."""
    one, two = call["self"], call["other"]
    if not is_tensorial(one):
        return None
    if is_tensorial(two):
        return Imported("sub", (two, one), attributes={"alpha": attribute(call["alpha"])})
    attributes = {"other": attribute(two), "reversed": True, "alpha": attribute(call["alpha"])}
    return Imported("sub", (one,), attributes=attributes)


def div_mode(call: AtenCall) -> Imported | None:
    """A rounded quotient."""
    found = binary("div")(call)
    if found is None:
        return None
    rounding = {"rounding_mode": attribute(call["rounding_mode"])}
    return Imported("div", found.operands, attributes={**found.attributes, **rounding})


def commutative(op: str, *, alpha: bool = False) -> Importer:
    """A sum or product: the side on which a number stands makes no difference."""
    plain = binary(op, alpha=alpha)

    def importer(call: AtenCall) -> Imported | None:
        found = plain(call)
        if found is None or "other" not in found.attributes:
            return found
        return Imported(op, found.operands, attributes={"other": found.attributes["other"]})

    return importer


IMPORTERS: dict[str, Importer] = {
    **comparison.IMPORTERS,
    **{f"aten.{name}.default": direct(name) for name in CURVES},
    "aten.round.default": direct("round", UNARY),
    "aten.round.decimals": direct("round", UNARY, ("decimals",)),
    "aten.add.Tensor": commutative("add", alpha=True),
    "aten.add.Scalar": commutative("add", alpha=True),
    "aten.sub.Tensor": sub,
    "aten.sub.Scalar": sub,
    "aten.rsub.Tensor": rsub,
    "aten.rsub.Scalar": rsub,
    "aten.mul.Tensor": commutative("mul"),
    "aten.mul.Scalar": commutative("mul"),
    "aten.div.Tensor": binary("div"),
    "aten.div.Scalar": binary("div"),
    "aten.div.Tensor_mode": div_mode,
    "aten.div.Scalar_mode": div_mode,
    "aten.pow.Tensor_Scalar": binary("power", right="exponent"),
    "aten.pow.Tensor_Tensor": binary("power", right="exponent"),
    "aten.pow.Scalar": binary("power", right="exponent"),
    "aten.remainder.Tensor": binary("remainder"),
    "aten.remainder.Scalar": binary("remainder"),
    "aten.remainder.Scalar_Tensor": binary("remainder"),
    "aten.fmod.Tensor": direct("fmod", BINARY),
    "aten.fmod.Scalar": direct("fmod", UNARY, ("other",)),
    "aten.floor_divide.default": binary("floor_divide"),
    "aten.floor_divide.Scalar": binary("floor_divide"),
    "aten.maximum.default": direct("maximum", BINARY),
    "aten.minimum.default": direct("minimum", BINARY),
    "aten.max.other": direct("maximum", BINARY),
    "aten.min.other": direct("minimum", BINARY),
    "aten.atan2.default": direct("atan2", BINARY),
    "aten.clamp.default": direct("clamp", UNARY, ("min", "max")),
    "aten.clamp_min.default": direct("clamp", UNARY, ("min",)),
    "aten.clamp_max.default": direct("clamp", UNARY, ("max",)),
    "aten.matmul.default": direct("matmul", BINARY),
    "aten.mm.default": direct("matmul", ("self", "mat2")),
    "aten.bmm.default": direct("matmul", ("self", "mat2")),
    "aten.mv.default": direct("matmul", ("self", "vec")),
    "aten.dot.default": direct("matmul", ("self", "tensor")),
    "aten.addmm.default": direct("addmm", ("self", "mat1", "mat2"), ("beta", "alpha")),
}
