"""One recipe on top of another: tables are merged key by key, steps by their names, and `--set` has the last word."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.options import did_you_mean
from nadoo_core.recipe.documents import Document, find_document
from nadoo_core.recipe.plain import copied
from nadoo_core.recipe.problems import attempt, recipe_problem
from nadoo_core.recipe.references import contained
from nadoo_core.recipe.sections import SECTIONS

if TYPE_CHECKING:
    from nadoo_core.registry import Registry

LONGEST_CHAIN = 16
PATHS = (("model", "file"), ("model", "weights"))
"""The keys that hold a path."""
REFERENCES = (
    ("model", "python"), ("data", "dataset"), ("data", "preprocess"), ("evaluation", "loss"), ("evaluation", "metric"),
)  # fmt: skip
"""The keys that may hold file.py:function."""
SOURCES: Mapping[str, tuple[str, ...]] = {"model": ("python", "file"), "data": ("dataset",)}
"""Keys that say what a table is about: another value makes the rest of what is inherited meaningless."""
KEPT: Mapping[str, tuple[str, ...]] = {"model": ("inputs", "trained"), "data": ("validation", "calibration")}
"""What is inherited all the same."""
Tables = dict[str, Any]
Change: TypeAlias = str | tuple[str, Any]
"""One change of an option: a text as a shell has it, or its path and value."""


def extended(document: Document, registry: "Registry", problems: list[Problem], chain: tuple[str, ...] = ()) -> Tables:
    """The tables of a document on top of those that it extends, with all paths absolute."""
    tables = with_step_names(anchored(document, problems))
    base = tables.get("extends")
    if not isinstance(base, str):
        return tables
    where = f"{document.title}.extends"
    found = attempt(problems, lambda: find_base(document, base, where, registry, chain))
    if found is None:
        return tables
    below = extended(found, registry, problems, (*chain, str(document.source)))
    return merged(below, tables)


def find_base(document: Document, base: str, where: str, registry: "Registry", chain: tuple[str, ...]) -> Document:
    """The document that another extends."""
    if base.endswith(".toml"):
        contained(document.folder, base, where)
    found = find_document(base, registry, document.folder)
    if str(found.source) in (*chain, str(document.source)) or len(chain) >= LONGEST_CHAIN:
        raise RecipeError(recipe_problem(where, f"leads back to {base!r}; a recipe cannot extend itself"))
    return found


def anchored(document: Document, problems: list[Problem]) -> Tables:
    """The tables with the paths of this document made absolute, so that they stay right in another's folder."""
    tables = copied(document.tables)
    for section, key in PATHS:
        replace(tables, section, key, lambda text, where: anchored_path(document, text, where, problems))
    for section, key in REFERENCES:
        replace(tables, section, key, lambda text, where: anchored_reference(document, text, where, problems))
    return tables


def replace(tables: Tables, section: str, key: str, change: Callable[[str, str], str]) -> None:
    """Change one text of a table, if it is there and is one."""
    table = tables.get(section)
    if not isinstance(table, dict):
        return
    entries = cast("Tables", table)
    value = entries.get(key)
    if isinstance(value, str) and value:
        entries[key] = change(value, f"recipe.{section}.{key}")


def anchored_path(document: Document, text: str, where: str, problems: list[Problem]) -> str:
    """The absolute path of something in the recipe's folder; as it was, if that is refused."""
    return str(attempt(problems, lambda: contained(document.folder, text, where)) or text)


def anchored_reference(document: Document, text: str, where: str, problems: list[Problem]) -> str:
    """A reference to a file beside the recipe with the absolute path of that file."""
    file, _, attribute = text.rpartition(":")
    return f"{anchored_path(document, file, where, problems)}:{attribute}" if file.endswith(".py") else text


def with_step_names(tables: Tables) -> Tables:
    """The tables with a name for every step that has none: that of its pass, and a number from the second on."""
    used: set[str] = {str(step["name"]) for step in step_tables(tables) if "name" in step}
    for step in step_tables(tables):
        if "name" not in step and isinstance(step.get("pass"), str):
            step["name"] = free_name(step["pass"], used)
            used.add(step["name"])
    return tables


def free_name(name: str, used: set[str]) -> str:
    """A name that no other step has."""
    numbered = (f"{name}-{number}" for number in range(2, len(used) + 3))
    return next(item for item in (name, *numbered) if item not in used)


def step_tables(tables: Tables) -> list[Tables]:
    """The steps that are tables, as they are, so that they can be changed; whatever else stands there is left."""
    steps = tables.get("step")
    if not isinstance(steps, list):
        return []
    return [cast("Tables", step) for step in cast("list[Any]", steps) if isinstance(step, dict)]


def merged(below: Tables, above: Tables) -> Tables:
    """Two recipes as one: the upper one decides wherever both say something."""
    found = merged_tables(without_stale(below, above), above)
    if isinstance(below.get("step"), list) and isinstance(above.get("step"), list):
        found["step"] = merged_steps(below["step"], above["step"])
    return found


def without_stale(below: Tables, above: Tables) -> Tables:
    """The lower recipe without what belongs to a model or a data set that the upper one exchanges."""
    found = dict(below)
    for section, keys in SOURCES.items():
        old, new = below.get(section), above.get(section)
        if not isinstance(old, dict) or not isinstance(new, dict):
            continue
        before, after = cast("Tables", old), cast("Tables", new)
        if any(key in after and after[key] != before.get(key) for key in keys):
            found[section] = {key: value for key, value in before.items() if key in KEPT[section]}
    return found


def merged_tables(below: Tables, above: Tables) -> Tables:
    """Two tables as one, and so on inwards; lists are replaced as a whole."""
    found = dict(below)
    for key, value in above.items():
        old = below.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        found[key] = merged_tables(cast("Tables", old), cast("Tables", value)) if both else value
    return found


def merged_steps(below: list[Any], above: list[Any]) -> list[Any]:
    """Steps of the same name are merged where the lower one stands, unless the pass is another; new ones follow."""
    found = list(below)
    for step in above:
        place = next((index for index, old in enumerate(found) if is_same_step(old, step)), None)
        if place is None:
            found.append(step)
            continue
        same_pass = step.get("pass", found[place].get("pass")) == found[place].get("pass")
        found[place] = merged_tables(found[place], step) if same_pass else step
    return found


def is_same_step(one: Any, other: Any) -> bool:
    """Whether two steps have the same name."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    names = cast("Tables", one).get("name"), cast("Tables", other).get("name")
    return names[0] is not None and names[0] == names[1]


def with_change(tables: Tables, change: Change) -> None:
    """Apply one `--set`, such as "heal.epochs=2" or "model.weights=best.safetensors", or a path with its value."""
    if not isinstance(change, str):
        path, value = change
        keys = path.split(".")
        chosen_table(tables, keys, f"study {path!r}")[keys[-1]] = value
        return
    text = change
    where = f"--set {text}"
    path, equals, value = text.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise RecipeError(recipe_problem(where, "give STEP.OPTION=VALUE, such as heal.epochs=2 or seed=1"))
    table = chosen_table(tables, keys, where)
    table[keys[-1]] = from_here(keys, parse_value(value.strip()))


def leave_out(tables: Tables, names: Sequence[str]) -> None:
    """Remove steps by name; one that there is not is refused."""
    known = [str(step.get("name")) for step in step_tables(tables)]
    for name in names:
        if name not in known:
            where, message = f"without {name!r}", f"there is no step {name!r}; {did_you_mean(name, known)}"
            raise RecipeError(Problem(CoreCode.UNKNOWN_NAME, where, message))
    if names:
        tables["step"] = [step for step in step_tables(tables) if step.get("name") not in names]


def chosen_table(tables: Tables, keys: list[str], where: str) -> Tables:
    """The table that a path of keys leads to, made where it is not there."""
    steps = {str(step.get("name")): step for step in step_tables(tables)}
    first = keys[0]
    if len(keys) == 1 and first in SECTIONS:
        return tables
    if first not in steps and first not in SECTIONS:
        advice = did_you_mean(first, [*steps, *SECTIONS])
        raise RecipeError(Problem(CoreCode.UNKNOWN_KEY, where, f"there is no step or table {first!r}; {advice}"))
    if len(keys) == 1:
        raise RecipeError(recipe_problem(where, f"names the step {first!r} as a whole; give one of its options"))
    table = steps.get(first, tables)
    for key in keys[1:-1] if first in steps else keys[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise RecipeError(recipe_problem(where, f"{key!r} is {inner!r}, not a table; set it as a whole"))
        table = cast("Tables", inner)
    return table


def parse_value(text: str) -> Any:
    """A value as TOML has it; whatever is none is a text, so that a shell needs no quotes."""
    try:
        tables = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return tables["value"] if tables.keys() == {"value"} else text


def from_here(keys: list[str], value: Any) -> Any:
    """A path that the user typed starts from the current folder and may lead anywhere."""
    place = (keys[0], keys[-1])
    if not isinstance(value, str) or len(keys) != 2:
        return value
    if place in PATHS:
        return str(Path(value).absolute())
    file, _, attribute = value.rpartition(":")
    return f"{Path(file).absolute()}:{attribute}" if place in REFERENCES and file.endswith(".py") else value
