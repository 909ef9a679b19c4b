"""The model that a run begins with: made by a function, read from a folder, or handed over; captured as a graph."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from attrs import frozen
from torch import nn

from nadoo_core.errors import CoreCode, NadooError, Problem, RecipeError, RunError
from nadoo_core.recipe import Recipe, resolve_reference
from nadoo_core.recipe.sections import InputSection, ModelSection
from nadoo_core.registry import Registry, ops_of
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable
from nadoo_graphs.saving import load

if TYPE_CHECKING:
    from nadoo_core.runs.bench import Bench

WHERE = "recipe.model"
EXAMPLES = 2
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@frozen
class Origin:
    """The graph that a run begins with, and in words where it comes from."""

    graph: ModelGraph
    source: str


def origin_of(recipe: Recipe, model: Any, registry: Registry, bench: "Bench") -> Origin:
    """The model of a recipe, or the given one in its place."""
    if model is not None:
        return Origin(as_graph(model, recipe, bench, ops_of(registry)), f"a {type(model).__name__} from Python")
    section = recipe.model
    if section is None:
        raise RecipeError(Problem(CoreCode.MISSING_KEY, WHERE, "is missing; add [model], or give a model from Python"))
    if section.file is not None:
        return Origin(saved_graph(section.file, ops_of(registry)), str(section.file))
    made = made_by_function(section, recipe.seed, registry)
    if section.weights is not None:
        load_weights(made, section.weights)
    return Origin(as_graph(made, recipe, bench, ops_of(registry)), str(section.python))


def saved_graph(path: Path, ops: OpTable) -> ModelGraph:
    """The graph in a folder, which may use the operators of plugins."""
    if path.is_file() and path.name != "graph.json":
        message = f"is {str(path)!r}, and only folders of saved graphs can be read; name the function by `python`"
        raise RecipeError(Problem(CoreCode.RECIPE, f"{WHERE}.file", message))
    return load(path if path.is_dir() else path.parent, ops=ops)


def made_by_function(section: ModelSection, seed: int, registry: Registry) -> Any:
    """What the function gives; new weights follow from the seed of the recipe."""
    name, where = str(section.python), f"{WHERE}.python"
    function = resolve_reference(name, where) if ":" in name else registry.load("models", name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return called(function, dict(section.arguments), where, name)


def called(function: Callable[..., Any], arguments: dict[str, Any], where: str, name: str) -> Any:
    """What a user's function gives; whatever it raises is an error of the recipe's."""
    try:
        return function(**arguments)
    except NadooError:
        raise
    except Exception as error:  # a user's function may raise anything
        message = f"{name} raised {type(error).__name__}: {error}; mend it, or give other arguments"
        raise RunError(Problem(CoreCode.RUN, where, message)) from error


def as_graph(model: Any, recipe: Recipe, bench: "Bench", ops: OpTable) -> ModelGraph:
    """A model captured with inputs like those that it will get."""
    from nadoo_graphs.capture import capture

    if isinstance(model, ModelGraph):
        return model.copy()
    if not isinstance(model, nn.Module):
        message = f"gives {type(model).__name__}; give a torch module or a ModelGraph"
        raise RunError(Problem(CoreCode.RUN, f"{WHERE}.python", message))
    if recipe.model is None or not recipe.model.inputs:
        require_one_input(model)
    return capture(model, example_inputs(recipe, bench), ops=ops)


def require_one_input(model: nn.Module) -> None:
    """Examples of data have one input; a model that must get several cannot be captured with them."""
    places = inspect.signature(model.forward).parameters.values()
    needed = [item.name for item in places if item.kind in POSITIONAL and item.default is item.empty]
    if len(needed) > 1:
        message = (
            f"takes the inputs {', '.join(needed)}, and examples of data have one; make them of one tensor in a module "
            "around the model, or leave [data] out and give the shape of each as inputs to [model]"
        )
        raise RunError(Problem(CoreCode.RUN, f"{WHERE}.python", message))


def example_inputs(recipe: Recipe, bench: "Bench") -> tuple[torch.Tensor, ...]:
    """Examples of the declared inputs, or of the data."""
    if recipe.model is not None and recipe.model.inputs:
        return declared_inputs(recipe.model, recipe.seed)
    if recipe.data is None:
        message = "has no examples to capture the model with; add [data], or inputs = [[1, 3, 32, 32]] to [model]"
        raise RecipeError(Problem(CoreCode.MISSING_KEY, f"{WHERE}.inputs", message))
    return (bench.roles.train.inputs[:EXAMPLES],)


def declared_inputs(section: ModelSection, seed: int) -> tuple[torch.Tensor, ...]:
    """Random examples of the declared shapes."""
    generator = torch.Generator().manual_seed(seed)
    items = [item if isinstance(item, InputSection) else InputSection(shape=item) for item in section.inputs]
    return tuple(drawn(item, generator) for item in items)


def drawn(item: InputSection, generator: torch.Generator) -> torch.Tensor:
    """Normal numbers, or integers below the declared bound."""
    dtype = cast("torch.dtype", getattr(torch, item.dtype))
    if dtype.is_floating_point:
        return torch.randn(item.shape, generator=generator, dtype=dtype)
    return torch.randint(0, item.below, item.shape, generator=generator).to(dtype)


def load_weights(model: Any, path: Path) -> None:
    """Give a module its weights; names and shapes must be exactly those that it has."""
    where = f"{WHERE}.weights"
    if not isinstance(model, nn.Module):
        raise RunError(Problem(CoreCode.RUN, where, "are for a module, but the function gives a graph; leave them out"))
    try:
        model.load_state_dict(read_weights(path))
    except Exception as error:  # torch and safetensors raise errors of many kinds for a file that does not fit
        message = f"{path.name!r} does not fit the model or cannot be read: {error}"
        raise RunError(Problem(CoreCode.RUN, where, message)) from error


def read_weights(path: Path) -> dict[str, Any]:
    """A state dict from a file; nothing in it is ever executed."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

        return load_file(path)
    found: Any = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(found, dict):
        raise TypeError(f"it holds {type(found).__name__}; save model.state_dict()")
    table = cast("dict[str, Any]", found)
    inner = table.get("state_dict")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else table
