"""Every model of the bank, to be parametrized over: `CASES` can be captured, `REFUSED` cannot."""

from tests.models import (
    activations,
    aliasing,
    architectures,
    arithmetic,
    attention,
    chains,
    containers,
    convolutions,
    normalization,
    pooling,
    recurrent,
    shaping,
    training,
)
from tests.models.case import Case, Refusal
from tests.models.refused import REFUSED

__all__ = ["CASES", "REFUSED", "SMALL", "Case", "Refusal", "case_named"]

CASES: tuple[Case, ...] = (
    *chains.CASES,
    *convolutions.CASES,
    *normalization.CASES,
    *activations.CASES,
    *pooling.CASES,
    *recurrent.CASES,
    *attention.CASES,
    *shaping.CASES,
    *arithmetic.CASES,
    *aliasing.CASES,
    *containers.CASES,
    *training.CASES,
    *architectures.CASES,
)

SMALL: tuple[Case, ...] = tuple(case for case in CASES if not case.large)
"""Those that are quick enough to be captured in every test."""


def case_named(name: str) -> Case:
    """Find one model for a test that is about it."""
    found = {case.name: case for case in CASES}
    if name not in found:
        raise LookupError(f"the bank has no model {name!r}; it has {', '.join(sorted(found))}")
    return found[name]
