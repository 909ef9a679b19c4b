"""The style that no linter measures: short functions, docstrings, one door to torch's private rooms."""

import ast
import statistics
from pathlib import Path

import pytest

from tests.repository.layout import functions, modules, short, tree

MOST_LINES = 30
MOST_LINES_IN_THE_MEDIAN = 8


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from its name to its end; decorators are not part of it."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def private_torch(module: ast.Module) -> set[str]:
    """The private names of torch that a module imports or reaches through attributes, such as `torch._C`."""
    dotted = {ast.unparse(node) for node in ast.walk(module) if isinstance(node, ast.Attribute)}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            dotted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            dotted |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in dotted if name.startswith("torch.") and is_private(name)}


def is_private(dotted: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in dotted.split("."))


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{short(path)}:{function.lineno} {function.name}: {length(function)} lines"
        for path in modules()
        for function in functions(tree(path))
        if length(function) > MOST_LINES
    }
    assert long == set()


def test_most_functions_are_read_at_a_glance() -> None:
    lengths = [length(function) for path in modules() for function in functions(tree(path))]
    assert statistics.median(lengths) <= MOST_LINES_IN_THE_MEDIAN


@pytest.mark.parametrize("path", modules(), ids=short)
def test_a_module_says_why_it_exists(path: Path) -> None:
    assert ast.get_docstring(tree(path))


def test_private_names_of_torch_live_behind_one_file() -> None:
    users = {short(path): names for path in modules() if (names := private_torch(tree(path)))}
    assert len(users) <= 1, users


@pytest.mark.parametrize("source", ["import torch._C", "from torch._ops import OpOverload", "torch.fx._pytree.f()"])
def test_a_private_name_of_torch_is_noticed(source: str) -> None:
    assert private_torch(ast.parse(source))


@pytest.mark.parametrize("source", ["import torch.fx", "torch.nn.functional.relu(x)", "torch.__version__"])
def test_a_public_name_of_torch_is_not(source: str) -> None:
    assert not private_torch(ast.parse(source))
