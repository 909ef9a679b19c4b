"""Going on after a mistake: what is wrong is noted, so that a recipe is mended in one go."""

from collections.abc import Callable
from typing import TypeVar

from nadoo_core.errors import CoreCode, NadooError, Problem

Result = TypeVar("Result")


def attempt(problems: list[Problem], work: Callable[[], Result]) -> Result | None:
    """What the work gives; None where it failed, with everything it complained of noted."""
    try:
        return work()
    except NadooError as error:
        problems.extend(error.problems)
        return None


def recipe_problem(where: str, message: str) -> Problem:
    """Something that is wrong with a recipe as such."""
    return Problem(CoreCode.RECIPE, where, message)
