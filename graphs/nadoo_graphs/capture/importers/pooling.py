"""Pools and upsampling, whole and as decomposition leaves them."""

from functools import partial

from nadoo_graphs.capture.importers.convolution import spread
from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, Importer, Tensorial
from nadoo_graphs.capture.importers.linear import plain, present
from nadoo_graphs.node import Attribute

UPSAMPLINGS = {
    "upsample_nearest1d": "nearest",
    "upsample_nearest2d": "nearest",
    "upsample_nearest3d": "nearest",
    "_upsample_nearest_exact1d": "nearest-exact",
    "_upsample_nearest_exact2d": "nearest-exact",
    "_upsample_nearest_exact3d": "nearest-exact",
    "upsample_linear1d": "linear",
    "upsample_bilinear2d": "bilinear",
    "upsample_bicubic2d": "bicubic",
    "upsample_trilinear3d": "trilinear",
}
SCALES = ("scales", "scales_d", "scales_h", "scales_w")


def source_of(call: AtenCall) -> tuple[Tensorial, ...]:
    """The one operand, which ATen calls self or input."""
    return tuple(present(call, "self" if "self" in call.arguments else "input").values())


def import_pool(op: str, axes: int, call: AtenCall) -> Imported | None:
    """A pool with windows of a fixed size; a stride that is left out is the kernel's."""
    given = {name: call[name] for name in ("kernel_size", "stride", "padding", "dilation") if name in call.arguments}
    given["stride"] = given["stride"] or given["kernel_size"]
    lists: dict[str, Attribute] = {name: spread(argument, axes) for name, argument in given.items()}
    if None in lists.values():
        return None
    options = (name for name in ("ceil_mode", "count_include_pad", "divisor_override") if name in call.arguments)
    return Imported(op, source_of(call), {}, {**lists, **plain(call, *options)})


def output_size(argument: Argument, axes: int) -> Attribute:
    """The sizes that an adaptive pool gives, which unlike a kernel's may be symbolic."""
    return argument if isinstance(argument, tuple) and len(argument) == axes else spread(argument, axes)  # type: ignore[return-value]


def import_adaptive(op: str, axes: int, call: AtenCall) -> Imported | None:
    """A pool that is told its output's sizes; of a maximum pool's two outputs the first."""
    sizes = output_size(call["output_size"], axes)
    return None if sizes is None else Imported(op, source_of(call), {}, {"output_size": sizes})


def import_decomposed_average(op: str, axes: int, call: AtenCall) -> Imported | None:
    """What is left of an adaptive average pool; over a single window the whole one takes another path."""
    if output_size(call["output_size"], axes) == (1,) * axes:
        return None
    return import_adaptive(op, axes, call)


def import_upsample(mode: str, call: AtenCall) -> Imported | None:
    """An upsampling given sizes, scales or both; scales for some axes only leave the call as it is."""
    scales = call["scale_factors"] if "scale_factors" in call.arguments else separate_scales(call)
    if isinstance(scales, tuple) and None in scales:
        return None
    attributes: dict[str, Attribute] = {"mode": mode, "sizes": plain(call, "output_size")["output_size"]}
    if "align_corners" in call.arguments:
        attributes |= plain(call, "align_corners")
    return Imported("upsample", source_of(call), {}, {**attributes, "scales": scales})  # type: ignore[dict-item]


def separate_scales(call: AtenCall) -> Argument:
    """The scales of an overload that takes one argument an axis; None when it was given none."""
    scales = tuple(call[name] for name in SCALES if name in call.arguments)
    return scales if any(scale is not None for scale in scales) else None


def fixed_pools() -> dict[str, Importer]:
    """The pools with windows of a fixed size."""
    found: dict[str, Importer] = {}
    for axes in (1, 2, 3):
        found[f"aten.max_pool{axes}d.default"] = partial(import_pool, f"max_pool{axes}d", axes)
        found[f"aten.max_pool{axes}d_with_indices.default"] = partial(import_pool, f"max_pool{axes}d", axes)
        found[f"aten.avg_pool{axes}d.default"] = partial(import_pool, f"avg_pool{axes}d", axes)
    return found


def adaptive_pools() -> dict[str, Importer]:
    """The pools that are told their output's sizes."""
    found: dict[str, Importer] = {}
    for axes in (1, 2, 3):
        average, maximum = f"adaptive_avg_pool{axes}d", f"adaptive_max_pool{axes}d"
        found[f"aten.{average}.default"] = partial(import_adaptive, average, axes)
        found[f"aten._{average}.default"] = partial(import_decomposed_average, average, axes)
        found[f"aten.{maximum}.default"] = partial(import_adaptive, maximum, axes)
    return found


IMPORTERS: dict[str, Importer] = {
    **fixed_pools(),
    **adaptive_pools(),
    **{f"aten.{name}.vec": partial(import_upsample, mode) for name, mode in UPSAMPLINGS.items()},
    **{f"aten.{name}.default": partial(import_upsample, mode) for name, mode in UPSAMPLINGS.items()},
}
