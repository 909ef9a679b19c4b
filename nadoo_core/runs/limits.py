"""Limits: whether a step cost more than the recipe allows, decided on validation data and said with its uncertainty."""

import math
from collections.abc import Mapping
from typing import Any

from nadoo_core.errors import CoreCode, Problem
from nadoo_core.recipe import Limit, Require, Step

Document = dict[str, Any]


def judged(limit: Limit | None, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Document]:
    """One verdict a bound: what was compared, how much it changed for the worse, and how sure that is."""
    if limit is None:
        return []
    return [verdict(limit, metric, sign, bound, before[metric], after[metric])
            for metric, (sign, bound) in limit.bounds.items() if metric in before and metric in after]  # fmt: skip


def verdict(
    limit: Limit, metric: str, sign: float, bound: float, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Document:
    """One comparison; the standard error is that of the difference, as if the two were measured apart."""
    change = sign * (float(after["value"]) - float(before["value"]))
    errors = [side["standard_error"] for side in (before, after)]
    error = math.hypot(*errors) if None not in errors else None
    return {
        "metric": metric,
        "against": limit.against,
        "before": before["value"],
        "after": after["value"],
        "change_for_the_worse": change if math.isfinite(change) else str(change),
        "allowed": bound,
        "kept": change <= bound,
        "count": after["count"],
        "standard_error": error,
        "otherwise": limit.otherwise,
    }


def limit_problems(step: Step, verdicts: list[Document]) -> list[Problem]:
    """The bounds that were not kept."""
    return [
        Problem(CoreCode.LIMIT, f"step {step.name!r}.limit", verdict_text(found))
        for found in verdicts
        if not found["kept"]
    ]


def verdict_text(found: Document) -> str:
    """A verdict in words."""
    word = "rose" if found["metric"] == "loss" else "fell"
    error = found["standard_error"]
    doubt = "" if error is None else f" ± {error:.2g}"
    change = float(found["change_for_the_worse"])
    return (
        f"{found['metric']} {word} by {change:.4g}{doubt} against the {found['against']} model "
        f"({found['before']:.4g} → {found['after']:.4g} on {found['count']} validation examples); "
        f"allowed is {found['allowed']:g}: change the step's options, raise the limit, or let it roll back"
    )


def doubts(verdicts: list[Document]) -> list[str]:
    """Remarks on verdicts that the examples are too few for."""
    return [
        f"limit on {found['metric']}: {found['count']} examples tell {found['allowed']:g} from chance only roughly "
        f"(standard error {found['standard_error']:.2g}); raise data.validation"
        for found in verdicts
        if found["standard_error"] is not None and found["standard_error"] > found["allowed"]
    ]


def require_problems(step: Step, changed: int) -> list[Problem]:
    """What the step should have done to so many nodes and has not."""
    require: Require | None = step.require
    if require is None or changed >= require.min_changed:
        return []
    message = f"changed {changed} nodes; require.min_changed is {require.min_changed}: widen its selector or lower that"
    return [Problem(CoreCode.NO_CHANGE, f"step {step.name!r}.require", message)]
