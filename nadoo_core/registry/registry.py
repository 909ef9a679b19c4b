"""The registry: everything that the plugins in use offer, as a value and not a global."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import pluggy
from attrs import field, frozen

from nadoo_core.deadline import PLUGIN_S, deadline
from nadoo_core.errors import CoreCode, PluginError, Problem
from nadoo_core.options.spelling import did_you_mean
from nadoo_core.registry.known import known_plugin
from nadoo_core.registry.plugin import API_VERSION, KINDS, PROJECT, Hooks, HookSpecs, Plugin
from nadoo_core.registry.sources import (
    Failure,
    PassFile,
    Source,
    from_entry_point,
    from_file,
    installed_points,
    too_slow,
)

if TYPE_CHECKING:
    from nadoo_core.passes.base import Pass


@frozen
class LoadedPlugin:
    """A plugin in use: its name, what it offers, and the distribution with version that it belongs to."""

    name: str
    offers: Plugin
    distribution: str
    version: str


@frozen
class Offer:
    """One thing by name, not imported yet, and who offers it."""

    kind: str
    name: str
    value: Any
    plugin: str
    distribution: str
    version: str

    def load(self) -> Any:
        """The thing itself; a text "module:Class" is imported now."""
        if not isinstance(self.value, str) or ":" not in self.value:
            return self.value
        module, _, attribute = self.value.partition(":")
        try:
            with deadline(PLUGIN_S, too_slow):
                return getattr(import_module(module), attribute)
        except Exception as error:  # a module may raise anything while it is imported
            message = f"plugin {self.plugin!r} offers {self.value!r}, which cannot be had: {error}; mend the plugin"
            raise PluginError(Problem(CoreCode.PLUGIN, f"{self.kind} {self.name!r}", message)) from error


@frozen
class Registry:
    """The plugins in use, those that failed and those that were left out; nothing is imported before it is used."""

    plugins: tuple[LoadedPlugin, ...]
    failures: tuple[Failure, ...]
    without: tuple[str, ...]
    manager: pluggy.PluginManager = field(repr=False, eq=False)

    @classmethod
    def of(cls, installed: bool = True, files: Sequence[str | Path] = (), without: Sequence[str] = ()) -> "Registry":
        """Load the installed plugins and single files, but not those left out; two offers of one name are an error."""
        points = installed_points() if installed else ()
        refuse_unknown_names(without, [*(point.name for point in points), *(Path(path).stem for path in files)])
        found = [from_entry_point(point) for point in points if point.name not in without]
        found += [from_file(Path(path)) for path in files if Path(path).stem not in without]
        refuse_double_names(found)
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(HookSpecs)
        outcomes = [outcome(manager, item) if isinstance(item, Source) else item for item in found]
        plugins = tuple(item for item in outcomes if isinstance(item, LoadedPlugin))
        failures = tuple(item for item in outcomes if isinstance(item, Failure))
        refuse_double_offers(plugins)
        return cls(plugins, failures, tuple(without), manager)

    @property
    def hooks(self) -> Hooks:
        """The observer hooks of all plugins."""
        return cast(Hooks, self.manager.hook)

    def offers(self, kind: str) -> tuple[Offer, ...]:
        """Everything of a kind, by name."""
        return tuple(sorted(offers_of(self.plugins, kind), key=lambda offer: offer.name))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of a kind."""
        return tuple(offer.name for offer in self.offers(kind))

    def source(self, kind: str, name: str) -> Offer:
        """Who offers a name; for one that nobody offers, the nearest ones and the plugin that would."""
        for offer in self.offers(kind):
            if offer.name == name:
                return offer
        raise PluginError(Problem(CoreCode.UNKNOWN_NAME, f"{kind} {name!r}", self.advice(kind, name)))

    def load(self, kind: str, name: str) -> Any:
        """The thing that a plugin offers under a name, imported now."""
        return self.source(kind, name).load()

    def pass_class(self, name: str) -> "type[Pass]":
        """A pass by the name that recipes call it; what is offered under the name must be that pass."""
        from nadoo_core.passes.base import Pass

        offer = self.source("passes", name)
        found = offer.load()
        if isinstance(found, type) and issubclass(found, Pass) and found.name == name:
            return found
        message = (
            f"plugin {offer.plugin!r} offers {found!r}, which is not a Pass with the name {name!r}; mend the plugin"
        )
        raise PluginError(Problem(CoreCode.PLUGIN, f"passes {name!r}", message))

    def advice(self, kind: str, name: str) -> str:
        """What to do about a name that nobody offers."""
        owner = known_plugin(kind, name)
        message = f"no plugin in use offers it; {did_you_mean(name, self.names(kind))}"
        if owner is not None and owner in self.without:
            return f"the plugin {owner!r} offers it, which --without {owner} leaves out; take that away"
        if owner is not None and owner not in {failure.name for failure in self.failures}:
            message = f"the plugin {owner!r} offers it, which is not installed; install the distribution 'nadoo' anew"
        failed = [f"plugin {failure.name!r} ({failure.distribution}): {failure.text}" for failure in self.failures]
        if failed:
            message += f"; not loaded were {'; '.join(failed)}"
        return f"{message}; left out were {', '.join(self.without)}" if self.without else message


def outcome(manager: pluggy.PluginManager, source: Source) -> LoadedPlugin | Failure:
    """Register one plugin and ask it what it offers; one that cannot answer is a failure."""
    try:
        return registered(manager, source)
    except PluginError as error:
        if source.named:
            raise
        return Failure(source.name, source.distribution, error)


def registered(manager: pluggy.PluginManager, source: Source) -> LoadedPlugin:
    """One plugin under its readable name, with every hook known and every answer of the right form."""
    where = f"plugin {source.name!r} ({source.distribution})"
    if isinstance(source.hooks, PassFile):
        return LoadedPlugin(source.name, source.hooks.plugin(), source.distribution, source.version)
    refuse_misspelt_hooks(source, where)
    refuse_unmarked_hooks(source, where)
    answer = ask(source, where)
    refuse_foreign_version(answer, where)
    manager.register(source.hooks, name=source.name)
    return LoadedPlugin(source.name, answer, source.distribution, source.version)


def refuse_misspelt_hooks(source: Source, where: str) -> None:
    """pluggy ignores a hook that it does not know: a manager of its own finds those of one plugin."""
    trial = pluggy.PluginManager(PROJECT)
    trial.add_hookspecs(HookSpecs)
    try:
        trial.register(source.hooks, name=source.name)
        trial.check_pending()
    except Exception as error:  # a module may hold anything, and pluggy looks at all of it
        hooks = [name for name in vars(HookSpecs) if name.startswith(PROJECT)]
        message = f"has a hook that is none: {error}; the hooks are {', '.join(hooks)}"
        raise PluginError(Problem(CoreCode.PLUGIN, where, message)) from error


def refuse_unmarked_hooks(source: Source, where: str) -> None:
    """A function with the name of a hook and no @hookimpl would never be called."""
    members = cast("dict[str, object]", vars(source.hooks))
    functions = [name for name, item in members.items() if isinstance(item, FunctionType)]
    hooks = [name for name in functions if name.startswith(f"{PROJECT}_")]
    unmarked = [name for name in hooks if not hasattr(members[name], f"{PROJECT}_impl")]
    if unmarked:
        message = f"has {', '.join(unmarked)}, which nobody would call; decorate hooks with @hookimpl, rename the rest"
        raise PluginError(Problem(CoreCode.PLUGIN, where, message))


def ask(source: Source, where: str) -> Plugin:
    """What the plugin says that it offers."""
    hook: Any = getattr(source.hooks, "nadoo_plugin", None)
    if hook is None:
        raise PluginError(Problem(CoreCode.PLUGIN, where, "has no hook nadoo_plugin; define it with @hookimpl"))
    try:
        with deadline(PLUGIN_S, too_slow):
            answer: object = hook()
    except Exception as error:  # a plugin may raise anything
        message = f"raised {type(error).__name__} when asked what it offers: {error}"
        raise PluginError(Problem(CoreCode.PLUGIN, where, message)) from error
    if isinstance(answer, Plugin):
        return answer
    message = f"nadoo_plugin returned {type(answer).__name__}; return a nadoo_core.registry.Plugin"
    raise PluginError(Problem(CoreCode.PLUGIN, where, message))


def refuse_foreign_version(plugin: Plugin, where: str) -> None:
    """A plugin of another interface is not half-used."""
    if plugin.api != API_VERSION:
        advice = "update the plugin" if plugin.api < API_VERSION else "update nadoo"
        message = f"is written for version {plugin.api} of the interface, this nadoo has {API_VERSION}; {advice}"
        raise PluginError(Problem(CoreCode.API_VERSION, where, message))


def refuse_unknown_names(without: Iterable[str], known: list[str]) -> None:
    """Leaving out a plugin that is not there is a misspelling."""
    problems = [
        Problem(CoreCode.PLUGIN, f"--without {name}", f"no plugin has this name; {did_you_mean(name, known)}")
        for name in without
        if name not in known
    ]
    if problems:
        raise PluginError(problems)


def refuse_double_names(found: Sequence[Source | Failure]) -> None:
    """Plugins are called by their names, in --without and in messages, so each has one of its own."""
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for item in found:
        owners[item.name].append(item.distribution)
    problems = [
        Problem(
            CoreCode.PLUGIN, f"plugin {name!r}", f"is the name of several: {', '.join(places)}; rename or remove one"
        )
        for name, places in owners.items()
        if len(places) > 1
    ]
    if problems:
        raise PluginError(problems)


def offers_of(plugins: Iterable[LoadedPlugin], kind: str) -> Iterator[Offer]:
    """Everything of a kind that some plugins offer."""
    if kind not in KINDS:
        raise PluginError(Problem(CoreCode.UNKNOWN_NAME, f"kind {kind!r}", did_you_mean(kind, KINDS)))
    for plugin in plugins:
        for name, value in getattr(plugin.offers, kind).items():
            yield Offer(kind, name, value, plugin.name, plugin.distribution, plugin.version)


def refuse_double_offers(plugins: tuple[LoadedPlugin, ...]) -> None:
    """One name has one owner, whatever was installed last."""
    owners: defaultdict[tuple[str, str], list[Offer]] = defaultdict(list)
    for kind in KINDS:
        for offer in offers_of(plugins, kind):
            owners[kind, offer.name].append(offer)
    problems = [
        Problem(CoreCode.PLUGIN, f"{kind} {name!r}", f"is offered by {both(found)}; leave one out with --without")
        for (kind, name), found in owners.items()
        if len(found) > 1
    ]
    if problems:
        raise PluginError(problems)


def both(offers: list[Offer]) -> str:
    """The owners of a name, with their distributions."""
    return " and by ".join(f"{offer.plugin!r} ({offer.distribution})" for offer in offers)
