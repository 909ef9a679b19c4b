"""The area under the receiver operating characteristic: how often a positive scores above a negative, ties half."""

import math
from typing import Any

import numpy as np
import torch

from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.evaluation.measurement import Measurement

WHERE = "metric 'auc'"
MATRIX = 2


def auc(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
    """The area for two classes, or the mean over the classes of each against the rest.

    The standard error is that of the mean of the examples' influences (DeLong's, but for the divisor).
    """
    scores, labels = log_odds(outputs.double(), targets)
    classes = [index for index in range(len(scores)) if 0 < int(labels[index].sum()) < labels.shape[1]]
    if not classes:
        raise evaluation_error(WHERE, "needs examples of at least two classes; give more examples")
    areas: list[float] = []
    influences = np.zeros(labels.shape[1])
    for index in classes:
        area, influence = area_of(scores[index], labels[index])
        areas.append(area)
        influences += influence / len(classes)
    error = math.sqrt(math.fsum(float(value) ** 2 for value in influences))
    return Measurement(math.fsum(areas) / len(areas), labels.shape[1], error)


def log_odds(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[Any, Any]:
    """A row a question: the examples' scores, and whether each is a positive. Two classes are one question."""
    flat = outputs.reshape(len(outputs), -1)
    if targets.ndim != 1 or len(targets) != len(flat) or outputs.ndim > MATRIX:
        message = f"outputs {list(outputs.shape)} do not fit targets {list(targets.shape)}; give (N, classes) and (N)"
        raise evaluation_error(WHERE, message)
    if flat.shape[1] == 1:
        return flat.T.numpy(), (targets > 0)[None].numpy()
    if flat.shape[1] == MATRIX:
        return (flat[:, 1] - flat[:, 0])[None].numpy(), (targets == 1)[None].numpy()
    columns = range(flat.shape[1])
    others = [flat[:, [other for other in columns if other != column]].logsumexp(1) for column in columns]
    scores = torch.stack([flat[:, column] - rest for column, rest in zip(columns, others, strict=True)])
    return scores.numpy(), (targets[None] == torch.arange(flat.shape[1])[:, None]).numpy()


def area_of(scores: Any, positive: Any) -> tuple[float, Any]:
    """The area of one question, and by how much each example moves it."""
    above = scores[positive], scores[~positive]
    wins = placements(above[0], above[1])
    losses = 1 - placements(above[1], above[0])
    area = math.fsum(map(float, wins)) / len(wins)
    influence = np.zeros(len(scores))
    influence[positive] = (wins - area) / len(wins)
    influence[~positive] = (losses - area) / len(losses)
    return area, influence


def placements(scores: Any, others: Any) -> Any:
    """For each score the share of the others that lie below it, equal ones counted half."""
    ordered = np.sort(others)
    below, up_to = np.searchsorted(ordered, scores, "left"), np.searchsorted(ordered, scores, "right")
    return (below + up_to) / 2 / len(others)
