"""The names under which recipes ask for clip rules; a plugin's rules stand beside them in the registry."""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import did_you_mean, structure

if TYPE_CHECKING:
    from nadoo_core.quantizing.rules import ClipRule

KIND = "clip_rules"
Load: TypeAlias = Callable[[str, str], Any]

CLIP_RULES: Mapping[str, str] = MappingProxyType({
    "auto": "nadoo_core.quantizing.rules:Automatic",
    "auto-training": "nadoo_core.quantizing.rules:AutomaticTraining",
    "prop": "nadoo_core.quantizing.rules:Proportional",
    "max": "nadoo_core.quantizing.rules:Maximum",
    "absmean": "nadoo_core.quantizing.rules:AbsoluteMean",
    "percentile": "nadoo_core.quantizing.rules:Percentile",
    "mse": "nadoo_core.quantizing.rules:MeanSquare",
    "kl": "nadoo_core.quantizing.rules:Divergence",
    "octav": "nadoo_core.quantizing.rules:Octav",
    "octav-newton": "nadoo_core.quantizing.rules:OctavNewton",
    "fixed": "nadoo_core.quantizing.rules:Fixed",
    "decay": "nadoo_core.quantizing.rules:Decaying",
    "learned": "nadoo_core.quantizing.rules:Learned",
})  # fmt: skip


def make_rule(name: str, options: Mapping[str, Any] | None = None, load: Load | None = None) -> "ClipRule":
    """A rule by name with its options; `load` finds those of plugins, and an unknown name says which there are."""
    found = rule_class(name, load)
    return cast("ClipRule", structure(found, dict(options or {}), f"clip rule {name!r}"))


def rule_class(name: str, load: Load | None) -> type[Any]:
    """The class of a rule."""
    from nadoo_core.quantizing.rules import ClipRule

    if name in CLIP_RULES:
        module, _, attribute = CLIP_RULES[name].partition(":")
        return cast("type[Any]", getattr(import_module(module), attribute))
    if load is None:
        raise OptionError(Problem(CoreCode.UNKNOWN_NAME, f"clip rule {name!r}", did_you_mean(name, CLIP_RULES)))
    found: object = load(KIND, name)
    if isinstance(found, type) and issubclass(found, ClipRule):
        return found
    message = f"is {found!r}, which is no clip rule; derive it from nadoo_core.quantizing.ClipRule"
    raise OptionError(Problem(CoreCode.PLUGIN, f"clip rule {name!r}", message))
