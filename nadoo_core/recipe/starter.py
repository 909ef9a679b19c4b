"""A first recipe for somebody's model: every choice stands in it with its explanation, most of them switched off."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nadoo_core.cost.budget import Budget
from nadoo_core.errors import CoreCode, NadooError, Problem, RecipeError
from nadoo_core.options import unstructure
from nadoo_core.options.fields import OptionField, option_fields
from nadoo_core.recipe.references import parse_reference
from nadoo_core.recipe.sections import (
    DataSection,
    EvaluationSection,
    Limit,
    ModelSection,
    Require,
)

if TYPE_CHECKING:
    from nadoo_core.registry import Registry

INTRODUCTION = """\
# A recipe for nadoo. Lines that begin with "# " and a key are choices with their defaults: remove the "# " to make one.
#   nadoo plan THIS-FILE     shows what would be done     nadoo run THIS-FILE --out out/     does it
"""
HARMLESS = ("remove-identities", "fold-batch-norm")
"""Passes that are right for every model, which a first recipe has switched on if they are installed."""


def starter_recipe(model: str, *, registry: "Registry", name: str | None = None) -> str:
    """The text of a recipe for a model: package.module:function, models.py:function, or a saved graph's folder."""
    parts = [
        INTRODUCTION,
        f"name = {literal(name or model_name(model))}",
        "# seed = 0           # where all random numbers come from",
        '# compute = "cpu"    # where torch computes: cpu, cuda or mps',
        "\n[model]",
        *model_lines(model),
        "\n# What the model is judged with; without data it is compared with itself on random inputs.",
        *data_lines(registry),
        "\n# [evaluation]",
        *commented(EvaluationSection),
        "\n# [target]            # the hardware that the model is meant for",
        '# device = "stm32f401"',
        f"# budget = {{ {budget_keys()} }}",
        *step_lines(registry),
        *export_lines(registry),
    ]
    return "\n".join(parts) + "\n"


def model_name(model: str) -> str:
    """What a recipe for a model may be called."""
    return model.rpartition(":")[2] or Path(model).name or "model"


def model_lines(model: str) -> Iterator[str]:
    """Where the model comes from."""
    is_python = ":" in model and not Path(model).is_dir()
    if is_python:
        parse_reference(model, "model")
    if not is_python and not model:
        raise RecipeError(Problem(CoreCode.RECIPE, "model", "is empty; give module:function or a saved graph's folder"))
    yield f"{'python' if is_python else 'file'} = {literal(model)}"
    skipped = ("python", "file") if is_python else ("python", "file", "weights", "arguments")
    yield from commented(ModelSection, skipped, {"inputs": "[[1, 3, 32, 32]]", "weights": '"model.safetensors"'})


def data_lines(registry: "Registry") -> Iterator[str]:
    """Which data sets there are, and their roles."""
    known = ", ".join(registry.names("datasets"))
    yield "# [data]"
    yield f'# dataset = "digits"    # one of {known}, or module:function'
    yield from commented(DataSection, ("dataset",))


def budget_keys() -> str:
    """The keys of a budget with values that show their units."""
    shown = {"flash": '"64 KiB"', "ram": '"8 KiB"', "latency": '"2 ms"', "energy": "0.001",
             "macs": "1000000", "accuracy": "0.9"}  # fmt: skip
    return ", ".join(f"{item.key} = {shown[item.key]}" for item in option_fields(Budget))


def step_lines(registry: "Registry") -> Iterator[str]:
    """A step for every installed pass; those that are right for all models are switched on."""
    yield "\n# The steps, in their order. Each may also have, beside the options of its pass:"
    yield '#   name = "a name of its own"    allow_no_change = true'
    yield f"#   require = {{ {keys_of(Require)} }}    limit = {{ {keys_of(Limit)} }}"
    for name in [*HARMLESS, *(name for name in registry.names("passes") if name not in HARMLESS)]:
        if name in registry.names("passes"):
            yield from pass_lines(name, registry)


def keys_of(cls: type) -> str:
    """The keys of a table with examples of values."""
    examples = {"min_changed": "2", "accuracy_drop": "0.01", "metric_drop": "0.01", "loss_rise": "0.1"}
    defaults = {item.key: examples.get(item.key) or literal(item.default_value()) for item in option_fields(cls)}
    return ", ".join(f"{key} = {value}" for key, value in defaults.items())


def pass_lines(name: str, registry: "Registry") -> Iterator[str]:
    """One step with all options of its pass."""
    try:
        cls = registry.load("passes", name)
    except NadooError:
        return
    active = name in HARMLESS
    mark = "" if active else "# "
    yield f"\n# {summary(cls)}"
    yield f"{mark}[[step]]"
    yield f"{mark}pass = {literal(name)}"
    if active:
        yield "allow_no_change = true    # a model without anything to do for it is fine"
    yield from commented(cls)


def export_lines(registry: "Registry") -> Iterator[str]:
    """The forms in which the result can be given out."""
    for name in registry.names("exporters"):
        yield f"\n# [[export]]\n# to = {literal(name)}"


def commented(cls: type, skipped: tuple[str, ...] = (), shown: Mapping[str, str] | None = None) -> Iterator[str]:
    """The options of a class, switched off, each with its default and help."""
    for item in option_fields(cls):
        if item.key not in skipped:
            value = (shown or {}).get(item.key) or default_text(item)
            yield f"# {item.key} = {value}    # {' '.join(item.help.split())}"


def default_text(item: OptionField) -> str:
    """The default as TOML has it, or three dots where there is none or TOML cannot write it."""
    value = None if item.required else unstructure(item.default_value())
    return "…" if value is None else literal(value)


def literal(value: Any) -> str:
    """A plain value as TOML writes it on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(item) for item in cast('list[Any]', value))}]"
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value).items()
        return f"{{ {', '.join(f'{literal(key)} = {literal(item)}' for key, item in entries)} }}" if entries else "{}"
    return "…" if value is None else repr(value)


def summary(cls: type) -> str:
    """The first sentence of a class's docstring on one line."""
    text = (cls.__doc__ or cls.__name__).strip().split("\n\n")[0]
    return " ".join(text.split())
