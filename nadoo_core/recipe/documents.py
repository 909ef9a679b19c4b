"""The text of a recipe as tables: TOML read strictly, from a file, from a package, or from a text."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.options import did_you_mean
from nadoo_core.recipe.problems import recipe_problem
from nadoo_core.recipe.references import is_present

if TYPE_CHECKING:
    from nadoo_core.registry import Registry

SUFFIX = ".toml"
MOST_BYTES = 1024**2


@frozen
class Document:
    """The tables of one file, where it lies, and how messages call it."""

    tables: dict[str, Any]
    folder: Path
    title: str
    source: Path | None = None


def parse_document(text: str, folder: Path, title: str, source: Path | None = None) -> Document:
    """The tables of a text."""
    if len(text) > MOST_BYTES:
        raise RecipeError(recipe_problem(title, f"has more than {MOST_BYTES} characters; a recipe is a page or two"))
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a number or a nesting is too large"
        message = f"is not TOML: {said}; mend it there"
        raise RecipeError(recipe_problem(title, message)) from error
    return Document(tables, folder, title, source)


def read_document(path: Path) -> Document:
    """The tables of a file."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise RecipeError(recipe_problem(f"recipe {str(path)!r}", f"cannot be read: {said}")) from error
    return parse_document(text, path.parent.resolve(), f"recipe {path.name!r}", path.resolve())


def find_document(source: "str | Path", registry: "Registry", beside: Path | None = None) -> Document:
    """A recipe by path, relative to the folder of the one that names it, or by the name a package gave it."""
    text = str(source)
    path = Path(text) if beside is None else beside / text
    if isinstance(source, Path) or text.endswith(SUFFIX) or is_present(path):
        return read_document(path)
    return read_document(packaged_recipe(text, registry))


def packaged_recipe(name: str, registry: "Registry") -> Path:
    """The file of a recipe that an installed package offers."""
    offered = registry.names("recipes")
    if name not in offered:
        message = f"is neither a file nor the name of an installed recipe; {did_you_mean(name, offered)}"
        raise RecipeError(Problem(CoreCode.UNKNOWN_NAME, f"recipe {name!r}", message))
    return packaged_file(registry.source("recipes", name).value)


def packaged_file(value: Any) -> Path:
    """The file that an offer means: a path, or "package:file.toml" inside a package that is not imported."""
    if isinstance(value, Path):
        return value
    from importlib.util import find_spec

    package, _, file = str(value).partition(":")
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        message = f"is said to lie in the package {package!r}, which has no folder; reinstall the plugin"
        raise RecipeError(recipe_problem(f"recipe {value!r}", message))
    return Path(places[0]) / file
