"""Which code may run for a recipe: installed packages, and nothing else until the user says so.

A recipe is a file that people hand on. Naming a function in it must not be a way to run code that happens to lie
beside the recipe or in the current folder.
"""

import importlib.util
import json
import site
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.recipe.problems import attempt
from nadoo_core.recipe.references import Reference, parse_reference

if TYPE_CHECKING:
    from nadoo_core.recipe.recipe import Recipe


def require_trust(recipe: "Recipe", trust: bool) -> None:
    """Refuse code that is not installed, unless the user trusts the recipe."""
    problems: list[Problem] = []
    for where, text in recipe.references.items():
        reference = attempt(problems, lambda text=text, where=where: parse_reference(text, where))
        if reference is not None and not trust and not is_installed(reference):
            problems.append(Problem(CoreCode.TRUST, where, refusal(reference)))
    if problems:
        raise RecipeError(problems, f"code that {recipe.name!r} names was not run:")


def refusal(reference: Reference) -> str:
    """Why a reference is not followed, and how it would be."""
    place = "a file" if reference.file else "not part of an installed package"
    return (
        f"names {str(reference)!r}, which is {place}; read that code, and if you trust it, "
        "say so: --trust on the command line, trust=True in Python"
    )


def is_installed(reference: Reference) -> bool:
    """Whether the code of a reference was installed by the user, as a package of its own or as part of one."""
    origin = reference.file or module_origin(reference.module)
    if origin is None:
        return reference.module.partition(".")[0] in sys.builtin_module_names
    resolved = origin.resolve()
    return any(resolved.is_relative_to(folder) for folder in installed_folders())


def module_origin(module: str) -> Path | None:
    """Where the outermost package of a module lies; nothing is imported to find out."""
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec.origin and spec.has_location else Path(places[0]) if places else None


@cache
def installed_folders() -> tuple[Path, ...]:
    """The folders of installed packages: site-packages, Python's own library, and projects installed for editing."""
    sites = [Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())]
    library = Path(sysconfig.get_paths()["stdlib"])
    found = [library, *sites, *(linked for folder in sites for linked in path_files(folder)), *editable_folders()]
    return tuple(dict.fromkeys(folder.resolve() for folder in found))


def path_files(folder: Path) -> Iterator[Path]:
    """The folders that the `.pth` files of a site name: where projects lie that are installed for editing."""
    for file in sorted(folder.glob("*.pth")) if folder.is_dir() else ():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            path = folder / line.strip()
            if line.strip() and not line.startswith(("#", "import")) and path.is_dir():
                yield path


def editable_folders() -> Iterator[Path]:
    """The project folders of distributions that are installed for editing."""
    for distribution in distributions():
        text = distribution.read_text("direct_url.json")
        document: dict[str, Any] = json.loads(text) if text else {}
        if document.get("dir_info") == {"editable": True}:
            yield Path(unquote(urlparse(str(document["url"])).path))
