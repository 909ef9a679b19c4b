"""The example that a model is captured with: checked against its signature, its open axes named and wide enough."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import torch
from attrs import evolve
from torch import nn

from nadoo_graphs.capture.torch_export import Axes, Example, map_tensors, tensor_leaves
from nadoo_graphs.errors import CaptureError, Code, Problem
from nadoo_graphs.nesting import parts_of

Dynamic: TypeAlias = Literal["batch"] | Mapping[str, Axes] | None
BATCH = "N"


def positional(example_inputs: object) -> tuple[Any, ...]:
    """Positional arguments: those of a tuple or list, or one tensor alone."""
    parts = parts_of(example_inputs)
    if parts is None and not isinstance(example_inputs, torch.Tensor):
        message = f"a tensor or a tuple of arguments is expected, not {type(example_inputs).__name__}"
        raise CaptureError(Problem(Code.CAPTURE, "example_inputs", f"{message}; put a single argument into a tuple"))
    return (example_inputs,) if parts is None else tuple(parts)


def prepare(model: nn.Module, example: Example, dynamic: Dynamic) -> Example:
    """The example with the names of its open axes; a bad one is refused before torch sees it."""
    if not isinstance(model, nn.Module):  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"a torch.nn.Module is expected, not {type(model).__name__}; wrap functions in a module"
        raise CaptureError(Problem(Code.CAPTURE, "model", message))
    try:
        leaves = tensor_leaves(example.bound(model))
    except TypeError as error:
        message = f"the example inputs do not fit {type(model).__name__}.forward: {error}"
        raise CaptureError(Problem(Code.CAPTURE, "example_inputs", message)) from error
    if dynamic is None:
        return example
    if dynamic == "batch":
        return evolve(example, axes=batch_axes(leaves))
    return evolve(example, axes=checked_axes(dynamic, leaves))


def batch_axes(leaves: Mapping[str, torch.Tensor]) -> dict[str, Axes]:
    """The first axis of every input that has the same first size as the first one."""
    ranked = {name: leaf for name, leaf in leaves.items() if leaf.ndim}
    size = next((leaf.shape[0] for leaf in ranked.values()), 0)
    return {name: {0: BATCH} for name, leaf in ranked.items() if leaf.shape[0] == size and size}


def checked_axes(dynamic: Mapping[str, Axes], leaves: Mapping[str, torch.Tensor]) -> dict[str, Axes]:
    """The axes that the user named, each of which must exist."""
    problems = [
        Problem(Code.NAME, f"dynamic[{name!r}]", f"no input has this name; inputs: {', '.join(leaves)}")
        for name in dynamic
        if name not in leaves
    ]
    for name, axes in dynamic.items():
        rank = leaves[name].ndim if name in leaves else 0
        wrong = [axis for axis in axes if name in leaves and not 0 <= axis < rank]
        problems.extend(
            Problem(Code.SHAPE, f"dynamic[{name!r}]", f"axis {axis} is not one of 0 to {rank - 1}") for axis in wrong
        )
    if problems:
        raise CaptureError(problems)
    return {name: dict(axes) for name, axes in dynamic.items()}


def widened(example: Example, model: nn.Module) -> Example:
    """The example with open axes of size one repeated, because torch would freeze them."""
    single = {
        (name, axis)
        for name, leaf in tensor_leaves(example.bound(model)).items()
        for axis in example.axes.get(name, {})
        if leaf.shape[axis] == 1
    }
    if not single:
        return example
    axes = {axis for _, axis in single}

    def repeat(leaf: torch.Tensor) -> torch.Tensor:
        grown = [2 if axis in axes and size == 1 else 1 for axis, size in enumerate(leaf.shape)]
        return leaf.repeat(grown) if leaf.ndim else leaf

    arguments = tuple(map_tensors(repeat, item) for item in example.arguments)
    return evolve(example, arguments=arguments, keywords=map_tensors(repeat, dict(example.keywords)))
