"""Keys: everything that a result depends on, named, and hashed into the name under which the store keeps it.

What does not decide a result stays out: the limits of a step, the folder of the run, the host. What might, is in:
the files of the pass's package and of ours, whatever of them is really used.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nadoo_core.errors import PluginError
from nadoo_core.options import unstructure
from nadoo_core.options.fields import option_fields
from nadoo_core.store import code_digest, our_digest
from nadoo_core.store.files import digest_file, digest_value

if TYPE_CHECKING:
    from nadoo_core.passes import Pass
    from nadoo_core.recipe import Recipe, Step
    from nadoo_core.registry import Registry
    from nadoo_core.runs.bench import Bench
    from nadoo_core.runs.position import Position

OWN = "nadoo"
EXTENSIONS = ("clip_rules", "formats", "importances", "ops")
"""Kinds of things that plugins offer and that passes of others use."""
UNKNOWN_SOURCE = "the source of the pass is not known, so its result was not stored and will be computed each time"


def step_inputs(
    recipe: "Recipe", step: "Step", position: "Position", bench: "Bench", registry: "Registry"
) -> dict[str, Any]:
    """Everything that the result of a step depends on."""
    return {
        "parent": position.fingerprint,
        "properties": sorted(position.properties),
        "pass": step.pass_name,
        "step": step.name,
        "options": unstructure(step.operation),
        "files": option_files(step.operation),
        "allow_no_change": step.allow_no_change,
        "sources": {
            "nadoo": our_digest(),
            "pass": pass_digest(step, registry),
            "extensions": extension_digests(registry),
        },
        "data": bench.fingerprint,
        "seed": recipe.seed,
        "torch": torch.__version__,
    }


def step_key(inputs: dict[str, Any]) -> str | None:
    """The key of a step; None where nobody can tell whether its code is still the same."""
    return digest_value({"kind": "step", **inputs}) if inputs["sources"]["pass"] is not None else None


def pass_digest(step: "Step", registry: "Registry") -> str | None:
    """The hash of the code of a pass and of the distribution that it comes from."""
    cls = type(step.operation)
    try:
        distribution = registry.source("passes", step.pass_name).distribution
    except PluginError:
        distribution = None
    return code_digest(cls, distribution)


def extension_digests(registry: "Registry") -> dict[str, str | None]:
    """The hash of the code of everything that a pass may use by name and that is not ours: a rule, a format, an op."""
    offers = [offer for kind in EXTENSIONS for offer in registry.offers(kind) if offer.distribution != OWN]
    return {f"{offer.kind} {offer.name}": code_digest(offer.load(), offer.distribution) for offer in offers}


def option_files(operation: "Pass") -> dict[str, str]:
    """The content of files that a pass is given, by option."""
    fields = option_fields(type(operation))
    paths = {item.key: getattr(operation, item.attribute) for item in fields}
    return {key: digest_file(path) for key, path in paths.items() if isinstance(path, Path) and path.is_file()}


def scores_key(fingerprint: str, reference: str, bench: "Bench", role: str) -> tuple[str, dict[str, Any]]:
    """The key of an evaluation of a graph, and what it depends on."""
    inputs = {
        "graph": fingerprint,
        "reference": reference if bench.recipe.data is None else "",
        "role": role,
        "data": bench.fingerprint,
        "seed": bench.recipe.seed,
        "sources": our_digest(),
    }
    return digest_value({"kind": "evaluation", **inputs}), inputs
