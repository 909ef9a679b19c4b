"""What rules share: loops over all axes of a shape, flat indices, and kernels that work point by point."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from math import prod
from typing import Any

from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Number, i32

ROLES = ("x", "other", "third", "fourth")
AXES = "ijklmnpq"
Write = Callable[[LoweringCall, Sequence[Expression]], Expression]


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """How far apart neighbours along each axis lie, row by row."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def flat(indices: Sequence[Expression | int], strides: Sequence[int], offset: int = 0) -> Expression:
    """Σ index·stride + offset, written without what does nothing."""
    terms = [scaled(index, stride) for index, stride in zip(indices, strides, strict=True)]
    kept = [item for item in terms if not (isinstance(item, Number) and item.value == 0)]
    if offset:
        kept.append(i32(offset))
    found: Expression = kept[0] if kept else i32(0)
    for item in kept[1:]:
        found = found + item
    return found


def scaled(index: Expression | int, stride: int) -> Expression:
    """index·stride."""
    if isinstance(index, int):
        return i32(index * stride)
    if isinstance(index, Number):
        return i32(int(index.value) * stride)
    if stride == 0:
        return i32(0)
    return index if stride == 1 else index * stride


@contextmanager
def nest(body: Body, shape: Sequence[int], names: Sequence[str] = AXES) -> Generator[list[Expression], None, None]:
    """Parallel loops over all axes; an axis of one element needs none."""
    with ExitStack() as stack:
        yield [axis_loop(stack, body, names[axis % len(names)], size) for axis, size in enumerate(shape)]


def axis_loop(stack: ExitStack, body: Body, name: str, size: int) -> Expression:
    """The index of one axis."""
    return i32(0) if size == 1 else stack.enter_context(body.parallel(name, size))


@contextmanager
def serial(body: Body, shape: Sequence[int], names: str = "rstuvw") -> Generator[list[Expression], None, None]:
    """Serial loops over all axes, for sums in order."""
    with ExitStack() as stack:
        yield [
            i32(0) if size == 1 else stack.enter_context(body.loop(names[axis % len(names)], size))
            for axis, size in enumerate(shape)
        ]


def broadcast_strides(shape: Sequence[int], target: Sequence[int]) -> tuple[int, ...]:
    """The strides with which a smaller value is read in the place of a larger one."""
    own = strides_of(shape)
    return (*[0] * (len(target) - len(shape)), *(0 if size == 1 else own[axis] for axis, size in enumerate(shape)))


def pointwise(call: LoweringCall, write: Write) -> None:
    """A kernel that computes each element from the elements of its operands at the same place."""
    shape = call.shape()
    places = [call.operand(index, ROLES[index]) for index in range(len(call.operands))]
    y = call.result()
    if all(view.shape == shape for view in call.operands):
        with call.body.parallel("i", prod(shape)) as i:
            call.body.store(y, i, fitted(write(call, [place.at(i) for place in places]), y))
        return
    strides = [broadcast_strides(view.shape, shape) for view in call.operands]
    with nest(call.body, shape) as indices:
        values = [place.at(flat(indices, own)) for place, own in zip(places, strides, strict=True)]
        call.body.store(y, flat(indices, strides_of(shape)), fitted(write(call, values), y))


def fitted(value: Expression, place: Place) -> Expression:
    """A value in the kind of the memory that it goes to."""
    return value.to(place.kind)


def movement(
    call: LoweringCall,
    output: int,
    shape: Sequence[int],
    strides: Sequence[int],
    offset: int = 0,
    operand: int = 0,
    suffix: str = "",
) -> None:
    """An output whose element is the operand's at Σ index·stride + offset; a contiguous one is a view."""
    real = [(size, stride) for size, stride in zip(shape, strides, strict=True) if size != 1]
    if [stride for _, stride in real] == list(strides_of([size for size, _ in real])):
        call.alias(operand, output, offset)
        return
    x, y = call.operand(operand, f"x{suffix}"), call.result(output, f"y{suffix}")
    with nest(call.body, shape) as indices:
        call.body.store(y, flat(indices, strides_of(shape)), x.at(flat(indices, strides, offset)))


def axis_of(call: LoweringCall, name: str, rank: int, default: int = 0) -> int:
    """An axis counted from the front."""
    value = call.integer(name) if name in call.attributes else default
    return value % max(rank, 1)


def numbers(call: LoweringCall, name: str) -> tuple[int, ...]:
    """An attribute that holds integers."""
    value: Any = call.attributes[name]
    return tuple(int(item) for item in value)


def rows_around(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """A shape as what lies before an axis, along it and behind it."""
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
