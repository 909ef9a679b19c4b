"""Convolutions and transposed convolutions over one, two or three axes, and the arithmetic of windows.

Pools slide windows too, and take that arithmetic from here.
"""

from collections.abc import Callable, Iterable
from typing import Any

from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.linear import (
    LAYER_ROLES,
    bias_additions,
    computed,
    layer_tensors,
    layer_types,
    require_dtype,
    require_tensor,
    shape_text,
)
from nadoo_graphs.ops.op import AttributeRow, Call, Infer, Op, Run
from nadoo_graphs.ops.reading import integer, integers
from nadoo_graphs.sizes import Shape, Size, size_product
from nadoo_graphs.values import ValueType

PADDINGS = ("same", "valid")


def window_complaints(call: Call, axes: int, least: dict[str, int]) -> list[str]:
    """What is wrong with attributes that hold one integer an axis, given the least that each may be."""
    found: list[str] = []
    for name, smallest in least.items():
        values = integers(call, name)
        if len(values) != axes:
            found.append(f"{name} {values} has {len(values)} numbers; give {axes}, one an axis")
        elif min(values) < smallest:
            found.append(f"{name} {values} must be at least {smallest} on every axis")
    return found


def require_windows(call: Call, axes: int, least: dict[str, int], *more: str) -> None:
    """Refuse bad windows, everything that is wrong with them at once."""
    complaints = [*window_complaints(call, axes, least), *more]
    if complaints:
        raise call.refuse("; ".join(complaints))


def require_image(call: Call, axes: int) -> Shape:
    """The spatial sizes of an operand [channels, *axes] with or without a batch before it."""
    source = call.operand
    if source.rank not in {axes + 1, axes + 2}:
        wanted = f"{axes + 2} axes (batch, channels and {axes} more), or {axes + 1} without a batch"
        raise call.refuse(f"the input is {source} and has {source.rank} axes; it must have {wanted}")
    return source.shape[-axes:]


def require_output(call: Call, spatial: Shape, result: Iterable[Size]) -> Shape:
    """Refuse an output without elements along an axis; a symbolic size is judged when it is known."""
    sizes = tuple(result)
    if any(isinstance(size, int) and size < 1 for size in sizes):
        message = f"an input of {shape_text(spatial)} gives an output of {shape_text(sizes)}"
        raise call.refuse(f"{message}, at least 1 is needed; use a larger input or padding, or a smaller kernel")
    return sizes


def window_count(size: Size, kernel: Size, stride: int, padding: int, dilation: int = 1) -> Size:
    """⌊(H + 2p − d(k − 1) − 1) / s⌋ + 1: how many windows fit."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def require_weight(call: Call, axes: int) -> tuple[ValueType, ValueType | None]:
    """Weight and bias, the weight with the right number of axes and the input's dtype."""
    weight, bias = layer_types(call)
    if weight.rank != axes + 2:
        raise call.refuse(f"the weight is {weight}; over {axes} axes it has {axes + 2}: channels twice, the kernel")
    require_dtype(call, "weight", weight, (call.operand.dtype,))
    return weight, bias


def require_channels(call: Call, axes: int, channels: Size, divided: Size) -> None:
    """Refuse an input of other channels than the weight's, or channels that the groups do not divide."""
    groups, given = integer(call, "groups"), call.operand.shape[-axes - 1]
    if given != channels:
        raise call.refuse(f"the input has {given} channels; for this weight in {groups} groups, give {channels}")
    if divided % groups != 0:
        raise call.refuse(f"groups {groups} must divide the weight's first axis, {divided}")


def padding_complaints(call: Call, axes: int) -> list[str]:
    """What is wrong with a padding, which is a name or one number an axis."""
    padding = call.attributes["padding"]
    if isinstance(padding, tuple) and all(type(item) is int for item in padding):
        return window_complaints(call, axes, {"padding": 0})
    if padding not in PADDINGS:
        return [f"padding is {padding!r}; give a tuple of {axes} integers, 'same' or 'valid'"]
    if padding == "same" and max(integers(call, "stride"), default=1) != 1:
        return [f"padding 'same' needs stride 1 on every axis, not {integers(call, 'stride')}"]
    return []


def padded_count(call: Call, axis: int, size: Size, kernel: Size) -> Size:
    """How many windows of a convolution fit along one axis."""
    padding = call.attributes["padding"]
    if padding == "same":
        return size
    edge = 0 if padding == "valid" else integers(call, "padding")[axis]
    return window_count(size, kernel, integers(call, "stride")[axis], edge, integers(call, "dilation")[axis])


def group_complaints(call: Call) -> list[str]:
    """What is wrong with the number of groups."""
    groups = integer(call, "groups")
    return [] if groups >= 1 else [f"groups is {groups}; it must be at least 1"]


def infer_convolution(axes: int) -> Infer:
    """The inference of a convolution over so many axes, with weight [out, in / groups, *kernel]."""

    def infer(call: Call) -> tuple[ValueType, ...]:
        spatial = require_image(call, axes)
        complaints = [*padding_complaints(call, axes), *group_complaints(call)]
        require_windows(call, axes, {"stride": 1, "dilation": 1}, *complaints)
        weight, bias = require_weight(call, axes)
        require_channels(call, axes, weight.shape[1] * integer(call, "groups"), weight.shape[0])
        require_tensor(call, "bias", bias, (weight.shape[0],))
        counts = [padded_count(call, axis, spatial[axis], weight.shape[2 + axis]) for axis in range(axes)]
        sizes = require_output(call, spatial, counts)
        batch = call.operand.shape[: -axes - 1]
        return (ValueType((*batch, weight.shape[0], *sizes), call.operand.dtype),)

    return infer


def output_padding_complaints(call: Call) -> list[str]:
    """What torch refuses of an output padding that is no longer a part of one stride."""
    lists = [integers(call, name) for name in ("output_padding", "stride", "dilation")]
    if all(extra < max(stride, dilation) for extra, stride, dilation in zip(*lists, strict=False)):
        return []
    return [f"output_padding {lists[0]} must be smaller than stride {lists[1]} or dilation {lists[2]}"]


def transposed_size(call: Call, axis: int, size: Size, kernel: Size) -> Size:
    """(H − 1)s − 2p + d(k − 1) + output padding + 1."""
    names = ("stride", "padding", "dilation", "output_padding")
    stride, padding, dilation, extra = (integers(call, name)[axis] for name in names)
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1


def infer_transposed(axes: int) -> Infer:
    """The inference of a transposed convolution, with weight [in, out / groups, *kernel]."""

    def infer(call: Call) -> tuple[ValueType, ...]:
        spatial = require_image(call, axes)
        least = {"stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}
        require_windows(call, axes, least, *output_padding_complaints(call), *group_complaints(call))
        weight, bias = require_weight(call, axes)
        require_channels(call, axes, weight.shape[0], weight.shape[0])
        channels = weight.shape[1] * integer(call, "groups")
        require_tensor(call, "bias", bias, (channels,))
        counts = [transposed_size(call, axis, spatial[axis], weight.shape[2 + axis]) for axis in range(axes)]
        sizes = require_output(call, spatial, counts)
        return (ValueType((*call.operand.shape[: -axes - 1], channels, *sizes), call.operand.dtype),)

    return infer


def convolution_macs(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """Every output element is a dot product over one group's channels and the kernel."""
    return outputs[0].elements * size_product(layer_types(call)[0].shape[1:])


def transposed_macs(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """Every input element is spread over one group's channels and the kernel."""
    return call.operand.elements * size_product(layer_types(call)[0].shape[1:])


def execute_convolution(name: str) -> Callable[[Run], Any]:
    """The convolution as torch captures it; a padding given by name has an overload of its own."""

    def execute(run: Run) -> Any:
        stride, padding, dilation = (run.attributes[name] for name in ("stride", "padding", "dilation"))
        named = isinstance(padding, str)
        call = overload(f"{name}.padding" if named else f"{name}.default")
        edges = padding if named else list(padding)
        return call(*layer_tensors(run), list(stride), edges, list(dilation), run.attributes["groups"])

    return execute


def execute_transposed(name: str) -> Callable[[Run], Any]:
    """The transposed convolution as torch captures it."""

    def execute(run: Run) -> Any:
        stride, padding, extra, dilation = (
            list(run.attributes[name]) for name in ("stride", "padding", "output_padding", "dilation")
        )
        return overload(name)(*layer_tensors(run), stride, padding, extra, run.attributes["groups"], dilation)

    return execute


def convolution_row(axes: int) -> Op:
    """The convolution over so many axes."""
    return Op(
        name=f"conv{axes}d",
        summary=f"Slides a weight [out, in / groups, *kernel] over {axes} axes.",
        infer=infer_convolution(axes),
        execute=execute_convolution(f"conv{axes}d"),
        roles=LAYER_ROLES,
        attributes=(
            AttributeRow("stride", "ints", (1,) * axes),
            AttributeRow("padding", "any", (0,) * axes),
            AttributeRow("dilation", "ints", (1,) * axes),
            AttributeRow("groups", "int", 1),
        ),
        macs=convolution_macs,
        elementary=bias_additions,
        aliases=(f"Conv{axes}d",),
    )


def transposed_row(axes: int, name: str) -> Op:
    """The transposed convolution over so many axes."""
    return Op(
        name=f"conv_transpose{axes}d",
        summary=f"Spreads each input element over {axes} axes by a weight [in, out / groups, *kernel].",
        infer=infer_transposed(axes),
        execute=execute_transposed(name),
        roles=LAYER_ROLES,
        attributes=(
            AttributeRow("stride", "ints", (1,) * axes),
            AttributeRow("padding", "ints", (0,) * axes),
            AttributeRow("output_padding", "ints", (0,) * axes),
            AttributeRow("groups", "int", 1),
            AttributeRow("dilation", "ints", (1,) * axes),
        ),
        macs=transposed_macs,
        elementary=bias_additions,
        aliases=(f"ConvTranspose{axes}d",),
    )


LAYERS = (
    convolution_row(1),
    convolution_row(2),
    convolution_row(3),
    transposed_row(1, "conv_transpose1d.default"),
    transposed_row(2, "conv_transpose2d.input"),
    transposed_row(3, "conv_transpose3d.input"),
)
ROWS = (*LAYERS, *(computed(row) for row in LAYERS))
