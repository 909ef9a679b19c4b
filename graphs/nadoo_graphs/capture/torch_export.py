"""The private corners of torch that capture needs: exporting, symbolic expressions, and what an exception tells.

Nothing else in nadoo imports a private name of `torch.export`, so a new torch version is met here.
"""

import inspect
import logging
import traceback
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from attrs import frozen
from torch import nn

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.sizes import Size, floor_divide, symbol
from nadoo_graphs.torch_private import pytree

Axes: TypeAlias = Mapping[int, str]
TORCH = str(Path(torch.__file__).parent)
OURS = str(Path(__file__).parent)


@frozen
class Example:
    """The arguments that a model is captured with, and the name that each of its dynamic axes is to have."""

    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    axes: Mapping[str, Axes]

    def bound(self, model: nn.Module) -> dict[str, Any]:
        """The arguments by the names of the model's own signature."""
        bound = inspect.signature(model.forward).bind(*self.arguments, **self.keywords)
        return dict(bound.arguments)


@contextmanager
def silenced() -> Generator[None]:
    """Torch's own warnings and logs held back: a failed export is told once, in our words."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """The model in evaluation and without fused attention shortcuts; every flag is put back afterwards."""
    modes = {module: module.training for module in model.modules()}
    shortcut = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    model.eval()
    try:
        with silenced():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(shortcut)
        for module, mode in modes.items():
            module.training = mode


def export(model: nn.Module, example: Example) -> Any:
    """torch.export's program for an example, with the axes that the example names left open.

    Torch leaves marks on the tensors that it is given, so it gets copies.
    """
    shapes = dynamic_shapes(example.bound(model), example.axes) if example.axes else None
    arguments = map_tensors(torch.clone, example.arguments)
    keywords = map_tensors(torch.clone, dict(example.keywords))
    with evaluating(model):
        return torch.export.export(model, arguments, keywords, dynamic_shapes=shapes, strict=False)


def dynamic_shapes(bound: Mapping[str, Any], axes: Mapping[str, Axes]) -> dict[str, Any]:
    """What torch wants to know of every tensor: which axes are open."""
    return {name: open_axes(name, value, axes) for name, value in bound.items()}


def open_axes(name: str, value: Any, axes: Mapping[str, Axes]) -> Any:
    """The same nesting as an argument, with the open axes of each tensor in its place."""

    def of(path: Any, leaf: Any) -> Any:
        none: Axes = {}
        chosen = axes.get(leaf_name(name, path), none) if isinstance(leaf, torch.Tensor) else none
        return dict.fromkeys(chosen, torch.export.Dim.DYNAMIC) or None

    return pytree.tree_map_with_path(of, value)


def tensor_leaves(bound: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """All tensors among the arguments by name; one inside a container is called argument_key."""
    return {
        leaf_name(name, path): leaf
        for name, value in bound.items()
        for path, leaf in pytree.tree_flatten_with_path(value)[0]
        if isinstance(leaf, torch.Tensor)
    }


def leaf_name(name: str, path: Sequence[Any]) -> str:
    """The name of a leaf: the argument's, then the keys that lead to it."""
    keys = (getattr(key, "idx", getattr(key, "key", getattr(key, "name", ""))) for key in path)
    return "_".join([name, *(str(key) for key in keys)])


def map_tensors(function: Callable[[torch.Tensor], torch.Tensor], tree: Any) -> Any:
    """The same nesting with every tensor passed through a function."""

    def of(leaf: Any) -> Any:
        return function(leaf) if isinstance(leaf, torch.Tensor) else leaf

    return pytree.tree_map(of, tree)


# --- symbolic expressions ---------------------------------------------------------------------------------------------


class SizeReader:
    """Turns torch's symbolic integers into sizes; what has no such form becomes a symbol of its own."""

    def __init__(self) -> None:
        self.known: dict[Any, Size] = {}

    def name(self, expression: Any, chosen: str) -> None:
        """Let an invented symbol of torch be called as the user would."""
        self.known[expression] = symbol(chosen)

    def read(self, value: Any) -> Size:
        """The size of an int or a symbolic int."""
        return value if isinstance(value, int) else self.convert(value.node.expr)

    def convert(self, expression: Any) -> Size:
        """The size of a symbolic expression."""
        if expression.is_Integer:
            return int(expression)
        if expression not in self.known:
            self.known[expression] = self.compute(expression)
        return self.known[expression]

    def compute(self, expression: Any) -> Size:
        """One step of the conversion, by the kind of the expression."""
        parts = [self.convert(part) for part in expression.args]
        kind = type(expression).__name__
        if kind == "Add":
            return sum(parts)
        if kind == "Mul" and all(part.is_integer for part in expression.args):
            return product(parts)
        if kind in {"FloorDiv", "CleanDiv"}:
            return floor_divide(parts[0], parts[1])
        if kind in {"Mod", "PythonMod"}:
            return parts[0] - floor_divide(parts[0], parts[1]) * parts[1]
        if kind == "Pow" and isinstance(parts[1], int) and parts[1] > 0:
            return product([parts[0]] * parts[1])
        return symbol(str(expression) if expression.is_Symbol else f"size{len(self.known)}")


def product(parts: Sequence[Size]) -> Size:
    """The product of sizes."""
    total: Size = 1
    for part in parts:
        total = total * part
    return total


# --- what went wrong --------------------------------------------------------------------------------------------------


def refusal(model: nn.Module, error: BaseException) -> Problem:
    """What a failed export means to the user: their own line, what it does, and the way out."""
    line = user_line(error)
    where = line or f"model {type(model).__name__}"
    name = type(error).__name__
    reason = next((text.strip() for text in str(error).splitlines() if text.strip()), name)
    return Problem(Code.CAPTURE, where, f"{explanation(name, str(error))} torch says: {reason[:300]}")


def explanation(name: str, text: str) -> str:
    """The cause in the user's words, by the kind of torch's exception."""
    if "DataDependent" in name or "data-dependent" in text.lower() or "_local_scalar_dense" in text:
        return (
            "the flow of the program depends on values inside a tensor, which no fixed graph can follow; compute both "
            "sides and choose with torch.where, or move the decision out of forward."
        )
    if "Unsupported" in name:
        return "forward does something that cannot be traced; move it out of forward, or write it with torch operators."
    return "forward cannot be exported with these example inputs; check that model(*example_inputs) runs."


def user_line(error: BaseException | None) -> str:
    """The innermost line of the user's own code in the traceback of an exception or of what caused it."""
    found = ""
    while error is not None and not found:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if is_user_file(frame.filename)]
        found = f"{own[-1].filename}:{own[-1].lineno} ({own[-1].line})" if inside_forward(frames) and own else ""
        error = error.__cause__ or error.__context__
    return found


def inside_forward(frames: Sequence[traceback.FrameSummary]) -> bool:
    """Whether torch was already running the model: the user's call of capture alone is not the culprit."""
    last = max((index for index, frame in enumerate(frames) if frame.filename.startswith(TORCH)), default=-1)
    first = min((index for index, frame in enumerate(frames) if frame.filename.startswith(TORCH)), default=-1)
    return any(is_user_file(frame.filename) for frame in frames[first : last + 1] if first >= 0) or (
        first >= 0 and any(is_user_file(frame.filename) for frame in frames[first:])
    )


def is_user_file(filename: str) -> bool:
    """Whether a file is neither torch's nor ours nor part of Python."""
    return not filename.startswith((TORCH, OURS, "<")) and "/lib/python3" not in filename
