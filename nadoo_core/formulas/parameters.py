"""Checks of the numbers that formulas take, so that a refusal reads the same in every one of them.

Each check gives the problem or nothing, and `require` raises all problems of one call together. True and False are
refused as numbers: a misplaced flag must not count as 1.
"""

import sys
from collections.abc import Collection
from math import isfinite, isnan
from numbers import Integral, Real
from typing import TypeGuard

from nadoo_core.formulas.errors import FormulaError
from nadoo_graphs.errors import Code, Problem

MOST = sys.float_info.max


def require(*checks: Problem | None) -> None:
    """Raise every problem that was found, or return."""
    problems = tuple(problem for problem in checks if problem is not None)
    if problems:
        raise FormulaError(problems)


def problem(name: str, value: object, allowed: str) -> Problem:
    """One refused parameter: its name, its value and what would have been allowed."""
    return Problem(Code.SCHEMA, name, f"{value!r} is not allowed; give {allowed}")


def is_number(value: object) -> TypeGuard[float]:
    """A real number that is not a truth value; NumPy's scalars count."""
    return not is_flag(value) and isinstance(value, Real)


def is_flag(value: object) -> bool:
    """True and False, which Python counts as integers."""
    return isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[float]:
    """A number that float64 holds; an integer beyond its range is none."""
    if isinstance(value, Integral):
        return not is_flag(value) and abs(int(value)) <= MOST
    return is_number(value) and isfinite(value)


def between(name: str, value: float, low: float, high: float) -> Problem | None:
    """A number of a closed interval."""
    fits = is_number(value) and low <= value <= high
    return None if fits else problem(name, value, f"a number from {low} to {high}")


def below(name: str, value: float, low: float, high: float) -> Problem | None:
    """A number of an interval that holds its lower end and not its upper one."""
    fits = is_number(value) and low <= value < high
    return None if fits else problem(name, value, f"a number from {low} and less than {high}")


def share_above_zero(name: str, value: float) -> Problem | None:
    """A share that may be everything and may not be nothing."""
    fits = is_number(value) and 0 < value <= 1
    return None if fits else problem(name, value, "a number greater than 0 and at most 1")


def at_least(name: str, value: float, low: float) -> Problem | None:
    """A finite number with a lower bound."""
    fits = is_finite(value) and value >= low
    return None if fits else problem(name, value, f"a finite number of at least {low}")


def above(name: str, value: float, low: float) -> Problem | None:
    """A finite number that is greater than a bound."""
    fits = is_finite(value) and value > low
    return None if fits else problem(name, value, f"a finite number greater than {low}")


def ordered(name: str, value: float) -> Problem | None:
    """Any number that compares with others: infinities do, NaN does not."""
    fits = is_number(value) and not isnan(value)
    return None if fits else problem(name, value, "a number that is not NaN")


def whole(name: str, value: int, low: int, high: int | None = None) -> Problem | None:
    """An integer with a lower bound, and an upper one where there is one."""
    integral = not is_flag(value) and isinstance(value, Integral)
    if integral and low <= value and (high is None or value <= high):
        return None
    allowed = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    return problem(name, value, allowed)


def one_of(name: str, value: str, choices: Collection[str]) -> Problem | None:
    """A word of a closed list."""
    return None if value in choices else problem(name, value, f"one of {', '.join(choices)}")
