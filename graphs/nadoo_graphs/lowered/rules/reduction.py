"""Sums, means and extrema along axes, and where extrema stand."""

from collections.abc import Callable
from math import inf, prod

from attrs import frozen

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.building import Body
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, f32, select, term
from nadoo_graphs.lowered.rules.nests import flat, nest, serial, strides_of
from nadoo_graphs.lowered.types import Kind


@frozen
class Axes:
    """A shape divided into axes that stay and axes that are folded."""

    shape: tuple[int, ...]
    folded: tuple[int, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes that stay."""
        return tuple(axis for axis in range(len(self.shape)) if axis not in self.folded)

    def sizes(self, axes: tuple[int, ...]) -> tuple[int, ...]:
        """The sizes of some axes."""
        return tuple(self.shape[axis] for axis in axes)

    def place(self, outer: list[Expression], inner: list[Expression]) -> Expression:
        """The flat index of an element."""
        strides = strides_of(self.shape)
        return flat((*outer, *inner), [strides[axis] for axis in (*self.kept, *self.folded)])

    @property
    def count(self) -> int:
        """How many elements are folded into one."""
        return prod(self.sizes(self.folded))


def axes_of(call: LoweringCall) -> Axes:
    """The axes that a row folds: those named, or all."""
    shape, dim = call.operands[0].shape, call.attributes.get("dim")
    named = (dim,) if isinstance(dim, int) else dim
    folded = tuple(sorted(int(axis) % len(shape) for axis in named)) if named else tuple(range(len(shape)))  # type: ignore[union-attr,arg-type]
    return Axes(shape, folded)


def folding(
    start: Callable[[LoweringCall, Kind], Expression],
    step: Callable[[Expression, Expression], Expression],
    finish: Callable[[LoweringCall, Expression, int], Expression] = lambda call, total, count: total,
) -> Callable[[LoweringCall], None]:
    """The rule of a row that folds axes in order."""

    def rule(call: LoweringCall) -> None:
        axes, body = axes_of(call), call.body
        x, y = call.operand(), call.result()
        outer_shape = axes.sizes(axes.kept)
        with nest(body, outer_shape) as outer:
            total = body.let("total", start(call, y.kind))
            with serial(body, axes.sizes(axes.folded)) as inner:
                value = body.let("value", x.at(axes.place(outer, inner)).to(y.kind))
                body.assign(total, step(total, value))
            body.store(y, flat(outer, strides_of(outer_shape)), finish(call, total, axes.count))

    return rule


def zero(call: LoweringCall, kind: Kind) -> Expression:
    """What a sum begins with."""
    return term(0, kind)


def one(call: LoweringCall, kind: Kind) -> Expression:
    """What a product begins with."""
    return term(1, kind)


def lowest(call: LoweringCall, kind: Kind) -> Expression:
    """What no element is below."""
    return f32(-inf) if kind is Kind.F32 else term(kind.bounds[0], kind)


def highest(call: LoweringCall, kind: Kind) -> Expression:
    """What no element is above."""
    return f32(inf) if kind is Kind.F32 else term(kind.bounds[1], kind)


def larger(total: Expression, value: Expression) -> Expression:
    """The larger, NaN kept."""
    return select(value <= total, total, value)


def smaller(total: Expression, value: Expression) -> Expression:
    """The smaller, NaN kept."""
    return select(value >= total, total, value)


def mean(call: LoweringCall, total: Expression, count: int) -> Expression:
    """The sum over the count."""
    return total / f32(count)


def spread(*, root: bool) -> Callable[[LoweringCall], None]:
    """The rule of a variance or a deviation: the mean first, then the squares around it."""

    def rule(call: LoweringCall) -> None:
        axes, body = axes_of(call), call.body
        x, y = call.operand(), call.result()
        correction = call.real("correction")
        outer_shape = axes.sizes(axes.kept)
        with nest(body, outer_shape) as outer:
            total = body.let("total", f32(0.0))
            with serial(body, axes.sizes(axes.folded)) as inner:
                body.assign(total, total + x.at(axes.place(outer, inner)))
            middle, squares = body.let("mean", total / f32(axes.count)), body.let("squares", f32(0.0))
            with serial(body, axes.sizes(axes.folded), "abcdef") as inner:
                distance = body.let("distance", x.at(axes.place(outer, inner)) - middle)
                body.assign(squares, squares + distance * distance)
            variance = squares / f32(max(axes.count - correction, 0))
            value = body.call(functions.sqrt(), variance) if root else variance
            body.store(y, flat(outer, strides_of(outer_shape)), value)

    return rule


def place_of(*, largest: bool) -> Callable[[LoweringCall], None]:
    """The rule of the place of an extremum, the first of equal ones."""

    def rule(call: LoweringCall) -> None:
        axes, body = axes_of(call), call.body
        x, y = call.operand(), call.result()
        with nest(body, axes.sizes(axes.kept)) as outer:
            _, place = search(body, lambda inner: x.at(axes.place(outer, inner)), axes.sizes(axes.folded), largest)
            body.store(y, flat(outer, strides_of(axes.sizes(axes.kept))), place.to(y.kind))

    return rule


def search(
    body: Body, element: Callable[[list[Expression]], Expression], shape: tuple[int, ...], largest: bool
) -> tuple[Name, Name]:
    """The first extremum of all elements, and its flat place among them."""
    begin = element([term(0, Kind.I32)] * len(shape))
    best, place = body.let("best", begin), body.let("place", 0)
    with serial(body, shape) as inner:
        value = body.let("value", element(inner))
        better = body.let("better", value > best if largest else value < best)
        body.assign(best, select(better, value, best))
        body.assign(place, select(better, flat(inner, strides_of(shape)), place))
    return best, place


def extremum(*, largest: bool) -> Callable[[LoweringCall], None]:
    """The rule of an extremum that is given with its place."""

    def rule(call: LoweringCall) -> None:
        axes, body = axes_of(call), call.body
        x, y = call.operand(), call.result()
        z = call.result(1, "place") if len(call.node.outputs) > 1 and call.is_read(1) else None
        with nest(body, axes.sizes(axes.kept)) as outer:
            best, place = search(body, lambda inner: x.at(axes.place(outer, inner)), axes.sizes(axes.folded), largest)
            target = flat(outer, strides_of(axes.sizes(axes.kept)))
            body.store(y, target, best)
            if z is not None:
                body.store(z, target, place.to(z.kind))

    return rule


RULES = {
    "sum": folding(zero, lambda total, value: total + value),
    "mean": folding(zero, lambda total, value: total + value, mean),
    "prod": folding(one, lambda total, value: total * value),
    "amax": folding(lowest, larger),
    "amin": folding(highest, smaller),
    "var": spread(root=False),
    "std": spread(root=True),
    "argmax": place_of(largest=True),
    "argmin": place_of(largest=False),
    "max": extremum(largest=True),
    "min": extremum(largest=False),
}
