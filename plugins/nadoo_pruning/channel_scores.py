"""From the opinions of an importance to one score a unit, comparable within a layer and over layers."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nadoo_core.errors import CoreCode, NadooError, PassError, Problem
from nadoo_core.importance import Importance, Opinion, Scoring
from nadoo_core.options import did_you_mean
from nadoo_core.passes import Context
from nadoo_graphs.channels import ChannelMap
from nadoo_graphs.errors import Code, GraphError, NonFiniteError
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.importances.activity import activity, nonzero_share
from nadoo_pruning.importances.loss import loss
from nadoo_pruning.importances.magnitude import batch_norm_scale, geometric_median, l1, l2, random
from nadoo_pruning.importances.taylor import taylor

Scores = NDArray[np.float64]
Reduction: TypeAlias = Literal["sum", "mean", "max", "prod", "first"]
Normalizer: TypeAlias = Literal["none", "mean", "max", "sum", "standard"]
OWN: Mapping[str, Importance] = {
    "activity": activity,
    "batch-norm-scale": batch_norm_scale,
    "geometric-median": geometric_median,
    "l1": l1,
    "l2": l2,
    "loss": loss,
    "nonzero-share": nonzero_share,
    "random": random,
    "taylor": taylor,
}


def importance_of(name: str, context: Context) -> Importance:
    """One of ours, or what a plugin in use offers."""
    if name in OWN:
        return OWN[name]
    if context.services.load is None:
        message = f"importance {name!r} is offered by nobody here; {did_you_mean(name, OWN)}"
        raise PassError(Problem(CoreCode.UNKNOWN_NAME, f"step {context.step!r}", message))
    found: Importance = context.load("importances", name)
    return found


def unit_scores(name: str, importance: Importance, scoring: Scoring, reduction: Reduction) -> Scores:
    """One score for each unit; NaN where nobody has an opinion."""
    refuse_not_finite(scoring.graph, scoring.channels)
    total = len(scoring.channels)
    pairs = [checked(name, one, scoring) for one in opinions_of(name, importance, scoring)]
    units = np.concatenate([pair[0] for pair in pairs]) if pairs else np.empty(0, np.int64)
    values = np.concatenate([pair[1] for pair in pairs]) if pairs else np.empty(0)
    found = REDUCTIONS[reduction](units, values, total)
    found[np.bincount(units, minlength=total) == 0] = np.nan
    return found


def reduced_sum(units: NDArray[np.int64], values: Scores, total: int) -> Scores:
    """All opinions of a unit added up."""
    return np.bincount(units, values, total).astype(np.float64)


def reduced_mean(units: NDArray[np.int64], values: Scores, total: int) -> Scores:
    """The mean opinion."""
    return reduced_sum(units, values, total) / np.maximum(np.bincount(units, minlength=total), 1)


def reduced_max(units: NDArray[np.int64], values: Scores, total: int) -> Scores:
    """The highest opinion."""
    found = np.full(total, -np.inf)
    np.maximum.at(found, units, values)
    return found


def reduced_prod(units: NDArray[np.int64], values: Scores, total: int) -> Scores:
    """All opinions multiplied."""
    found = np.ones(total)
    np.multiply.at(found, units, values)
    return found


def reduced_first(units: NDArray[np.int64], values: Scores, total: int) -> Scores:
    """The opinion of the layer that comes first."""
    found = np.zeros(total)
    found[units[::-1]] = values[::-1]
    return found


REDUCTIONS: Mapping[str, Callable[[NDArray[np.int64], Scores, int], Scores]] = {
    "sum": reduced_sum,
    "mean": reduced_mean,
    "max": reduced_max,
    "prod": reduced_prod,
    "first": reduced_first,
}


def normalized(scores: Scores, channels: ChannelMap, normalizer: Normalizer) -> Scores:
    """Scores on a scale of their group, so that groups can be compared; units without a score keep none."""
    if normalizer == "none":
        return scores
    found = scores.copy()
    for group in channels.groups:
        own = scores[group.units]
        known = own[~np.isnan(own)]
        if len(known):
            found[group.units] = rescaled(own, known, normalizer)
    return found


def rescaled(own: Scores, known: Scores, normalizer: Normalizer) -> Scores:
    """The scores of one group divided by their mean, maximum or sum, or standardised; all equal if that is 0."""
    if normalizer == "standard":
        return (own - known.mean()) / (known.std() or 1.0)
    size = {"mean": known.mean(), "max": known.max(), "sum": known.sum()}[normalizer]
    return own / (size or 1.0)


# --- what is refused --------------------------------------------------------------------------------------------------


def refuse_not_finite(graph: ModelGraph, channels: ChannelMap) -> None:
    """No weight may be NaN or infinite: it would decide by itself what is pruned."""
    import torch

    problems: list[Problem] = []
    parameters = [name for name, record in graph.tensors.items() if record.role == "parameter"]
    for name in dict.fromkeys([*(axis.tensor for axis in channels.axes), *parameters]):
        bad = int((~torch.isfinite(graph.tensor(name))).sum())
        if bad:
            message = f"holds {bad} values that are NaN or infinite; mend the model before pruning it"
            problems.append(Problem(Code.NONFINITE, f"tensor {name!r}", message))
    if problems:
        raise NonFiniteError(problems)


def opinions_of(name: str, importance: Importance, scoring: Scoring) -> list[Any]:
    """What an importance says; one that raises is named, because it may come from anybody."""
    try:
        return list(importance(scoring))
    except (NadooError, GraphError):
        raise
    except Exception as error:
        message = f"importance {name!r} raised {type(error).__name__}: {error}; choose another, or mend it"
        raise PassError(Problem(CoreCode.PLUGIN, f"step {scoring.context.step!r}", message)) from error


def checked(name: str, opinion: Any, scoring: Scoring) -> tuple[NDArray[np.int64], Scores]:
    """Units and scores of one opinion: a finite number for each position that is of a unit."""
    total, found = len(scoring.channels), "no Opinion"
    if isinstance(opinion, Opinion):
        units, scores = np.asarray(opinion.units), np.asarray(opinion.scores, np.float64)
        if not np.issubdtype(units.dtype, np.integer) or units.ndim != 1 or units.shape != scores.shape:
            found = f"units of {units.dtype}{list(units.shape)} with {scores.dtype}{list(scores.shape)} scores"
        elif len(units) and not -1 <= units.min() <= units.max() < total:
            found = f"the unit {units.max() if units.max() >= total else units.min()}"
        elif np.isfinite(scores[units >= 0]).all():
            return units[units >= 0].astype(np.int64), scores[units >= 0]
        else:
            found = "scores that are not finite"
    message = (
        f"importance {name!r} gave {found}; it gives an Opinion an axis, with a unit below {total:,} or -1 and "
        "a finite score a position; choose another, or mend it"
    )
    raise PassError(Problem(CoreCode.PLUGIN, f"step {scoring.context.step!r}", message))
