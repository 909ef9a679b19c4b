"""The calibration examples of a run, where there are some that fit in memory."""

from typing import TYPE_CHECKING

from nadoo_core.errors import ContextError, CoreCode, PassError, Problem
from nadoo_core.importance import spread
from nadoo_core.passes import Context

if TYPE_CHECKING:
    from nadoo_core.data.examples import Examples
    from nadoo_graphs.graph import ModelGraph


def calibration_examples(graph: "ModelGraph", context: Context, most: int) -> "Examples | None":
    """Examples spread over the calibration set, as many as fit in memory; None where the run has none that fit."""
    from nadoo_core.quantizing.walk import examples_that_fit

    most = batch_size(graph) or examples_that_fit(graph, most)
    return spread_examples(graph, context, most)


def spread_examples(graph: "ModelGraph", context: Context, most: int) -> "Examples | None":
    """So many examples at most, in the precision that the graph takes; None where one batch of it is more than all."""
    if len(graph.inputs) != 1:
        return None
    try:
        found = context.data("calibration")
    except ContextError:
        return None
    if len(found) < (batch_size(graph) or 1):
        return None
    return in_precision(graph, refuse_not_finite(spread(found, most)))


def refuse_not_finite(examples: "Examples") -> "Examples":
    """The examples, of which none may hold what is no number: everything that is measured with it would be none."""
    import torch

    values = examples.inputs
    bad = int((~torch.isfinite(values)).sum()) if values.is_floating_point() else 0
    if not bad:
        return examples
    message = f"hold {bad} numbers that are NaN or infinite; mend the data, or leave those examples out"
    raise PassError(Problem(CoreCode.DATA, "calibration examples", message))


def missing_calibration(graph: "ModelGraph", context: Context) -> str:
    """Why there are no calibration examples, and what to do about it; the end of a refusal."""
    inputs, size = [node.name for node in graph.inputs], batch_size(graph)
    if len(inputs) != 1:
        return f"the model has the inputs {', '.join(inputs)}, and there is calibration data for models of one only"
    try:
        found = len(context.data("calibration"))
    except ContextError:
        found = 0
    if not found or size is None:
        return "give `calibration` in [data]"
    return f"the model takes {size} examples at once, and there are {found}; give more as `calibration` in [data]"


def batch_size(graph: "ModelGraph") -> int | None:
    """How many examples a graph takes at once, no more and no fewer; None where that is open."""
    shape = graph.inputs[0].type.shape if graph.inputs else ()
    return shape[0] if shape and isinstance(shape[0], int) else None


def in_precision(graph: "ModelGraph", examples: "Examples") -> "Examples":
    """The examples in the floating dtype that the graph takes, which is a wider one when an exact pass is checked."""
    import torch

    from nadoo_core.data.examples import Examples

    kind = graph.inputs[0].type
    if not (kind.is_floating and examples.inputs.is_floating_point()):
        return examples
    return Examples(examples.inputs.to(getattr(torch, kind.dtype)), examples.targets)
