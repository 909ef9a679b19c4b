"""Scaled dot-product attention: for each query the scores, their softmax, and the mean of the values."""

from math import inf, prod, sqrt

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.building import Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, f32, select
from nadoo_graphs.lowered.rules.linear import batch_strides
from nadoo_graphs.lowered.rules.nests import broadcast_strides, flat, strides_of
from nadoo_graphs.lowered.types import Kind


def attention(call: LoweringCall) -> None:
    """softmax(q·kᵀ·scale + mask)·v, one query at a time with its scores in scratch."""
    call.require(not call.attributes["gqa"], "shares heads among queries; repeat keys and values first")
    query, keys, values = call.operands[:3]
    shape, length, width = call.shape(), keys.shape[-2], query.shape[-1]
    given = call.attributes["scale"]
    scale = float(given) if isinstance(given, int | float) else 1.0 / sqrt(width)
    q, k, v, y = call.operand(0, "q"), call.operand(1, "k"), call.operand(2, "v"), call.result()
    scores, body = call.scratch("scores", length, Kind.F32), call.body
    batch = shape[:-2]
    with body.loop("b", prod(batch)) as flat_batch, body.loop("i", shape[-2]) as row:
        indices = unravelled(flat_batch, batch)
        starts = [flat(indices, batch_strides(view.shape, shape)) for view in (query, keys, values)]
        with body.parallel("j", length) as j:
            total = body.let("total", f32(0.0))
            with body.loop("e", width) as e:
                left = q.at(starts[0] + row * width + e)
                body.assign(total, total + left * k.at(starts[1] + j * width + e))
            body.store(scores, j, masked(call, total * f32(scale), [*indices, row, j]))
        divisor = distribution(call, scores, length)
        with body.parallel("o", shape[-1]) as o:
            mixed = body.let("mixed", f32(0.0))
            with body.loop("m", length) as m:
                body.assign(mixed, mixed + scores.at(m) * v.at(starts[2] + m * shape[-1] + o))
            body.store(y, flat_batch * (shape[-2] * shape[-1]) + row * shape[-1] + o, mixed / divisor)


def unravelled(index: Expression, shape: tuple[int, ...]) -> list[Expression]:
    """The indices of all axes from a flat one."""
    return [
        index // stride % size if axis else index // stride
        for axis, (stride, size) in enumerate(zip(strides_of(shape), shape, strict=True))
    ]


def masked(call: LoweringCall, score: Expression, indices: list[Expression]) -> Expression:
    """A score that counts, or that a mask takes out or adds to."""
    if call.attributes["causal"]:
        return select(indices[-1] <= indices[-2], score, f32(-inf))
    if len(call.operands) < 4:
        return score
    view = call.operands[3]
    target = (*call.shape()[:-1], call.operands[1].shape[-2])
    mask = call.operand(3, "mask").at(flat(indices, broadcast_strides(view.shape, target)))
    return score + mask if mask.kind is Kind.F32 else select(mask.differs(0), score, f32(-inf))


def distribution(call: LoweringCall, scores: Place, length: int) -> Expression:
    """exp(score - largest) in the place of each score; gives their sum."""
    body = call.body
    top, total = body.let("top", f32(-inf)), body.let("sum", f32(0.0))
    with body.loop("r", length) as r:
        value = body.let("value", scores.at(r))
        body.assign(top, select(value <= top, top, value))
    with body.loop("s", length) as s:
        power = body.let("power", body.call(functions.exp(), scores.at(s) - top))
        body.store(scores, s, power)
        body.assign(total, total + power)
    return total


RULES = {"sdpa": attention}
