"""Distributions along an axis: softmax, its logarithm, and the logarithm of its denominator."""

from collections.abc import Callable

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, Name, f32, i32, select
from nadoo_graphs.lowered.rules.nests import axis_of, flat, nest, rows_around

Index = Callable[[Expression], Expression]


def softmax(call: LoweringCall) -> None:
    """exp(x - largest), written down first, then divided by its sum."""

    def write(body: Body, x: Place, y: Place, index: Index, width: int) -> None:
        top = largest_of(body, x, index, width)
        total = body.let("total", f32(0.0))
        with body.loop("j", width) as j:
            power = body.let("power", body.call(functions.exp(), x.at(index(j)) - top))
            body.store(y, index(j), power)
            body.assign(total, total + power)
        with body.loop("k", width) as k:
            body.store(y, index(k), y.at(index(k)) / total)

    along(call, write)


def log_softmax(call: LoweringCall) -> None:
    """x - largest - log Σ exp(x - largest)."""

    def write(body: Body, x: Place, y: Place, index: Index, width: int) -> None:
        top = largest_of(body, x, index, width)
        total = body.let("total", f32(0.0))
        with body.loop("j", width) as j:
            body.assign(total, total + body.call(functions.exp(), x.at(index(j)) - top))
        logarithm = body.let("logarithm", body.call(functions.log(), total))
        with body.loop("k", width) as k:
            body.store(y, index(k), (x.at(index(k)) - top) - logarithm)

    along(call, write)


def largest_of(body: Body, x: Place, index: Index, width: int) -> Name:
    """The largest element of a row."""
    top = body.let("top", x.at(index(i32(0))))
    with body.loop("i", width, 1) as i:
        value = body.let("value", x.at(index(i)))
        body.assign(top, select(value <= top, top, value))
    return top


def along(call: LoweringCall, write: Callable[[Body, Place, Place, Index, int], None]) -> None:
    """Loops over all rows along an axis."""
    shape = call.shape()
    outer, width, inner = rows_around(shape, axis_of(call, "dim", len(shape), -1)) if shape else (1, 1, 1)
    x, y, body = call.operand(), call.result(), call.body
    with nest(body, (outer, inner), "rc") as (row, column):
        write(body, x, y, lambda k: flat((row, k, column), (width * inner, inner, 1)), width)


RULES = {"softmax": softmax, "log_softmax": log_softmax}
