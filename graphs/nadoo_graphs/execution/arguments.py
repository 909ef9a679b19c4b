"""From a call's arguments to the values of the input nodes, with every mismatch named."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from nadoo_graphs.contract import Structure
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.sizes import Symbolic, bind, symbols_of
from nadoo_graphs.trees import flatten
from nadoo_graphs.values import ValueType


def input_values(graph: ModelGraph, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> list[torch.Tensor]:
    """The tensors for the input nodes, in order."""
    contract = graph.contract
    if contract.arguments is None:
        return by_position(graph, arguments, keywords)
    positional, named = place(contract.arguments, contract.keywords or Structure("dict"), arguments, keywords)
    leaves = flatten(contract.arguments, positional, "argument")
    return [*leaves, *flatten(contract.keywords or Structure("dict"), named, "keyword")]


def by_position(graph: ModelGraph, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> list[torch.Tensor]:
    """Arguments of a graph built by hand: one tensor an input, by position or by name."""
    names = [node.name for node in graph.inputs]
    given = dict(zip(names, arguments, strict=False)) | dict(keywords)
    if len(arguments) > len(names) or set(given) != set(names):
        message = (
            f"takes {len(names)} inputs ({', '.join(names)}); given: {len(arguments)} by position, {sorted(keywords)}"
        )
        raise GraphError(Problem(Code.SCHEMA, f"graph {graph.name!r}", message))
    return [given[name] for name in names]


def place(
    positional: Structure, named: Structure, arguments: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments where the capture had them: positional ones may be given by name and the other way round."""
    names, others = [str(key) for key in positional.keys], [str(key) for key in named.keys]
    if len(arguments) > len(names) + len(others):
        message = (
            f"takes {len(names) + len(others)} arguments ({', '.join([*names, *others])}), {len(arguments)} were given"
        )
        raise GraphError(Problem(Code.SCHEMA, "arguments", message))
    extra = dict(zip(others, arguments[len(names) :], strict=False))
    placed = [
        *arguments[: len(names)],
        *(keywords[name] for name in names[len(arguments) :] if name in keywords),
    ]
    by_name = {key: value for key, value in keywords.items() if key not in names[len(arguments) :]}
    return tuple(placed), {**extra, **by_name}


def bind_symbols(symbols: dict[str, int], declared: ValueType, actual: Sequence[int]) -> None:
    """Learn the symbols that stand alone in a declared shape from an actual one."""
    for size, number in zip(declared.shape, actual, strict=False):
        if isinstance(size, Symbolic) and symbols_of(size) == (str(size),):
            symbols.setdefault(str(size), int(number))


def check_input(name: str, declared: ValueType, value: torch.Tensor, symbols: Mapping[str, int]) -> None:
    """An input has the contract's rank, sizes and dtype."""
    expected = tuple(bind(size, symbols) for size in declared.shape) if value.ndim == declared.rank else None
    if expected != tuple(value.shape):
        message = (
            f"has shape {list(value.shape)}, the contract says {declared}; give that shape, or capture the model anew"
        )
        raise GraphError(Problem(Code.SHAPE, f"input {name!r}", message))
    if str(value.dtype) != f"torch.{declared.dtype}":
        message = f"has dtype {value.dtype}, the contract says {declared.dtype}; convert it"
        raise GraphError(Problem(Code.DTYPE, f"input {name!r}", message))
