"""The border of a program: what its caller gives and gets, real numbers or the codes that they become."""

from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.lowered.errors import LoweredError
from nadoo_graphs.lowered.names import identifier
from nadoo_graphs.lowered.program import ARENA, INPUT, OUTPUT, Buffer, Slice
from nadoo_graphs.node import Node
from nadoo_graphs.values import Value

if TYPE_CHECKING:
    from nadoo_graphs.lowered.call import View, Views

BORDERS = ("codes", "float")


def settle_inputs(views: "Views") -> None:
    """Make the buffers of the inputs; where codes are given, the node that quantizes has nothing to do."""
    if views.border not in BORDERS:
        message = f"is {views.border!r}; give {' or '.join(map(repr, BORDERS))}"
        raise LoweredError(Problem(Code.SCHEMA, "border", message))
    for node in views.graph.inputs:
        quantizer = quantizer_of(views, node) if views.border == "codes" else None
        add_input(views, node, quantizer or node)
        if quantizer is not None:
            views.settled.add(quantizer.name)
    settle_outputs(views)


def settle_outputs(views: "Views") -> None:
    """Where codes are given out, a node that only turns them into numbers by one scale has nothing to do."""
    for value in views.graph.outputs if views.border == "codes" else ():
        node = views.graph[value.node]
        plain = node.op == "dequantize" and "scale" in node.tensors and "weight_scale" not in node.tensors
        if plain and len(views.graph.operands(node)) == 1 and len(views.graph.consumers(node)) == 1:
            views.settled.add(node.name)


def add_input(views: "Views", node: Node, source: Node) -> None:
    """One input, typed as what `source` gives."""
    from nadoo_graphs.lowered.call import View

    kind, where = source.outputs[0], f"input {node.name!r}"
    shape, memory = views.shape(kind, where), views.memory(kind, where)
    scale, zero_point = scale_of(views, source)
    length = int(np.prod(shape, dtype=np.int64))
    buffer = Buffer(
        identifier(node.name),
        INPUT,
        memory,
        length,
        format=kind.format,
        scale=scale,
        zero_point=zero_point,
        shape=shape,
    )
    held = views.add(buffer)
    views.inputs.append(held.name)
    views.sources.add(source.name)
    views.views[Value(source.name)] = View(held.name, 0, shape, memory, kind.format)


def quantizer_of(views: "Views", node: Node) -> Node | None:
    """The node that turns an input into codes by fixed scales, if that is all that reads it."""
    readers = views.graph.consumers(node)
    if len(readers) != 1 or readers[0][0].op != "quantize" or "scale" not in readers[0][0].tensors:
        return None
    return readers[0][0]


def scale_of(views: "Views", node: Node) -> tuple[float | None, int]:
    """The scale and zero point of a quantizing node."""
    if "scale" not in node.tensors:
        return None, 0
    zero = node.tensors.get("zero_point")
    return number(views, node.tensors["scale"]), 0 if zero is None else int(number(views, zero))


def number(views: "Views", name: str) -> float:
    """The one number of a tensor."""
    return float(views.graph.tensor(name).detach().double().reshape(-1)[0])


def outputs_of(views: "Views") -> tuple[str, ...]:
    """The buffers that the program returns: a value's own, or a copy where it shares one."""
    names: list[str] = []
    for index, given in enumerate(views.graph.outputs):
        settled = views.graph[given.node] if given.node in views.settled and given.node not in views.sources else None
        value = given if settled is None else views.graph.operand(settled)
        view = views.views[value]
        buffer = views.buffers[view.buffer]
        whole = view.offset == 0 and view.length == buffer.length
        if buffer.storage == ARENA and whole:
            views.buffers[buffer.name] = evolve(buffer, storage=OUTPUT, shape=view.shape)
            names.append(buffer.name)
        else:
            names.append(copied(views, view, f"output_{index}"))
        if settled is not None:
            scale, zero_point = scale_of(views, settled)
            views.buffers[names[-1]] = evolve(views.buffers[names[-1]], scale=scale, zero_point=zero_point)
    return tuple(names)


def copied(views: "Views", view: "View", name: str) -> str:
    """An output buffer with a copy of a value."""
    from nadoo_graphs.lowered.copying import copy_kernel

    buffer = views.add(Buffer(name, OUTPUT, view.memory, view.length, format=view.format, shape=view.shape))
    given = Slice(view.buffer, view.offset, view.length)
    views.kernels.append(copy_kernel(f"run_{buffer.name}", given, Slice(buffer.name, 0, view.length), view.memory))
    return buffer.name
