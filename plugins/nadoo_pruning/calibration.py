"""The calibration examples of a run, where there are some that a graph can be mended on."""

from typing import TYPE_CHECKING

from nadoo_core.errors import ContextError
from nadoo_core.importance import spread
from nadoo_core.passes import Context

if TYPE_CHECKING:
    from nadoo_core.data.examples import Examples
    from nadoo_graphs.graph import ModelGraph

MOST_BYTES = 1 << 30


def calibration_examples(graph: "ModelGraph", context: Context, most: int) -> "Examples | None":
    """Examples spread over the calibration set, as many as fit in memory; None where the run has none that fit."""
    if len(graph.inputs) != 1:
        return None
    try:
        found = context.data("calibration")
    except ContextError:
        return None
    return spread(found, min(most, examples_that_fit(graph))) if len(found) else None


def examples_that_fit(graph: "ModelGraph") -> int:
    """How many examples can go through a graph at once, by the size of its values."""
    sizes = [sum(count(item.shape) for item in node.outputs) for node in graph.nodes()]
    widest = sorted(sizes)[-4:]
    return max(8, MOST_BYTES // (8 * max(sum(widest), 1)))


def count(shape: "tuple[object, ...]") -> int:
    """The numbers of one example in a value: a symbolic size counts as one."""
    total = 1
    for size in shape:
        total *= size if isinstance(size, int) else 1
    return total
