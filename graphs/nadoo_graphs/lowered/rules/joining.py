"""Rows that put values together or take one apart along an axis."""

from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.rules.nests import axis_of, flat, movement, nest, rows_around, strides_of


def cat(call: LoweringCall) -> None:
    """Each operand copied to its place."""
    shape = call.shape()
    axis = axis_of(call, "dim", len(shape))
    joined(call, axis, [view.shape[axis] if len(view.shape) == len(shape) else 0 for view in call.operands])


def stack(call: LoweringCall) -> None:
    """Each operand is one element of a new axis."""
    joined(call, axis_of(call, "dim", len(call.shape())), [1] * len(call.operands))


def joined(call: LoweringCall, axis: int, widths: list[int]) -> None:
    """Copies of all operands, one behind the other along an axis of the result."""
    outer, total, inner = rows_around(call.shape(), axis)
    y, start = call.result(), 0
    for index, width in enumerate(widths):
        if width == 0:
            continue
        x = call.operand(index, f"x{index}")
        with nest(call.body, (outer, width * inner), "oi") as (row, column):
            target = flat((row, column), (total * inner, 1), start * inner)
            value = x.at(flat((row, column), (width * inner, 1))).to(y.kind)
            call.body.store(y, target, value)
        start += width


def taken_apart(call: LoweringCall) -> None:
    """Parts along an axis: views where they are contiguous, copies where somebody reads them."""
    source = call.operands[0].shape
    axis, own, start = axis_of(call, "dim", len(source)), strides_of(source), 0
    for output in range(len(call.node.outputs)):
        shape = call.shape(output)
        width = 1 if call.node.op == "unbind" else shape[axis]
        strides = [*own[:axis], *own[axis + 1 :]] if call.node.op == "unbind" else own
        movement(call, output, shape, strides, start * own[axis], suffix=str(output))
        start += width


RULES = {"cat": cat, "stack": stack, "split": taken_apart, "chunk": taken_apart, "unbind": taken_apart}
