"""check_plugin: everything that a plugin offers, held to what its kind has to be; what `nadoo check-plugin` runs."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from nadoo_core.errors import CoreCode, NadooError, PluginError, Problem
from nadoo_core.options import did_you_mean
from nadoo_core.registry import KINDS, LoadedPlugin, Offer, Registry, ops_of
from nadoo_core.testing.report import Item, Report

Checker: TypeAlias = Callable[[Offer, Registry, int], Item]
EXAMPLES = 40


def check_plugin(target: str | Path, *, examples: int = EXAMPLES, registry: Registry | None = None) -> Report:
    """Check an installed plugin, by its name or its distribution's, or a single file.

    Passes go through all laws, rows of operators are held against torch, data sets and metrics are tried out, and
    everything else is imported.
    """
    require_hypothesis()
    known = registry_with(target, registry)
    plugins = plugins_of(known, target)
    items = [
        CHECKERS.get(kind, check_import)(offer, known, examples)
        for kind in KINDS
        for offer in known.offers(kind)
        if offer.plugin in {plugin.name for plugin in plugins}
    ]
    return Report(str(target), tuple(items))


def require_hypothesis() -> None:
    """Say what to install, instead of how an import failed."""
    try:
        import hypothesis  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        message = "is needed to try passes on drawn graphs; install it: pip install 'nadoo[testing]'"
        raise PluginError(Problem(CoreCode.PLUGIN, "package 'hypothesis'", message)) from error


# --- finding ----------------------------------------------------------------------------------------------------------


def registry_with(target: str | Path, registry: Registry | None) -> Registry:
    """The given registry, or one that has the file as a plugin too."""
    if registry is not None and (not is_file(target) or name_of(target) in {item.name for item in registry.plugins}):
        return registry
    return Registry.of(files=[target] if is_file(target) else ())


def name_of(target: str | Path) -> str:
    """The name of a plugin; a file's is its own without the ending."""
    return Path(target).stem if is_file(target) else str(target)


def is_file(target: str | Path) -> bool:
    """Whether a plugin is named by its file."""
    return isinstance(target, Path) or target.endswith(".py")


def plugins_of(registry: Registry, target: str | Path) -> tuple[LoadedPlugin, ...]:
    """The plugins with a name, or of a distribution with that name; none is an error that says why."""
    name = name_of(target)
    found = tuple(plugin for plugin in registry.plugins if name == plugin.name)
    found = found or tuple(plugin for plugin in registry.plugins if same_name(name, plugin.distribution))
    if found:
        return found
    for failure in registry.failures:
        if failure.name == name or same_name(name, failure.distribution):
            raise PluginError(Problem(CoreCode.PLUGIN, f"plugin {name!r}", f"was not loaded: {failure.text}"))
    names = [plugin.name for plugin in registry.plugins]
    message = f"is not installed; {did_you_mean(name, names)}; a single file is named with its .py"
    raise PluginError(Problem(CoreCode.UNKNOWN_NAME, f"plugin {name!r}", message))


def same_name(one: str, other: str) -> bool:
    """Whether two names are one to pip: letter case and kind of hyphen do not count."""
    return re.sub(r"[-_.]+", "-", one).lower() == re.sub(r"[-_.]+", "-", other).lower()


# --- checking ---------------------------------------------------------------------------------------------------------


def check_import(offer: Offer, registry: Registry, examples: int) -> Item:
    """All that can be said of most kinds: they are there."""
    try:
        offer.load()
    except PluginError as error:
        return Item(offer.kind, offer.name, (str(error),))
    return Item(offer.kind, offer.name, notes=("imported; there is no law for this kind",))


def check_offered_pass(offer: Offer, registry: Registry, examples: int) -> Item:
    """A pass by the laws, with the rows of all plugins at hand."""
    from nadoo_core.testing.pass_check import check_pass

    try:
        return check_pass(registry.pass_class(offer.name), examples=examples, ops=ops_of(registry))
    except NadooError as error:
        return Item(offer.kind, offer.name, (str(error),))


def check_offered(offer: Offer, check: Callable[[str, Any], Item]) -> Item:
    """Something that is checked by itself."""
    try:
        return check(offer.name, offer.load())
    except NadooError as error:
        return Item(offer.kind, offer.name, (str(error),))


def check_offered_op(offer: Offer, registry: Registry, examples: int) -> Item:
    """A row of the operator table."""
    from nadoo_core.testing.op_check import check_op

    return check_offered(offer, check_op)


def check_offered_dataset(offer: Offer, registry: Registry, examples: int) -> Item:
    """A data set."""
    from nadoo_core.testing.data_check import check_dataset

    return check_offered(offer, check_dataset)


def check_offered_metric(offer: Offer, registry: Registry, examples: int) -> Item:
    """A metric."""
    from nadoo_core.testing.data_check import check_metric

    return check_offered(offer, check_metric)


CHECKERS: Mapping[str, Checker] = MappingProxyType(
    {
        "passes": check_offered_pass,
        "ops": check_offered_op,
        "datasets": check_offered_dataset,
        "metrics": check_offered_metric,
    }
)
