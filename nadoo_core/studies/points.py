"""The points of a study: every variant with every combination of values and every seed."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.recipe import Recipe, read_recipe
from nadoo_core.recipe.sections import StudySection, VariantSection

if TYPE_CHECKING:
    from nadoo_core.registry import Registry


@frozen
class Point:
    """One run of a study."""

    label: str
    values: dict[str, Any]
    seed: int
    recipe: Recipe = field(repr=False)


def points_of(source: str | Path, registry: "Registry", changes: Sequence[str] = ()) -> tuple[Point, ...]:
    """Every point with its recipe; whatever is wrong with any of them is said before the first one runs."""
    recipe = read_recipe(source, registry=registry, changes=changes)
    if recipe.study is None:
        message = 'has no [study]; add one, such as: [study] sweep = { "STEP.OPTION" = [1, 2, 3] }'
        raise RecipeError(Problem(CoreCode.RECIPE, f"recipe {recipe.name!r}", message))
    problems: list[Problem] = []
    found: list[Point] = []
    for variant, values, seed in combinations(recipe.study, recipe.seed):
        pairs = [*variant.set.items(), *values.items(), ("seed", seed)]
        try:
            read = read_recipe(source, registry=registry, changes=[*changes, *pairs], without=variant.without)
        except RecipeError as error:
            problems += error.problems
            continue
        found.append(Point(variant.label, values, seed, read))
    if problems:
        raise RecipeError(tuple(dict.fromkeys(problems)), f"the study of {recipe.name!r} is wrong:")
    return tuple(found)


def combinations(study: StudySection, seed: int) -> "list[tuple[VariantSection, dict[str, Any], int]]":
    """Variants, values and seeds, the seeds changing fastest, so that a study that is stopped has whole groups."""
    variants = study.variant or (VariantSection(label="all"),)
    paths = list(study.sweep)
    rows = itertools.product(*(list(study.sweep[path]) for path in paths))
    values = [dict(zip(paths, row, strict=True)) for row in rows]
    return list(itertools.product(variants, values, study.seeds or (seed,)))
