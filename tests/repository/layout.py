"""Where the product's source is, as the tests of the repository read it from the folders."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = (ROOT, ROOT / "graphs", ROOT / "hardware", ROOT / "plugins", ROOT / "recipes")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def project() -> dict[str, Any]:
    """The whole of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_folders() -> tuple[Path, ...]:
    """Every folder of a source root that is a package of ours."""
    found = (folder for root in SOURCE_ROOTS for folder in root.glob("nadoo_*") if folder.is_dir())
    return tuple(sorted(found))


def modules() -> tuple[Path, ...]:
    """Every file of the product's source."""
    return tuple(sorted(path for folder in package_folders() for path in folder.rglob("*.py")))


def tree(path: Path) -> ast.Module:
    """A module as Python reads it."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(module: ast.Module) -> Iterator[Function]:
    """Every function and method of a module, nested ones too."""
    return (node for node in ast.walk(module) if isinstance(node, Function))


def imported_names(module: ast.Module) -> Iterator[str]:
    """The dotted name of every module and name that a module imports."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def short(path: Path) -> str:
    """A path as a reader of the repository would write it."""
    return path.relative_to(ROOT).as_posix()
