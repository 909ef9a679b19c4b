"""Rows that give the same numbers another shape: one value in, one value out."""

from typing import Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, overload
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run
from nadoo_graphs.ops.promotion import shape_text
from nadoo_graphs.ops.reading import axes, axis, integer, integers, optional_integers, sizes
from nadoo_graphs.sizes import Shape, Size, size_product
from nadoo_graphs.values import ValueType


def infer_flatten(call: Call) -> tuple[ValueType, ...]:
    """Axes from start_dim to end_dim become one."""
    shape = call.operand.shape or (1,)
    first = axis(call, integer(call, "start_dim"), len(shape))
    last = axis(call, integer(call, "end_dim"), len(shape))
    if first > last:
        raise call.refuse(f"start_dim {first} comes after end_dim {last}; exchange them")
    return (call.operand.with_shape((*shape[:first], size_product(shape[first : last + 1]), *shape[last + 1 :])),)


def infer_reshape(call: Call) -> tuple[ValueType, ...]:
    """As many elements as before; one size may be -1 and is what remains."""
    wanted = sizes(call, "shape")
    total = call.operand.elements
    shape = completed(call, wanted, total)
    if size_product(shape) != total:
        raise call.refuse(f"shape {shape_text(wanted)} does not hold the {total} elements of {call.operand}")
    return (call.operand.with_shape(shape),)


def completed(call: Call, wanted: Shape, total: Size) -> Shape:
    """The shape with its -1 replaced by what remains."""
    if wanted.count(-1) > 1 or any(isinstance(size, int) and size < -1 for size in wanted):
        raise call.refuse(f"shape is {shape_text(wanted)}; give sizes of at least 0, and -1 at most once")
    if -1 not in wanted:
        return wanted
    others = size_product(size for size in wanted if size != -1)
    if others == 0:
        raise call.refuse(f"shape {shape_text(wanted)} has a 0 beside its -1, which could be anything; write it out")
    return tuple(total // others if size == -1 else size for size in wanted)


def infer_permute(call: Call) -> tuple[ValueType, ...]:
    """Every axis, in another order."""
    dims = axes(call, integers(call, "dims"), call.operand.rank)
    if len(dims) != call.operand.rank:
        raise call.refuse(f"dims is {dims} for {call.operand.rank} axes; name each axis once")
    return (call.operand.with_shape(call.operand.shape[dim] for dim in dims),)


def infer_transpose(call: Call) -> tuple[ValueType, ...]:
    """Two axes exchanged."""
    shape = list(call.operand.shape)
    first = axis(call, integer(call, "dim0"), len(shape))
    second = axis(call, integer(call, "dim1"), len(shape))
    if shape:
        shape[first], shape[second] = shape[second], shape[first]
    return (call.operand.with_shape(shape),)


def infer_squeeze(call: Call) -> tuple[ValueType, ...]:
    """Axes of size 1 disappear: the named ones, or all."""
    shape, dims = call.operand.shape, optional_integers(call, "dim")
    named = range(len(shape)) if dims is None else axes(call, dims, len(shape))
    return (call.operand.with_shape(size for dim, size in enumerate(shape) if dim not in named or size != 1),)


def run_squeeze(run: Run) -> Any:
    """Named axes and all axes are different overloads."""
    dims = run.attributes["dim"]
    return overload("squeeze.default")(run.operand) if dims is None else overload("squeeze.dims")(run.operand, [*dims])


def infer_unsqueeze(call: Call) -> tuple[ValueType, ...]:
    """A new axis of size 1 appears."""
    shape = call.operand.shape
    dim = axis(call, integer(call, "dim"), len(shape) + 1)
    return (call.operand.with_shape((*shape[:dim], 1, *shape[dim:])),)


def infer_expand(call: Call) -> tuple[ValueType, ...]:
    """Axes of size 1 stretch, new ones come in front; -1 keeps a size."""
    shape, wanted = call.operand.shape, sizes(call, "shape")
    new = len(wanted) - len(shape)
    if new < 0:
        raise call.refuse(f"shape {shape_text(wanted)} has fewer axes than {call.operand}; give at least {len(shape)}")
    old: tuple[Size | None, ...] = (*[None] * new, *shape)
    return (call.operand.with_shape(expanded(call, one, two) for one, two in zip(old, wanted, strict=True)),)


def expanded(call: Call, old: Size | None, wanted: Size) -> Size:
    """The size of one axis after stretching."""
    if isinstance(wanted, int) and wanted < (0 if old is None else -1):
        raise call.refuse(f"cannot expand a new axis to {wanted}; give 0 or more")
    if old is None or wanted == old:
        return wanted
    if wanted == -1:
        return old
    if old != 1:
        raise call.refuse(f"cannot expand an axis of {old} to {wanted}; only an axis of 1 stretches")
    return wanted


def infer_repeat(call: Call) -> tuple[ValueType, ...]:
    """Each axis is laid down several times; further repeats make new axes in front."""
    shape, repeats = call.operand.shape, sizes(call, "repeats")
    if len(repeats) < len(shape) or any(isinstance(count, int) and count < 0 for count in repeats):
        raise call.refuse(f"repeats is {shape_text(repeats)}; give at least {len(shape)} counts of at least 0")
    padded = (*(1 for _ in repeats[len(shape) :]), *shape)
    return (call.operand.with_shape(size * count for size, count in zip(padded, repeats, strict=True)),)


def infer_roll(call: Call) -> tuple[ValueType, ...]:
    """The shape stays; without dims the flattened value is rolled."""
    shifts, dims = sizes(call, "shifts"), integers(call, "dims")
    for dim in dims:
        axis(call, dim, call.operand.rank)
    if not shifts or (dims and not call.operand.rank):
        raise call.refuse(f"has {len(shifts)} shifts for {call.operand}; give a shift, and dims only if it has axes")
    if len(shifts) != len(dims) and (dims or len(shifts) != 1):
        raise call.refuse(f"{len(shifts)} shifts for {len(dims)} dims; give as many, or one shift and no dims")
    return (call.operand,)


def infer_flip(call: Call) -> tuple[ValueType, ...]:
    """The shape stays; some axes run backwards."""
    axes(call, integers(call, "dims"), call.operand.rank)
    return (call.operand,)


def infer_unfold(call: Call) -> tuple[ValueType, ...]:
    """Windows along an axis become a last axis."""
    shape = call.operand.shape
    dim = axis(call, integer(call, "dimension"), len(shape))
    window, step = integer(call, "size"), integer(call, "step")
    length = shape[dim] if shape else 1
    if step < 1 or window < 0 or (isinstance(length, int) and window > length):
        raise call.refuse(f"size {window}, step {step} over {length} elements; give 0 ≤ size ≤ {length} and step ≥ 1")
    windows = (length - window) // step + 1
    kept = (*shape[:dim], windows, *shape[dim + 1 :]) if shape else ()
    return (call.operand.with_shape((*kept, window)),)


def infer_cast(call: Call) -> tuple[ValueType, ...]:
    """The same numbers in another dtype, rounded to nearest even."""
    return (call.operand.with_dtype(str(call.attributes["dtype"])),)


def infer_same(call: Call) -> tuple[ValueType, ...]:
    """Nothing changes."""
    return (call.operand,)


PAD_MODES = ("constant", "reflect", "replicate", "circular")


def infer_pad(call: Call) -> tuple[ValueType, ...]:
    """Pairs of margins from the last axis on; negative ones cut off."""
    margins, mode, shape = sizes(call, "pad"), str(call.attributes["mode"]), list(call.operand.shape)
    if mode not in PAD_MODES:
        raise call.refuse(f"mode is {mode!r}; give one of {', '.join(PAD_MODES)}", Code.SCHEMA)
    if len(margins) % 2 or len(margins) > 2 * len(shape):
        raise call.refuse(f"pad has {len(margins)} sizes for {len(shape)} axes; give two for each of the last axes")
    if mode != "constant":
        check_mirrored(call, mode, margins)
    for place in range(len(margins) // 2):
        before, after = margins[2 * place : 2 * place + 2]
        check_cut(call, shape[-1 - place], before, after)
        shape[-1 - place] = shape[-1 - place] + before + after
    return (call.operand.with_shape(shape),)


def check_cut(call: Call, size: Size, before: Size, after: Size) -> None:
    """Negative margins cut before others are added, and cut no more than there is."""
    cut = sum(-margin for margin in (before, after) if isinstance(margin, int) and margin < 0)
    if isinstance(size, int) and cut > size:
        raise call.refuse(f"pad cuts {cut} elements from an axis of {size}; cut at most {size}")


def check_mirrored(call: Call, mode: str, margins: Shape) -> None:
    """The other modes pad the axes behind batch and channels with what is there."""
    shape, count = call.operand.shape, len(margins) // 2
    if count not in {1, 2, 3} or len(shape) not in {count + 1, count + 2}:
        message = f"mode {mode!r} pads the last 1 to 3 axes after a channel axis, not {count} of {len(shape)}"
        raise call.refuse(f"{message}; give two sizes for each of them")
    for place, margin in enumerate(margins):
        size = shape[-1 - place // 2]
        if not isinstance(size, int) or not isinstance(margin, int):
            continue
        most = {"reflect": size - 1, "circular": size}.get(mode, margin)
        if margin > most or size < 1:
            raise call.refuse(f"mode {mode!r} pads {margin} to an axis of {size}; at most {most}")


ROWS: tuple[Op, ...] = (
    Op(
        name="flatten",
        summary="Several axes in a row made one.",
        infer=infer_flatten,
        execute=calls("flatten.using_ints", "start_dim", "end_dim"),
        attributes=(AttributeRow("start_dim", "int", 1), AttributeRow("end_dim", "int", -1)),
        aliases=("Flatten",),
        view=True,
    ),
    Op(
        name="reshape",
        summary="The same elements in another shape; one size may be -1.",
        infer=infer_reshape,
        execute=calls("reshape.default", "shape"),
        attributes=(AttributeRow("shape", "sizes"),),
        aliases=("Reshape",),
        view=True,
    ),
    Op(
        name="permute",
        summary="The axes in another order.",
        infer=infer_permute,
        execute=calls("permute.default", "dims"),
        attributes=(AttributeRow("dims", "ints"),),
        aliases=("Permute",),
    ),
    Op(
        name="transpose",
        summary="Two axes exchanged.",
        infer=infer_transpose,
        execute=calls("transpose.int", "dim0", "dim1"),
        attributes=(AttributeRow("dim0", "int", -2), AttributeRow("dim1", "int", -1)),
    ),
    Op(
        name="squeeze",
        summary="Axes of size 1 taken out: the named ones, or all.",
        infer=infer_squeeze,
        execute=run_squeeze,
        attributes=(AttributeRow("dim", "ints", None, optional=True),),
        view=True,
    ),
    Op(
        name="unsqueeze",
        summary="An axis of size 1 put in.",
        infer=infer_unsqueeze,
        execute=calls("unsqueeze.default", "dim"),
        attributes=(AttributeRow("dim", "int"),),
        view=True,
    ),
    Op(
        name="expand",
        summary="Axes of size 1 stretched, and new axes in front; -1 keeps a size.",
        infer=infer_expand,
        execute=calls("expand.default", "shape"),
        attributes=(AttributeRow("shape", "sizes"),),
    ),
    Op(
        name="repeat",
        summary="Every axis laid down several times.",
        infer=infer_repeat,
        execute=calls("repeat.default", "repeats"),
        attributes=(AttributeRow("repeats", "sizes"),),
    ),
    Op(
        name="roll",
        summary="Elements moved along axes, those that fall off coming in again.",
        infer=infer_roll,
        execute=calls("roll.default", "shifts", "dims"),
        attributes=(AttributeRow("shifts", "sizes"), AttributeRow("dims", "ints", ())),
    ),
    Op(
        name="flip",
        summary="Some axes run backwards.",
        infer=infer_flip,
        execute=calls("flip.default", "dims"),
        attributes=(AttributeRow("dims", "ints"),),
    ),
    Op(
        name="unfold",
        summary="Windows along an axis, as a new last axis.",
        infer=infer_unfold,
        execute=calls("unfold.default", "dimension", "size", "step"),
        attributes=(
            AttributeRow("dimension", "int"),
            AttributeRow("size", "int"),
            AttributeRow("step", "int", 1),
        ),
    ),
    Op(
        name="pad",
        summary="Margins around the last axes: constant, reflected, replicated or circular.",
        infer=infer_pad,
        execute=calls("pad.default", "pad", "mode", "value"),
        attributes=(
            AttributeRow("pad", "sizes"),
            AttributeRow("mode", "str", "constant"),
            AttributeRow("value", "number", None, optional=True),
        ),
        aliases=("Pad",),
    ),
    Op(
        name="cast",
        summary="The same numbers in another dtype.",
        infer=infer_cast,
        execute=calls("to.dtype", "dtype"),
        attributes=(AttributeRow("dtype", "dtype"),),
        aliases=("Cast",),
    ),
    Op(
        name="clone",
        summary="A copy, in another memory format where one is named.",
        infer=infer_same,
        execute=calls("clone.default", keywords=("memory_format",)),
        attributes=(AttributeRow("memory_format", "str", None, optional=True),),
        view=True,
    ),
    Op(
        name="detach",
        summary="The same value, through which no gradient flows.",
        infer=infer_same,
        execute=calls("detach.default"),
        view=True,
    ),
)
