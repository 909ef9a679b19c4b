"""Upsampling of the spatial axes, in every mode that torch interpolates with."""

from fractions import Fraction
from typing import Any, cast

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.convolution import require_output
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run
from nadoo_graphs.ops.reading import flag, text
from nadoo_graphs.sizes import Shape, Size
from nadoo_graphs.values import ValueType

UPSAMPLING_AXES = {
    "nearest": (1, 2, 3),
    "nearest-exact": (1, 2, 3),
    "linear": (1,),
    "bilinear": (2,),
    "bicubic": (2,),
    "trilinear": (3,),
}
UPSAMPLING_TAPS = {
    "nearest": 1,
    "nearest-exact": 1,
    "linear": 2,
    "bilinear": 4,
    "bicubic": 16,
    "trilinear": 8,
}


def resized(size: Size, scale: float) -> Size:
    """⌊size · scale⌋, as torch takes it; a symbolic size is multiplied by the scale as an exact fraction."""
    if isinstance(size, int):
        return int(size * float(scale))
    exact = Fraction(scale)
    return size * exact.numerator // exact.denominator


def upsampling_targets(call: Call) -> tuple[Shape | None, tuple[float, ...] | None]:
    """The sizes and scales that an upsampling was given, at least one of them."""
    sizes, scales = call.attributes["sizes"], call.attributes["scales"]
    if sizes is None and scales is None:
        raise call.refuse("neither sizes nor scales are given; give one of them, a number for each spatial axis")
    return cast("Shape | None", sizes), cast("tuple[float, ...] | None", scales)


def upsampling_complaints(call: Call, axes: int) -> list[str]:
    """What is wrong with a mode, its corners, or the number of axes."""
    mode, (sizes, scales) = text(call, "mode"), upsampling_targets(call)
    if mode not in UPSAMPLING_AXES:
        return [f"mode is {mode!r}; give one of {', '.join(UPSAMPLING_AXES)}"]
    found: list[str] = []
    if axes not in UPSAMPLING_AXES[mode]:
        allowed = " or ".join(str(count + 2) for count in UPSAMPLING_AXES[mode])
        found.append(f"the input is {call.operand} and has {axes + 2} axes; mode {mode!r} takes {allowed}")
    if any(len(given) != axes for given in (sizes, scales) if given is not None):
        found.append(f"sizes {sizes} and scales {scales} must have {axes} numbers, one a spatial axis")
    if scales is not None and min(scales, default=1) <= 0:
        found.append(f"scales {scales} must be positive")
    if flag(call, "align_corners") and mode.startswith("nearest"):
        found.append(f"align_corners must be false in mode {mode!r}")
    return found


def infer_upsample(call: Call) -> tuple[ValueType, ...]:
    """The input with its spatial axes resized: to the sizes if given, else by the scales."""
    source = call.operand
    complaints = upsampling_complaints(call, source.rank - 2)
    if complaints:
        raise call.refuse("; ".join(complaints))
    if not source.is_floating and source.dtype != "uint8":
        raise call.refuse(f"the input is {source}; upsampling takes floating-point numbers or uint8", Code.DTYPE)
    spatial, (sizes, scales) = source.shape[2:], upsampling_targets(call)
    targets = sizes or [resized(size, scale) for size, scale in zip(spatial, scales or (), strict=True)]
    return (ValueType((*source.shape[:2], *require_output(call, spatial, targets)), source.dtype),)


def upsampling_name(mode: str, axes: int) -> str:
    """What torch calls a mode over so many axes."""
    prefix = "_upsample_nearest_exact" if mode == "nearest-exact" else f"upsample_{mode}"
    return f"{prefix}{axes}d"


def execute_upsample(run: Run) -> Any:
    """The upsampling as torch captures it; sizes and scales together have an overload of their own."""
    sizes, scales, mode = (run.attributes[name] for name in ("sizes", "scales", "mode"))
    name = upsampling_name(mode, len(sizes or scales))
    corners = [] if mode.startswith("nearest") else [run.attributes["align_corners"]]
    factors = None if scales is None else [float(scale) for scale in scales]
    if sizes is None or factors is None:
        return overload(f"{name}.vec")(run.operand, None if sizes is None else list(sizes), *corners, factors)
    return overload(f"{name}.default")(run.operand, list(sizes), *corners, *factors)


def count_upsample(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """A product for each element that is looked at and the sums between; copying the nearest is no work."""
    taps = UPSAMPLING_TAPS[text(call, "mode")]
    return outputs[0].elements * (2 * taps - 1) if taps > 1 else 0


UPSAMPLE = Op(
    name="upsample",
    summary="Resizes the spatial axes to sizes or by scales; given both, scales only place the samples.",
    infer=infer_upsample,
    execute=execute_upsample,
    attributes=(
        AttributeRow("mode", "str", "nearest"),
        AttributeRow("sizes", "sizes", None, optional=True),
        AttributeRow("scales", "floats", None, optional=True),
        AttributeRow("align_corners", "bool", False),
    ),
    elementary=count_upsample,
    aliases=("Upsample",),
)
