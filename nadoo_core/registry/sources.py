"""Where plugins come from: installed entry points, one at a time, and single files that the user names."""

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from attrs import frozen

from nadoo_core.deadline import PLUGIN_S, deadline
from nadoo_core.errors import CoreCode, PluginError, Problem
from nadoo_core.registry.plugin import PROJECT, Plugin


@frozen
class Source:
    """A plugin as it was found: its readable name, the distribution it belongs to, and the object with its hooks."""

    name: str
    distribution: str
    version: str
    hooks: Any
    named: bool = False
    """Whether the user named it, so that it must load."""


@frozen
class Failure:
    """A plugin that could not be loaded; it is named when something it may have offered is missing."""

    name: str
    distribution: str
    error: BaseException

    @property
    def text(self) -> str:
        """Why, in one line."""
        return f"{type(self.error).__name__}: {self.error}"


def too_slow() -> TimeoutError:
    """The error of a plugin that does not come back."""
    return TimeoutError(f"it took longer than {PLUGIN_S:g} s")


def installed_points() -> tuple[EntryPoint, ...]:
    """The entry points of all installed plugins, by name."""
    return tuple(sorted(entry_points(group=PROJECT), key=lambda point: point.name))


def from_entry_point(point: EntryPoint) -> Source | Failure:
    """Import one plugin; whatever that raises is kept, so that the others still load."""
    distribution = point.dist
    name = distribution.name if distribution is not None else "an unknown distribution"
    try:
        with deadline(PLUGIN_S, too_slow):
            hooks = point.load()
        return Source(point.name, name, distribution.version if distribution is not None else "", hooks)
    except (Exception, SystemExit) as error:  # a plugin may raise anything while it is imported
        return Failure(point.name, name, error)


def from_file(path: Path) -> Source:
    """A plugin in one file, with a hook or just passes; the user named it, so it is trusted and must load."""
    where = f"plugin file {str(path)!r}"
    if not path.is_file():
        raise PluginError(Problem(CoreCode.PLUGIN, where, "is not there; give the path of a Python file"))
    try:
        with deadline(PLUGIN_S, too_slow):
            module = imported(path)
    except (Exception, SystemExit) as error:  # a file may raise anything while it is imported
        message = f"cannot be imported: {type(error).__name__}: {error}"
        raise PluginError(Problem(CoreCode.PLUGIN, where, message)) from error
    version = hashlib.sha256(path.read_bytes()).hexdigest()
    hooks = module if hasattr(module, "nadoo_plugin") else PassFile(module, where)
    return Source(path.stem, str(path), version, hooks, named=True)


def imported(path: Path) -> ModuleType:
    """The module of a file, under a name of its own, so that two files of one name do not meet."""
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"nadoo_file_{path.stem}_{place}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


class PassFile:
    """A file without a hook: it offers the passes that it defines, by their names."""

    def __init__(self, module: ModuleType, where: str) -> None:
        from nadoo_core.passes.base import Pass

        self.passes = {
            item.name: item
            for item in classes_of(module)
            if issubclass(item, Pass) and item.name and not inspect.isabstract(item)
        }
        if not self.passes:
            message = "offers nothing: it has no nadoo_plugin hook and defines no Pass with a name"
            raise PluginError(Problem(CoreCode.PLUGIN, where, message))

    def plugin(self) -> Plugin:
        """What the file offers."""
        return Plugin(api=1, passes=self.passes)


def classes_of(module: ModuleType) -> Iterable[type]:
    """The classes that a module defines itself."""
    members: list[Any] = list(vars(module).values())
    return (item for item in members if isinstance(item, type) and item.__module__ == module.__name__)
