"""Rows that move elements: what stays contiguous is a view, the rest is copied once."""

from collections.abc import Callable, Sequence
from math import prod

from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Number, i32, term
from nadoo_graphs.lowered.expressions import select as choose
from nadoo_graphs.lowered.rules.nests import (
    axis_of,
    broadcast_strides,
    flat,
    movement,
    nest,
    numbers,
    rows_around,
    strides_of,
)
from nadoo_graphs.lowered.types import Kind


def permute(call: LoweringCall) -> None:
    """The axes in another order."""
    shape = call.operands[0].shape
    own = strides_of(shape)
    movement(call, 0, call.shape(), [own[dim % len(shape)] for dim in numbers(call, "dims")])


def transpose(call: LoweringCall) -> None:
    """Two axes exchanged."""
    shape = call.operands[0].shape
    own = list(strides_of(shape))
    if shape:
        one, two = axis_of(call, "dim0", len(shape)), axis_of(call, "dim1", len(shape))
        own[one], own[two] = own[two], own[one]
    movement(call, 0, call.shape(), own)


def expand(call: LoweringCall) -> None:
    """Axes of size 1 stretched, and new axes in front."""
    movement(call, 0, call.shape(), broadcast_strides(call.operands[0].shape, call.shape()))


def flip(call: LoweringCall) -> None:
    """Some axes run backwards."""
    shape = call.operands[0].shape
    turned = {dim % max(len(shape), 1) for dim in numbers(call, "dims")}
    own = strides_of(shape)
    strides = [-step if axis in turned else step for axis, step in enumerate(own)]
    offset = sum((shape[axis] - 1) * own[axis] for axis in turned)
    movement(call, 0, shape, strides, offset)


def unfold(call: LoweringCall) -> None:
    """Windows along an axis become a last axis."""
    shape = call.operands[0].shape
    dim, step = axis_of(call, "dimension", len(shape)), call.integer("step")
    own = list(strides_of(shape))
    strides = [*own[:dim], own[dim] * step, *own[dim + 1 :], own[dim]]
    movement(call, 0, call.shape(), strides)


def slice_axis(call: LoweringCall) -> None:
    """Every step-th element of an axis."""
    shape = call.operands[0].shape
    dim, step = axis_of(call, "dim", len(shape)), call.integer("step")
    start = call.integer("start")
    first = min(max(start + shape[dim] if start < 0 else start, 0), shape[dim])
    own = strides_of(shape)
    strides = [stride * step if axis == dim else stride for axis, stride in enumerate(own)]
    movement(call, 0, call.shape(), strides, first * own[dim])


def select(call: LoweringCall) -> None:
    """One element of an axis, which disappears."""
    shape = call.operands[0].shape
    dim, index = axis_of(call, "dim", len(shape)), call.integer("index")
    own = strides_of(shape)
    movement(call, 0, call.shape(), [*own[:dim], *own[dim + 1 :]], (index % shape[dim]) * own[dim])


def repeat(call: LoweringCall) -> None:
    """Every axis laid down several times."""
    repeats, shape = numbers(call, "repeats"), call.operands[0].shape
    padded = (*[1] * (len(repeats) - len(shape)), *shape)
    own = strides_of(padded)
    sizes = [size for pair in zip(repeats, padded, strict=True) for size in pair]
    steps = [step for stride in own for step in (0, stride)]
    x, y = call.operand(), call.result()
    with nest(call.body, sizes) as indices:
        call.body.store(y, flat(indices, strides_of(sizes)), x.at(flat(indices, steps)))


def roll(call: LoweringCall) -> None:
    """Elements moved along axes, one axis after the other in one index."""
    shape, shifts, dims = call.shape(), numbers(call, "shifts"), numbers(call, "dims")
    sizes = shape if dims else (prod(shape),)
    moves = dict.fromkeys(range(len(sizes)), 0)
    for shift, dim in zip(shifts, dims or (0,), strict=True):
        moves[dim % len(sizes)] += shift
    x, y = call.operand(), call.result()
    with nest(call.body, sizes) as indices:
        sources = [turned(index, moves[axis] % max(sizes[axis], 1), sizes[axis]) for axis, index in enumerate(indices)]
        call.body.store(y, flat(indices, strides_of(sizes)), x.at(flat(sources, strides_of(sizes))))


def turned(index: Expression, shift: int, size: int) -> Expression:
    """The index that a rolled axis reads."""
    return index if shift == 0 or isinstance(index, Number) else (index + (size - shift)) % size


def pad(call: LoweringCall) -> None:
    """Margins around the last axes: of a constant, or of what lies within."""
    margins, mode = numbers(call, "pad"), str(call.attributes["mode"])
    before = [0] * len(call.operands[0].shape)
    for place in range(len(margins) // 2):
        before[-1 - place] = margins[2 * place]
    if mode == "constant":
        pad_with_constant(call, before)
    else:
        pad_with_copies(call, before, MARGINS[mode])


def pad_with_copies(call: LoweringCall, before: Sequence[int], inside: "Margin") -> None:
    """Each element is one of the operand's, those of the margins too."""
    source, shape, x, y = call.operands[0].shape, call.shape(), call.operand(), call.result()
    with nest(call.body, shape) as indices:
        places = [
            index if not edge and taken == size else inside(index - edge if edge else index, size).clamped(0, size - 1)
            for index, edge, size, taken in zip(indices, before, source, shape, strict=True)
        ]
        call.body.store(y, flat(indices, strides_of(shape)), x.at(flat(places, strides_of(source))))


def mirrored(place: Expression, size: int) -> Expression:
    """Beyond an edge it goes back, the edge itself only once."""
    positive = place.at_least(-place)
    return positive.at_most(i32(2 * size - 2) - positive)


def wrapped(place: Expression, size: int) -> Expression:
    """Beyond an edge it goes on at the other."""
    return (place + size) % size


Margin = Callable[[Expression, int], Expression]
MARGINS: dict[str, Margin] = {
    "reflect": mirrored,
    "replicate": lambda place, size: place,
    "circular": wrapped,
}


def pad_with_constant(call: LoweringCall, before: Sequence[int]) -> None:
    """Everything is filled, then what is inside is copied."""
    source, shape = call.operands[0].shape, call.shape()
    x, y = call.operand(), call.result()
    value = 0.0 if call.attributes["value"] is None else call.real("value")
    filled(call, y, prod(shape), value)
    begins = [max(-edge, 0) for edge in before]
    ends = [min(size, shape[axis] - before[axis]) for axis, size in enumerate(source)]
    copied = [end - begin for begin, end in zip(begins, ends, strict=True)]
    offset = sum(begin * stride for begin, stride in zip(begins, strides_of(source), strict=True))
    places = zip(begins, before, strides_of(shape), strict=True)
    target = sum((begin + edge) * stride for begin, edge, stride in places)
    with nest(call.body, copied) as indices:
        given = x.at(flat(indices, strides_of(source), offset))
        call.body.store(y, flat(indices, strides_of(shape), target), given)


def filled(call: LoweringCall, y: Place, count: int, value: float) -> None:
    """One number everywhere."""
    with call.body.parallel("f", count) as place:
        call.body.store(y, place, term(value, y.kind))


def index_select(call: LoweringCall) -> None:
    """Slices along an axis in the order of an index; an index outside is brought to the border."""
    source = call.operands[0].shape
    outer, width, inner = rows_around(source, axis_of(call, "dim", len(source)))
    count, body = call.operands[1].length, call.body
    x, index, y = call.operand(0), call.operand(1, "index"), call.result()
    with nest(body, (outer, count, inner), "oki") as (row, place, column):
        chosen = body.let("chosen", bounded_index(index.at(place), width))
        value = x.at(flat((row, chosen, column), (width * inner, inner, 1)))
        body.store(y, flat((row, place, column), strides_of((outer, count, inner))), value)


def bounded_index(index: Expression, size: int) -> Expression:
    """An index within an axis: negative ones count from the end."""
    whole = choose(index < 0, index + size, index)
    return whole.clamped(0, size - 1).to(Kind.I32)


def gather(call: LoweringCall) -> None:
    """For each place of the index, the element that it names along an axis."""
    source, shape = call.operands[0].shape, call.shape()
    dim, body = axis_of(call, "dim", len(source)), call.body
    x, index, y = call.operand(0), call.operand(1, "index"), call.result()
    with nest(body, shape) as indices:
        chosen = body.let("chosen", bounded_index(index.at(flat(indices, strides_of(shape))), source[dim]))
        places = [chosen if axis == dim else place for axis, place in enumerate(indices)]
        body.store(y, flat(indices, strides_of(shape)), x.at(flat(places, strides_of(source))))


def triangle(*, upper: bool) -> Callable[[LoweringCall], None]:
    """The rule that keeps one side of a diagonal."""

    def rule(call: LoweringCall) -> None:
        shape, diagonal = call.shape(), call.integer("diagonal")
        x, y, body = call.operand(), call.result(), call.body
        with nest(body, shape) as indices:
            place = flat(indices, strides_of(shape))
            ahead = indices[-1] - indices[-2] - diagonal
            kept = ahead >= 0 if upper else ahead <= 0
            body.store(y, place, choose(kept, x.at(place), term(0, y.kind)))

    return rule


RULES = {
    "permute": permute, "transpose": transpose, "expand": expand, "flip": flip, "unfold": unfold,
    "slice": slice_axis, "select": select, "repeat": repeat, "roll": roll, "pad": pad,
    "index_select": index_select, "gather": gather, "triu": triangle(upper=True), "tril": triangle(upper=False),
}  # fmt: skip
