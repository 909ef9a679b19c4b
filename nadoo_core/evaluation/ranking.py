"""The area under the receiver operating characteristic: how often a positive scores above a negative, ties half."""

import math

import torch

from nadoo_core.evaluation.errors import evaluation_error
from nadoo_core.evaluation.measurement import Measurement, numbers

WHERE = "metric 'auc'"
MATRIX = 2


def auc(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
    """The area for two classes, or the mean over the classes of each against the rest.

    The standard error is that of the mean of the examples' influences (DeLong's, but for the divisor).
    """
    scores, labels = log_odds(outputs.double(), targets)
    count = labels.shape[1]
    classes = [index for index in range(len(scores)) if 0 < int(labels[index].sum()) < count]
    if not classes:
        raise evaluation_error(WHERE, "needs examples of at least two classes; give more examples")
    areas: list[float] = []
    influences = torch.zeros(count, dtype=torch.float64)
    for index in classes:
        area, influence = area_of(scores[index], labels[index])
        areas.append(area)
        influences += influence / len(classes)
    error = math.sqrt(math.fsum(numbers(influences**2)))
    return Measurement(math.fsum(areas) / len(areas), count, error)


def log_odds(outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A row a question: the examples' scores, and whether each is a positive. Two classes are one question."""
    flat = outputs.reshape(len(outputs), -1)
    if targets.ndim != 1 or len(targets) != len(flat) or outputs.ndim > MATRIX:
        message = f"outputs {list(outputs.shape)} do not fit targets {list(targets.shape)}; give (N, classes) and (N)"
        raise evaluation_error(WHERE, message)
    if flat.shape[1] == 1:
        return flat.T, (targets > 0)[None]
    if flat.shape[1] == MATRIX:
        return (flat[:, 1] - flat[:, 0])[None], (targets == 1)[None]
    columns = range(flat.shape[1])
    others = [flat[:, [other for other in columns if other != column]].logsumexp(1) for column in columns]
    scores = torch.stack([flat[:, column] - rest for column, rest in zip(columns, others, strict=True)])
    return scores, targets[None] == torch.arange(flat.shape[1])[:, None]


def area_of(scores: torch.Tensor, positive: torch.Tensor) -> tuple[float, torch.Tensor]:
    """The area of one question, and by how much each example moves it."""
    high, low = scores[positive], scores[~positive]
    wins, losses = placements(high, low), 1 - placements(low, high)
    area = math.fsum(numbers(wins)) / len(wins)
    influence = torch.zeros_like(scores)
    influence[positive] = (wins - area) / len(wins)
    influence[~positive] = (losses - area) / len(losses)
    return area, influence


def placements(scores: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """For each score the share of the others that lie below it, equal ones counted half."""
    ordered = others.sort().values
    below, up_to = (torch.searchsorted(ordered, scores.contiguous(), right=right) for right in (False, True))
    return (below + up_to).double() / 2 / len(others)
