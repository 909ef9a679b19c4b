"""Attribution: what each step really cost, found by running all the others without it."""

from collections.abc import Mapping, Sequence
from typing import Any

from nadoo_core.errors import NadooError
from nadoo_core.recipe import Step
from nadoo_core.runs.chain import Chain
from nadoo_core.runs.position import Position

Document = dict[str, Any]


def attribution(chain: Chain, start: Position, steps: Sequence[Step], result: Mapping[str, Any]) -> list[Document]:
    """One line a step: the metrics without it, and how much of each the step took (negative) or gave."""
    return [without(chain, start, steps, index, result) for index in range(len(steps))]


def without(chain: Chain, start: Position, steps: Sequence[Step], left_out: int, result: Mapping[str, Any]) -> Document:
    """The run without one of its steps; where the others cannot do without it, why."""
    name, position = steps[left_out].name, start
    try:
        for index, step in enumerate(steps):
            position = position if index == left_out else chain.advance(position, step).position
        metrics = chain.scores(position)
    except NadooError as error:
        return {"name": name, "metrics": None, "effect": None, "reason": str(error.problems[0])}
    effect = {metric: difference(result[metric], metrics[metric]) for metric in result if metric in metrics}
    return {"name": name, "metrics": metrics, "effect": effect, "reason": None}


def difference(with_step: Mapping[str, Any], without_step: Mapping[str, Any]) -> float | None:
    """By how much a step changed a metric; None where one of the values is infinite."""
    values = with_step["value"], without_step["value"]
    return None if any(isinstance(value, str) for value in values) else values[0] - values[1]
