"""Steps and exports of a recipe as the objects that do the work, with everything that is wrong with them noted."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from nadoo_core.errors import CoreCode, NadooError, Problem, RecipeError
from nadoo_core.options import RESERVED, structure, structure_value
from nadoo_core.options.fields import option_fields
from nadoo_core.recipe.plain import PlainTable
from nadoo_core.recipe.problems import attempt, recipe_problem
from nadoo_core.recipe.recipe import Export, Step
from nadoo_core.recipe.references import contained
from nadoo_core.recipe.sections import SECTIONS, StepKeys

if TYPE_CHECKING:
    from nadoo_core.passes import Pass
    from nadoo_core.registry import Registry

STEP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NAME_FORM = "give 1 to 64 letters, digits, hyphens and underscores, a letter or a digit first"
Tables = dict[str, Any]
Found = TypeVar("Found")


def read_steps(tables: Iterable[Tables], registry: "Registry", folder: Path, problems: list[Problem]) -> list[Step]:
    """The steps that can be read; what is wrong with the others is noted."""
    found: list[Step] = []
    seen: set[str] = set()
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        where = f"step {name!r}" if isinstance(name, str) else f"step {number}"
        problems.extend(name_problems(name, where, seen))
        step = read_step(table, where, registry, folder, problems)
        if step is not None:
            found.append(step)
    return found


def name_problems(name: object, where: str, seen: set[str]) -> Iterable[Problem]:
    """A name of a step is unlike all others and can be written in a path and after `--set`."""
    if not isinstance(name, str):
        return
    if not STEP_NAME.fullmatch(name):
        yield recipe_problem(f"{where}.name", f"is {name!r}; {NAME_FORM}")
    if name in SECTIONS:
        yield recipe_problem(f"{where}.name", f"is {name!r}, which is a table of the recipe; choose another name")
    if name in seen:
        yield recipe_problem(f"{where}.name", f"is {name!r}, like that of an earlier step; choose another name")
    seen.add(name)


def read_step(table: Tables, where: str, registry: "Registry", folder: Path, problems: list[Problem]) -> Step | None:
    """One step: its own keys, and all others as options of its pass."""
    cls = attempt(problems, lambda: pass_class(table, where, registry))
    problems.extend(misspelt(table, cls, where))
    options = {key: value for key, value in table.items() if key not in RESERVED and near_own(key, cls) is None}
    own = {key: value for key, value in table.items() if key in RESERVED}
    keys = attempt(problems, lambda: structure(StepKeys, own, where))
    operation = None if cls is None else attempt(problems, lambda: structure(cls, options, where))
    if keys is None or operation is None or keys.name is None:
        return None
    return Step(
        name=keys.name,
        pass_name=keys.pass_,
        operation=attempt(problems, lambda: with_paths(operation, where, folder)) or operation,
        require=keys.require,
        limit=keys.limit,
        allow_no_change=keys.allow_no_change,
    )


def pass_class(table: Tables, where: str, registry: "Registry") -> "type[Pass] | None":
    """The class that a step names; None where it names none, which its own keys will say."""
    name = table.get("pass")
    return placed(f"{where}.pass", name, lambda: registry.pass_class(name)) if isinstance(name, str) else None


def placed(where: str, name: str, load: Callable[[], Found]) -> Found:
    """What is loaded by name; what the registry complains of is said of the place in the recipe."""
    try:
        return load()
    except NadooError as error:
        problems = [Problem(item.code, where, f"is {name!r}: {item.message}") for item in error.problems]
        raise type(error)(problems) from error


def misspelt(table: Tables, cls: "type[Pass] | None", where: str) -> Iterable[Problem]:
    """Keys that look like one of the step's own keys, which the pass would take for an unknown option."""
    for key in table:
        near = near_own(key, cls)
        if near is not None:
            yield Problem(CoreCode.UNKNOWN_KEY, where, f"the key {key!r} is unknown; did you mean {near!r}?")


def near_own(key: str, cls: "type[Pass] | None") -> str | None:
    """The key of a step that a key was probably meant to be; None if it is one, or looks more like an option."""
    if key in RESERVED:
        return None
    options = [item.key for item in option_fields(cls)] if cls is not None else []
    near = get_close_matches(key, [*options, *RESERVED], 1, cutoff=0.7)
    return near[0] if near and near[0] in RESERVED else None


def with_paths(operation: "Pass", where: str, folder: Path) -> "Pass":
    """The pass with the paths among its options made absolute; each lies in the recipe's folder."""
    paths = {
        item.attribute: contained(folder, str(value), f"{where}.{item.key}")
        for item in option_fields(type(operation))
        if isinstance(value := getattr(operation, item.attribute), Path)
    }
    return attrs.evolve(operation, **paths) if paths else operation


def read_exports(tables: Iterable[Tables], registry: "Registry", problems: list[Problem]) -> list[Export]:
    """The exports that can be read; what is wrong with the others is noted."""
    read = (attempt(problems, lambda: read_export(table, registry, f"export {number}"))  # noqa: B023 - called at once
            for number, table in enumerate(tables, 1))  # fmt: skip
    return [export for export in read if export is not None]


def read_export(table: Tables, registry: "Registry", where: str) -> Export:
    """One export: its exporter by name, and the other keys as options of that."""
    name = table.get("to")
    if not isinstance(name, str):
        known = ", ".join(registry.names("exporters")) or "none is installed"
        message = f"the key 'to' is missing or no text; give the name of an exporter ({known})"
        raise RecipeError(Problem(CoreCode.MISSING_KEY, where, message))
    exporter: Any = placed(f"{where}.to", name, lambda: registry.load("exporters", name))
    options: PlainTable = structure_value(PlainTable, {key: table[key] for key in table if key != "to"}, where)
    if not isinstance(exporter, type):
        return Export(to=name, exporter=exporter, options=options)
    made: Any = structure(exporter, options, where) if attrs.has(exporter) else exporter(**options)
    return Export(to=name, exporter=made)
