"""Where skip paths are, and where there could be one."""

from collections.abc import Iterator, Set

from attrs import frozen

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import INPUT, Node
from nadoo_graphs.ops import activation as of_torch
from nadoo_graphs.ops import rectifier as of_nadoo
from nadoo_graphs.values import Value
from nadoo_residuals.projections import is_projectable

LAYERS = frozenset({"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
NORMS = frozenset({"batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm"})
CURVES = frozenset(row.name for row in (*of_torch.ROWS, *of_nadoo.ROWS)) - {"glu", "log_softmax", "softmax"}
SCALED = "mul"
PAIR = 2


@frozen
class Addition:
    """An existing sum of a branch and a skip path, and which operand the skip path is."""

    node: str
    skip: int


@frozen
class Branch:
    """A layer, perhaps a norm, and an activation, which gives what has the shape of what the layer reads."""

    layer: str
    curve: str
    skip: Value


def additions(graph: ModelGraph) -> Iterator[Addition]:
    """Every sum of two values of one type, one of which goes around the layers that the other goes through."""
    for node in graph.nodes(op="add"):
        operands = graph.operands(node)
        if len(operands) == PAIR and graph.type(operands[0]) == graph.type(operands[1]):
            skip = skip_operand(graph, operands)
            if skip is not None:
                yield Addition(node.name, skip)


def skip_operand(graph: ModelGraph, operands: tuple[Value, ...]) -> int | None:
    """The operand with fewer layers since the two paths parted; None where that is no shortcut."""
    before = [ancestors(graph, value.node) for value in operands]
    shared = before[0] & before[1]
    if not any(graph[name].op != INPUT or graph.consumers(name) for name in shared):
        return None
    layers = [sum(graph[name].op in LAYERS for name in names - shared) for names in before]
    if layers[0] == layers[1]:
        return None
    return 0 if layers[0] < layers[1] else 1


def ancestors(graph: ModelGraph, name: str) -> Set[str]:
    """A node and everything that it depends on."""
    found, waiting = {name}, [name]
    while waiting:
        for value in graph.operands(waiting.pop()):
            if value.node not in found:
                found.add(value.node)
                waiting.append(value.node)
    return found


def branches(graph: ModelGraph, *, projected: bool = False) -> Iterator[Branch]:
    """Every place for a skip path: it starts behind an activation, so never at the image, and is not there yet.

    With projections it may also start from another shape, of which a 1×1 layer makes the right one.
    """
    for curve in graph.nodes(op=CURVES):
        layer = layer_before(graph, curve)
        if layer is None:
            continue
        skip = graph.operand(layer)
        fits = graph.type(skip) == curve.type or (projected and is_projectable(graph, layer, skip))
        if fits and is_activated(graph, skip) and not is_added(graph, curve, skip):
            yield Branch(layer.name, curve.name, skip)


def layer_before(graph: ModelGraph, curve: Node) -> Node | None:
    """The layer that feeds an activation, with at most a norm between, and nobody else."""
    node = graph.producer(curve)
    if node.op in NORMS and len(graph.consumers(node)) == 1:
        node = graph.producer(node)
    return node if node.op in LAYERS and len(graph.consumers(node)) == 1 else None


def is_activated(graph: ModelGraph, value: Value) -> bool:
    """Whether a value comes out of an activation, perhaps through nodes that hold no layer."""
    node = graph[value.node]
    while node.op not in CURVES:
        operands = graph.operands(node)
        if node.op in {*LAYERS, *NORMS, INPUT} or not operands:
            return False
        node = graph[operands[0].node]
    return True


def is_added(graph: ModelGraph, curve: Node, skip: Value) -> bool:
    """Whether the branch is added to the skip path already, before or behind its activation."""
    sums = [graph.producer(curve), *(reader for reader, _ in graph.consumers(curve))]
    return any(node.op == "add" and skip in graph.operands(node) for node in sums)
