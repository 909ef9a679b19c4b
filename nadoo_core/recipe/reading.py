"""Reading a recipe: from TOML to a value whose steps are passes and fit together, or one error with every mistake."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs

from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.options import did_you_mean, structure
from nadoo_core.passes import TRAINED, check_flow
from nadoo_core.recipe.documents import Document, find_document, parse_document
from nadoo_core.recipe.merging import Change, extended, leave_out, with_change, with_step_names
from nadoo_core.recipe.problems import attempt, recipe_problem
from nadoo_core.recipe.recipe import Recipe, Step
from nadoo_core.recipe.references import FORM, parse_reference
from nadoo_core.recipe.sections import DataSection, RecipeSection
from nadoo_core.recipe.steps import read_exports, read_steps

if TYPE_CHECKING:
    from nadoo_core.registry import Registry

NAMED_LOSSES = ("bce", "cross-entropy", "mse")
NAMED_METRICS = ("accuracy", "auc", "mse", "top-3", "top-5")
"""What evaluation has by itself, written down here so that reading a recipe never waits for torch; tests compare."""
DEFAULT_NAME = "recipe"


def read_recipe(
    source: str | Path,
    *,
    registry: "Registry | None" = None,
    changes: Sequence[Change] = (),
    without: Sequence[str] = (),
) -> Recipe:
    """The recipe of a file, or of an installed package by name; `changes` are those of `--set`, as text or as pairs.

    Steps that are named in `without` are left out.
    """
    known = registry or installed()
    return build(find_document(source, known), known, changes, without)


def read_recipe_text(
    text: str, *, folder: str | Path = ".", registry: "Registry | None" = None, changes: Sequence[str] = ()
) -> Recipe:
    """The recipe of a text whose paths start from a folder."""
    return build(parse_document(text, Path(folder).resolve(), "recipe"), registry or installed(), changes)


def installed() -> "Registry":
    """The installed plugins."""
    from nadoo_core.registry import Registry

    return Registry.of(installed=True)


def build(document: Document, registry: "Registry", changes: Sequence[Change], without: Sequence[str] = ()) -> Recipe:
    """Everything that the tables say, or everything that is wrong with them."""
    problems: list[Problem] = []
    tables = extended(document, registry, problems)
    for change in changes:
        attempt(problems, lambda change=change: with_change(tables, change))
    attempt(problems, lambda: leave_out(with_step_names(tables), without))
    section = attempt(problems, lambda: structure(RecipeSection, with_arrays(tables, problems), "recipe"))
    steps = read_steps(table_list(tables, "step"), registry, document.folder, problems)
    exports = read_exports(table_list(tables, "export"), registry, problems)
    if section is None or problems:
        raise RecipeError(unique(problems), f"{document.title} is wrong:")
    recipe = Recipe(
        name=section.name or (document.source.stem if document.source else DEFAULT_NAME),
        description=section.description,
        seed=section.seed,
        compute=section.compute,
        model=section.model,
        data=section.data,
        dataset=attempt(problems, lambda: read_dataset(section.data, registry)),
        evaluation=section.evaluation,
        target=section.target,
        steps=tuple(steps),
        study=section.study,
        exports=tuple(exports),
        folder=document.folder,
        source=document.source,
        document=tables,
    )
    return checked(recipe, registry, problems, document.title)


def checked(recipe: Recipe, registry: "Registry", problems: list[Problem], title: str) -> Recipe:
    """The recipe, if its parts fit together too."""
    problems.extend(reference_problems(recipe, registry))
    attempt(problems, lambda: known_device(recipe, registry))
    problems.extend(problem for step in recipe.steps for problem in limit_problems(step, recipe))
    problems.extend(flow_problems(recipe))
    if problems:
        raise RecipeError(unique(problems), f"{title} is wrong:")
    return recipe


def known_device(recipe: Recipe, registry: "Registry") -> None:
    """Refuse a device that nobody offers, and a file of one that cannot be read."""
    from nadoo_core.cost import find_device

    if recipe.target.device is not None:
        find_device(recipe.target.device, registry, beside=recipe.folder)


def flow_problems(recipe: Recipe) -> list[Problem]:
    """Steps that need what no step before them gives; a model may also have it from the beginning."""
    found = check_flow([(step.name, step.operation) for step in recipe.steps], recipe.held)
    told = recipe.model is not None and recipe.model.trained is None and not recipe.held
    hint = ", or say `trained = true` in [model] if its weights are trained"
    about = repr(TRAINED.name)
    return [
        attrs.evolve(problem, message=problem.message + hint) if told and about in problem.message else problem
        for problem in found
    ]


def unique(problems: list[Problem]) -> list[Problem]:
    """Every problem once, in the order in which they were found."""
    return list(dict.fromkeys(problems))


def with_arrays(tables: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The tables, where a single [step] is not taken for the list that [[step]] makes."""
    found = dict(tables)
    for key in ("step", "export"):
        if isinstance(found.get(key), dict):
            problems.append(recipe_problem(f"recipe.{key}", f"is one table; write [[{key}]] with double brackets"))
            del found[key]
    return found


def table_list(tables: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables of an array; anything else there was complained of already."""
    value: Any = tables.get(key)
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def read_dataset(section: DataSection | None, registry: "Registry") -> Any:
    """The data set by name with its options; None where a function makes it or there is none."""
    if section is None or ":" in section.dataset:
        return None
    where = "recipe.data.options"
    return structure(dataset_class(section.dataset, registry), section.options, where)


def dataset_class(name: str, registry: "Registry") -> Any:
    """The class of a data set, one of ours or of a plugin's."""
    if name in registry.names("datasets"):
        return registry.load("datasets", name)
    message = f"is {name!r}, and {registry.advice('datasets', name)}"
    raise RecipeError(Problem(CoreCode.UNKNOWN_NAME, "recipe.data.dataset", message))


def reference_problems(recipe: Recipe, registry: "Registry") -> list[Problem]:
    """References that are written wrongly, and names that nobody offers."""
    problems: list[Problem] = []
    for where, text in recipe.references.items():
        attempt(problems, lambda text=text, where=where: parse_reference(text, where))
    problems.extend(model_problems(recipe, registry))
    loss, metric = recipe.evaluation.loss, recipe.evaluation.metric
    problems.extend(name_problems("recipe.evaluation.loss", loss, NAMED_LOSSES))
    problems.extend(name_problems("recipe.evaluation.metric", metric, (*NAMED_METRICS, *registry.names("metrics"))))
    return problems


def name_problems(where: str, name: str, known: Sequence[str]) -> list[Problem]:
    """A loss or metric is unset, a name that somebody offers, or a reference."""
    if not name or ":" in name or name in known:
        return []
    return [Problem(CoreCode.UNKNOWN_NAME, where, f"is {name!r}; {did_you_mean(name, known)}")]


def model_problems(recipe: Recipe, registry: "Registry") -> list[Problem]:
    """A model without a module is the name of one that a plugin offers."""
    name = recipe.model.python if recipe.model is not None else None
    if name is None or ":" in name or name in registry.names("models"):
        return []
    message = f"is {name!r}, a model that no plugin in use offers; {FORM}"
    return [Problem(CoreCode.UNKNOWN_NAME, "recipe.model.python", message)]


def limit_problems(step: Step, recipe: Recipe) -> list[Problem]:
    """A limit needs something to measure with."""
    if step.limit is None:
        return []
    where, found = f"step {step.name!r}.limit", list[Problem]()
    if recipe.data is None:
        found.append(recipe_problem(where, "is measured on validation data, and the recipe has none; add [data]"))
    elif not recipe.data.validation:
        found.append(recipe_problem(where, "is measured on validation data, and recipe.data.validation is 0; raise it"))
    if step.limit.metric_drop is not None and not recipe.evaluation.metric:
        found.append(recipe_problem(f"{where}.metric_drop", "needs a metric; add `metric` to [evaluation]"))
    return found


def with_steps(recipe: Recipe, steps: Sequence[Step]) -> Recipe:
    """The same recipe with other steps, as an attribution runs it."""
    return attrs.evolve(recipe, steps=tuple(steps))
