"""Pools over one to three axes, with windows of a fixed size or as many as the output asks for."""

from collections.abc import Callable
from math import gcd, prod
from typing import Any

from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.convolution import (
    require_image,
    require_output,
    require_windows,
    window_count,
)
from nadoo_graphs.ops.linear import shape_text
from nadoo_graphs.ops.op import AttributeRow, Call, Count, Infer, Op, Run
from nadoo_graphs.ops.reading import integers, sizes
from nadoo_graphs.ops.upsampling import UPSAMPLE
from nadoo_graphs.sizes import Size, size_product
from nadoo_graphs.values import ValueType


def strides(call: Call) -> tuple[int, ...]:
    """The steps between windows; none given means that windows lie side by side."""
    return integers(call, "stride") or integers(call, "kernel_size")


def pool_complaints(call: Call, axes: int) -> list[str]:
    """What is wrong with a stride and a padding, besides that they are too small."""
    stride, kernel, padding = strides(call), integers(call, "kernel_size"), integers(call, "padding")
    found: list[str] = []
    if len(stride) != axes or min(stride) < 1:
        found.append(f"stride {stride} must be {axes} numbers of at least 1, or empty for the kernel's size")
    if any(2 * edge > size for edge, size in zip(padding, kernel, strict=False)):
        found.append(f"padding {padding} must be at most half of the kernel, {kernel}")
    return found


def ceiled_count(call: Call, size: Size, kernel: int, stride: int, padding: int, dilation: int) -> Size:
    """How many windows fit when the last may be cut off, but not one that lies wholly in the padding."""
    count = window_count(size + stride - 1, kernel, stride, padding, dilation)
    if isinstance(size, int) and isinstance(count, int):
        return count - 1 if (count - 1) * stride >= size + padding else count
    if padding + stride > dilation * (kernel - 1) + 1:
        raise call.refuse(f"ceil_mode with stride {stride} and kernel {kernel} needs a known size, not {size}")
    return count


def infer_pool(axes: int) -> Infer:
    """The inference of a pool with windows of a fixed size."""

    def infer(call: Call) -> tuple[ValueType, ...]:
        spatial = require_image(call, axes)
        dilation = integers(call, "dilation") if "dilation" in call.attributes else (1,) * axes
        least = {"kernel_size": 1, "padding": 0, **({"dilation": 1} if "dilation" in call.attributes else {})}
        require_windows(call, axes, least, *pool_complaints(call, axes))
        if call.attributes.get("divisor_override") == 0:
            raise call.refuse("divisor_override is 0; give another, or None to divide by the window's size")
        kernel = integers(call, "kernel_size")
        windows = list(zip(spatial, kernel, strides(call), integers(call, "padding"), dilation, strict=True))
        if call.attributes["ceil_mode"]:
            counts = [ceiled_count(call, *window) for window in windows]
        else:
            counts = [window_count(*window) for window in windows]
        found = require_output(call, spatial, counts)
        return (ValueType((*call.operand.shape[:-axes], *found), call.operand.dtype),)

    return infer


def infer_average_volume(call: Call) -> tuple[ValueType, ...]:
    """The average pool over three axes, whose kernel torch wants to fit in the input without its padding."""
    types, kernel = infer_pool(3)(call), integers(call, "kernel_size")
    spatial = call.operand.shape[-3:]
    if any(isinstance(size, int) and size < edge for size, edge in zip(spatial, kernel, strict=True)):
        raise call.refuse(f"kernel_size {kernel} must be at most the input's {shape_text(spatial)}, without padding")
    return types


def window_work(saved: int) -> Count:
    """The count of a pool: the elements of a window, less the first where nothing is done for it."""
    return lambda call, outputs: outputs[0].elements * (prod(integers(call, "kernel_size")) - saved)


def execute_max_pool(name: str) -> Callable[[Run], Any]:
    """The maximum pool as torch captures it."""

    def execute(run: Run) -> Any:
        lists = [list(run.attributes[key]) for key in ("kernel_size", "stride", "padding", "dilation")]
        return overload(name)(run.operand, *lists, run.attributes["ceil_mode"])

    return execute


def execute_average_pool(name: str) -> Callable[[Run], Any]:
    """The average pool as torch captures it; over one axis it has no divisor of its own."""

    def execute(run: Run) -> Any:
        lists = [list(run.attributes[key]) for key in ("kernel_size", "stride", "padding")]
        keys = ("ceil_mode", "count_include_pad", "divisor_override")
        options = [run.attributes[key] for key in keys if key in run.attributes]
        return overload(name)(run.operand, *lists, *options)

    return execute


def infer_adaptive(axes: int) -> Infer:
    """The inference of a pool that is told its output's sizes."""

    def infer(call: Call) -> tuple[ValueType, ...]:
        spatial, wanted = require_image(call, axes), sizes(call, "output_size")
        if len(wanted) != axes:
            raise call.refuse(f"output_size {shape_text(wanted)} has {len(wanted)} numbers; give {axes}, one an axis")
        found = require_output(call, spatial, wanted)
        return (ValueType((*call.operand.shape[:-axes], *found), call.operand.dtype),)

    return infer


def covered(size: Size, count: Size) -> Size:
    """The elements that adaptive windows hold: neighbours share one unless the border is between two.

    For symbolic sizes the borders are taken to fall inside elements, the most that it can be.
    """
    if count == 1 or size == count:
        return size
    shared = gcd(size, count) if isinstance(size, int) and isinstance(count, int) else 1
    return size + count - shared


def adaptive_elements(call: Call) -> Size:
    """The elements of all windows of an adaptive pool."""
    axes = len(sizes(call, "output_size"))
    spatial = zip(call.operand.shape[-axes:], sizes(call, "output_size"), strict=True)
    return size_product((*call.operand.shape[:-axes], *(covered(size, count) for size, count in spatial)))


def count_adaptive_average(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """Each element of each window once."""
    return adaptive_elements(call)


def count_adaptive_maximum(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """Each element of each window but the first."""
    return adaptive_elements(call) - outputs[0].elements


def execute_adaptive_average(name: str) -> Callable[[Run], Any]:
    """The adaptive average pool as torch captures it."""
    return lambda run: overload(name)(run.operand, list(run.attributes["output_size"]))


def execute_adaptive_maximum(name: str) -> Callable[[Run], Any]:
    """The adaptive maximum pool as torch captures it, less the positions of the maxima."""
    return lambda run: overload(name)(run.operand, list(run.attributes["output_size"]))[0]


def max_pool_row(axes: int) -> Op:
    """The maximum pool over so many axes."""
    return Op(
        name=f"max_pool{axes}d",
        summary=f"The largest element of each window over {axes} axes; no stride means that of the kernel.",
        infer=infer_pool(axes),
        execute=execute_max_pool(f"max_pool{axes}d.default"),
        attributes=(
            AttributeRow("kernel_size", "ints"),
            AttributeRow("stride", "ints", ()),
            AttributeRow("padding", "ints", (0,) * axes),
            AttributeRow("dilation", "ints", (1,) * axes),
            AttributeRow("ceil_mode", "bool", False),
        ),
        elementary=window_work(1),
        aliases=(f"MaxPool{axes}d",),
    )


def average_pool_row(axes: int) -> Op:
    """The average pool over so many axes."""
    divisor = (AttributeRow("divisor_override", "int", None, optional=True),)
    return Op(
        name=f"avg_pool{axes}d",
        summary=f"The mean of each window over {axes} axes; no stride means that of the kernel.",
        infer=infer_pool(axes) if axes < 3 else infer_average_volume,
        execute=execute_average_pool(f"avg_pool{axes}d.default"),
        attributes=(
            AttributeRow("kernel_size", "ints"),
            AttributeRow("stride", "ints", ()),
            AttributeRow("padding", "ints", (0,) * axes),
            AttributeRow("ceil_mode", "bool", False),
            AttributeRow("count_include_pad", "bool", True),
            *(divisor if axes > 1 else ()),
        ),
        elementary=window_work(0),
        aliases=(f"AvgPool{axes}d",),
    )


def adaptive_average_row(axes: int) -> Op:
    """The adaptive average pool over so many axes."""
    return Op(
        name=f"adaptive_avg_pool{axes}d",
        summary=f"Means over as many windows along {axes} axes as output_size asks for.",
        infer=infer_adaptive(axes),
        execute=execute_adaptive_average(f"adaptive_avg_pool{axes}d.default"),
        attributes=(AttributeRow("output_size", "sizes", (1,) * axes),),
        elementary=count_adaptive_average,
        aliases=(f"AdaptiveAvgPool{axes}d", f"GlobalAvgPool{axes}d"),
    )


def adaptive_maximum_row(axes: int) -> Op:
    """The adaptive maximum pool over so many axes."""
    return Op(
        name=f"adaptive_max_pool{axes}d",
        summary=f"Maxima over as many windows along {axes} axes as output_size asks for.",
        infer=infer_adaptive(axes),
        execute=execute_adaptive_maximum(f"adaptive_max_pool{axes}d.default"),
        attributes=(AttributeRow("output_size", "ints", (1,) * axes),),
        elementary=count_adaptive_maximum,
        aliases=(f"AdaptiveMaxPool{axes}d",),
    )


ROWS = (
    max_pool_row(1),
    max_pool_row(2),
    max_pool_row(3),
    average_pool_row(1),
    average_pool_row(2),
    average_pool_row(3),
    adaptive_average_row(1),
    adaptive_average_row(2),
    adaptive_average_row(3),
    adaptive_maximum_row(1),
    adaptive_maximum_row(2),
    adaptive_maximum_row(3),
    UPSAMPLE,
)
