"""Python and files that a recipe names: where they are, whether they may be used, and how they are imported."""

import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

from attrs import frozen

from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.options import did_you_mean

NAME = r"[A-Za-z_]\w*"
MODULE = re.compile(rf"{NAME}(\.{NAME})*")
ATTRIBUTE = re.compile(NAME)
FORM = "give package.module:function, or file.py:function for a file beside the recipe"


@frozen
class Reference:
    """A function or class by the module, or the file, that holds it."""

    module: str
    attribute: str

    @property
    def file(self) -> Path | None:
        """The file, where the reference names one."""
        return Path(self.module) if self.module.endswith(".py") else None

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"


def parse_reference(text: str, where: str) -> Reference:
    """A reference from its text."""
    module, colon, attribute = text.rpartition(":")
    is_module = module.endswith(".py") or MODULE.fullmatch(module)
    if not colon or not is_module or not ATTRIBUTE.fullmatch(attribute):
        raise RecipeError(Problem(CoreCode.RECIPE, where, f"is {text!r}; {FORM}"))
    return Reference(module, attribute)


def resolve_reference(text: str, where: str) -> Any:
    """The object that a reference names; its module is imported now, so trust was asked for before."""
    reference = parse_reference(text, where)
    module = load_module(reference, where)
    found = getattr(module, reference.attribute, None)
    if found is None:
        names = [name for name in dir(module) if not name.startswith("_")]
        message = f"{reference.module} has no {reference.attribute!r}; {did_you_mean(reference.attribute, names)}"
        raise RecipeError(Problem(CoreCode.RECIPE, where, message))
    return found


def load_module(reference: Reference, where: str) -> Any:
    """The module of a reference."""
    try:
        file = reference.file
        return import_name(reference.module) if file is None else load_file(file)
    except Exception as error:  # whatever a module raises while it is imported, the recipe cannot use it
        message = f"{reference.module} cannot be imported ({type(error).__name__}: {error}); mend or install it"
        raise RecipeError(Problem(CoreCode.RECIPE, where, message)) from error


def import_name(module: str) -> Any:
    """A module by name: installed, or in the working folder, where `python -m` would find it too."""
    folder = str(Path.cwd())
    if importlib.util.find_spec(module.partition(".")[0]) is None and folder not in sys.path:
        sys.path.append(folder)
        importlib.invalidate_caches()
    return importlib.import_module(module)


def load_file(path: Path) -> Any:
    """A Python file as a module of its own name, loaded once as long as its content stays."""
    content = path.read_bytes()
    name = f"nadoo_recipe_{hashlib.sha256(str(path).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def contained(folder: Path, text: str, where: str) -> Path:
    """The absolute path of something inside a folder; whatever leads out of it is refused."""
    try:
        path, home = (folder / text).resolve(), folder.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise RecipeError(Problem(CoreCode.RECIPE, where, f"is {text!r}, which is no path: {error}")) from error
    if Path(text).is_absolute() or not path.is_relative_to(home):
        message = f"is {text!r}, outside of the recipe's folder {str(home)!r}; put it there, or give it by --set"
        raise RecipeError(Problem(CoreCode.RECIPE, where, message))
    if not is_present(path):
        raise RecipeError(Problem(CoreCode.RECIPE, where, f"is {text!r}, which is not in {str(home)!r}; add it"))
    return path


def is_present(path: Path) -> bool:
    """Whether a path leads to something; a text that can be no path leads nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
