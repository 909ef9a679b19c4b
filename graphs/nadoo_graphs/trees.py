"""Nested arguments and results: between Python containers, our `Structure` and torch's tree specifications.

A structure can be saved and compared, which torch's own specification cannot be without running code of others.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import torch

from nadoo_graphs.contract import Kind, Structure
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.torch_private import pytree

PLAIN: dict[Any, Kind] = {tuple: "tuple", list: "list", dict: "dict", OrderedDict: "ordered_dict"}


def structure_of(tree: Any) -> Structure:
    """How a Python object nests; tensors are leaves, anything else at the ends is a constant."""
    spec = pytree.tree_structure(tree)
    return structure_from(spec, iter(pytree.tree_leaves(tree)))


def structure_from(spec: Any, leaves: Iterator[Any]) -> Structure:
    """The structure that a tree specification and its leaves describe."""
    if spec.is_leaf():
        leaf = next(leaves)
        return Structure() if isinstance(leaf, torch.Tensor) else constant(leaf)
    children = tuple(structure_from(child, leaves) for child in spec.children())
    kind: Kind | None = PLAIN.get(spec.type)
    if kind in {"dict", "ordered_dict"}:
        return Structure(kind, children, keys=tuple(spec.context))
    if kind is not None:
        return Structure(kind, children)
    made: Any = spec.context if isinstance(spec.context, type) else spec.type
    if pytree.is_namedtuple_class(made):
        return Structure("named_tuple", children, keys=tuple(made._fields), type_name=made.__name__, custom=made)
    return Structure("custom", children, type_name=spec.type.__name__, custom=(spec.type, spec.context))


def constant(value: Any) -> Structure:
    """A leaf that is no tensor; only plain values can be part of a contract."""
    if value is None or isinstance(value, bool | int | float | str):
        return Structure("constant", constant=value)
    message = f"a {type(value).__name__} is neither a tensor nor a plain value; pass tensors, numbers, texts or None"
    raise GraphError(Problem(Code.CAPTURE, "arguments", message))


def build(structure: Structure, leaves: Iterator[Any]) -> Any:
    """The Python object of a structure with these leaves; constants come from the structure."""
    if structure.kind == "leaf":
        return next(leaves)
    if structure.kind == "constant":
        return structure.constant
    children = [build(child, leaves) for child in structure.children]
    return assemble(structure, children)


def assemble(structure: Structure, children: list[Any]) -> Any:
    """One container from its parts."""
    if structure.kind == "tuple":
        return tuple(children)
    if structure.kind == "list":
        return children
    if structure.kind in {"dict", "ordered_dict"}:
        pairs = zip(structure.keys, children, strict=True)
        return dict(pairs) if structure.kind == "dict" else OrderedDict(pairs)
    if structure.kind == "named_tuple":
        return named_tuple_type(structure)(*children)
    made, context = structure.custom  # type: ignore[misc]
    return pytree.SUPPORTED_NODES[made].unflatten_fn(children, context)


def named_tuple_type(structure: Structure) -> Any:
    """The user's own type while it is known, else one of the same name and fields."""
    if isinstance(structure.custom, type):
        return structure.custom
    fields = [(str(key), Any) for key in structure.keys]
    return NamedTuple(structure.type_name, fields)  # pyright: ignore[reportReturnType, reportUnknownVariableType, reportArgumentType]


def tree_spec(structure: Structure) -> Any:
    """Torch's specification of a structure, for generated modules."""
    dummy = torch.empty(0)
    return pytree.tree_structure(build(structure, iter([dummy] * structure.leaves())))


def flatten(structure: Structure, tree: Any, where: str) -> list[torch.Tensor]:
    """The tensors of arguments that must nest as the structure says; a difference is named."""
    if structure.kind == "leaf":
        return [as_tensor(tree, where)]
    if structure.kind == "constant":
        if tree is not structure.constant and tree != structure.constant:
            message = (
                f"was {structure.constant!r} when the model was captured and is {tree!r} now; capture it anew with that"
            )
            raise GraphError(Problem(Code.SCHEMA, where, message))
        return []
    parts = children_of(structure, tree, where)
    pairs = zip(structure.children, parts, strict=True)
    return [leaf for index, (child, part) in enumerate(pairs) for leaf in flatten(child, part, f"{where}[{index}]")]


def as_tensor(value: Any, where: str) -> torch.Tensor:
    """A leaf, or a refusal that says what stands in its place."""
    if isinstance(value, torch.Tensor):
        return value
    raise GraphError(Problem(Code.SCHEMA, where, f"a tensor is expected, not {type(value).__name__}"))


def children_of(structure: Structure, tree: Any, where: str) -> Sequence[Any]:
    """The parts of a container, in the structure's order."""
    if structure.kind in {"dict", "ordered_dict"}:
        kind = type(tree).__name__
        given = cast("dict[Any, Any]", tree) if isinstance(tree, dict) else None
        if given is None or set(given) != set(structure.keys):
            found = kind if given is None else sorted(map(str, given))
            message = f"a dict with keys {list(structure.keys)} is expected, not {found}"
            raise GraphError(Problem(Code.SCHEMA, where, message))
        return [given[key] for key in structure.keys]
    parts = pytree.tree_flatten(tree, is_leaf=lambda item: item is not tree)[0]
    if len(parts) != len(structure.children):
        message = f"{len(structure.children)} values are expected ({structure.kind}), {len(parts)} were given"
        raise GraphError(Problem(Code.SCHEMA, where, message))
    return parts
