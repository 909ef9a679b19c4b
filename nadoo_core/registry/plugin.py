"""What a plugin is: a frozen value that names what it offers, and the hooks through which it is asked."""

from collections.abc import Mapping
from typing import Any, Protocol

import pluggy
from attrs import field, fields, frozen

from nadoo_graphs.node import frozen_mapping

PROJECT = "nadoo"
"""The entry-point group, and the prefix of every hook."""
API_VERSION = 1
"""Raised when a plugin written for the version before would not work."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def table() -> Any:
    """One kind of thing that a plugin may offer: names, each with "module:Class", a file or the thing itself."""
    return field(factory=dict[str, Any], converter=frozen_mapping)


@frozen(kw_only=True)
class Plugin:
    """What a plugin offers; a thing that is named "module:Class" is imported when it is used."""

    api: int
    """The version of this interface that the plugin was written for: a number, not `API_VERSION`."""
    passes: Mapping[str, Any] = table()
    ops: Mapping[str, Any] = table()
    formats: Mapping[str, Any] = table()
    importers: Mapping[str, Any] = table()
    exporters: Mapping[str, Any] = table()
    kernels: Mapping[str, Any] = table()
    estimators: Mapping[str, Any] = table()
    devices: Mapping[str, Any] = table()
    datasets: Mapping[str, Any] = table()
    models: Mapping[str, Any] = table()
    metrics: Mapping[str, Any] = table()
    importances: Mapping[str, Any] = table()
    clip_rules: Mapping[str, Any] = table()
    recipes: Mapping[str, Any] = table()
    commands: Mapping[str, Any] = table()


KINDS: tuple[str, ...] = tuple(item.name for item in fields(Plugin) if item.name != "api")


class HookSpecs:
    """The hooks: one that says what a plugin offers, and observers of a run."""

    @hookspec
    def nadoo_plugin(self) -> Plugin:  # type: ignore[empty-body]
        """Say what the plugin offers."""

    @hookspec
    def nadoo_step_started(self, run: Any, step: Any) -> None:
        """A step of a run begins."""

    @hookspec
    def nadoo_step_finished(self, run: Any, step: Any, result: Any) -> None:
        """A step of a run has ended, or its result was found in the store."""

    @hookspec
    def nadoo_run_finished(self, run: Any, ledger: Any) -> None:
        """A run has ended; the ledger is as it was written."""


class Hooks(Protocol):
    """The hooks as whoever calls them sees them."""

    def nadoo_step_started(self, *, run: Any, step: Any) -> list[Any]:
        """Tell all plugins that a step begins."""
        ...

    def nadoo_step_finished(self, *, run: Any, step: Any, result: Any) -> list[Any]:
        """Tell all plugins that a step has ended."""
        ...

    def nadoo_run_finished(self, *, run: Any, ledger: Any) -> list[Any]:
        """Tell all plugins that a run has ended."""
        ...
