"""Hypothesis strategies: valid graphs, options of a pass, and recipes; each shrinks to what matters."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from hypothesis import strategies

from nadoo_core.errors import OptionError
from nadoo_core.options import option_fields, structure, unstructure
from nadoo_core.options.toml_text import toml_text
from nadoo_core.passes import Pass
from nadoo_core.testing.growing import GROWERS, SHAPES, grow
from nadoo_core.testing.option_values import field_values
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable

PassType = TypeVar("PassType", bound=Pass)
MOST_STEPS = 6
MOST_RECIPE_STEPS = 4
LARGEST_SEED = 2**31


def graphs(
    ops: OpTable | None = None, kinds: Sequence[str] = tuple(GROWERS), max_steps: int = MOST_STEPS
) -> strategies.SearchStrategy[ModelGraph]:
    """Valid graphs of a few layers: chains, branches, residuals, batch norms, shared weights, several outputs."""
    positions = strategies.integers(0, 9)
    step = strategies.tuples(strategies.sampled_from(tuple(kinds)), strategies.integers(0, 3), positions)
    return strategies.builds(
        grow,
        strategies.sampled_from(tuple(SHAPES)),
        strategies.lists(step, min_size=2, max_size=max_steps),
        strategies.lists(positions, max_size=2),
        strategies.just(ops),
    )


def options(pass_class: type[PassType]) -> strategies.SearchStrategy[PassType]:
    """A pass with options that it takes; what its own rules over several options refuse is drawn again."""
    tables = option_tables(pass_class).map(lambda table: attempt(pass_class, table))
    return tables.filter(lambda made: made is not None)  # type: ignore[arg-type, return-value]


def option_tables(pass_class: type[Pass]) -> strategies.SearchStrategy[dict[str, Any]]:
    """Tables as a recipe holds them: required options always, the others now and then."""
    fields = option_fields(pass_class)
    required = {item.key: field_values(item) for item in fields if item.required}
    others = {item.key: field_values(item) for item in fields if not item.required}
    return strategies.fixed_dictionaries(required, optional=others)


def attempt(pass_class: type[PassType], table: Mapping[str, Any]) -> PassType | None:
    """The pass with these options, or None where they do not go together."""
    try:
        return structure(pass_class, table, pass_class.name)
    except OptionError:
        return None


# --- recipes ----------------------------------------------------------------------------------------------------------


@strategies.composite
def recipes(draw: strategies.DrawFn, passes: Mapping[str, type[Pass]], model: str = "graph") -> dict[str, Any]:
    """A recipe as TOML reads it: a saved graph as the model, and steps of the given passes with options they take."""
    names = draw(strategies.lists(strategies.sampled_from(sorted(passes)), min_size=1, max_size=MOST_RECIPE_STEPS))
    steps = [draw(recipe_steps(name, passes[name], index)) for index, name in enumerate(names)]
    seed = draw(strategies.integers(0, LARGEST_SEED))
    return {"name": "drawn", "seed": seed, "model": {"file": model}, "step": steps}


@strategies.composite
def recipe_steps(draw: strategies.DrawFn, name: str, pass_class: type[Pass], index: int) -> dict[str, Any]:
    """One step: the pass, a name of its own, and options that are not as by default."""
    written: dict[str, Any] = without_none(unstructure(draw(options(pass_class))))
    defaults = {item.key: unstructure(item.default_value()) for item in option_fields(pass_class) if not item.required}
    said = {key: value for key, value in written.items() if value != defaults.get(key, ...)}
    own: dict[str, Any] = {"pass": name, "name": f"{name}-{index}"}
    if draw(strategies.booleans()):
        own["allow_no_change"] = True
    return own | said


def without_none(value: Any) -> Any:
    """A value without entries that are None, which TOML cannot say; an option that is absent is None by default."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return {key: without_none(item) for key, item in table.items() if item is not None}
    return value


def recipe_text(document: Mapping[str, Any]) -> str:
    """A drawn recipe as the text of a file."""
    return toml_text(document)
