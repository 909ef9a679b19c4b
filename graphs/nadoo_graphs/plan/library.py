"""The layer library: which name of a plan is which row, and how PyTorch's parameters relate to its attributes.

A layer is called by the alias of its row, or by the row's own name where it has none. A parameter that follows from
the weights, such as `in_features`, is written for readers and held against the weights when it is read.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.node import INPUT, OUTPUT, TENSOR, Attribute
from nadoo_graphs.ops import Op, OpTable
from nadoo_graphs.ops.op import Required
from nadoo_graphs.ops.structure import OPAQUE
from nadoo_graphs.plan.fields import EXTENSION
from nadoo_graphs.sizes import Size
from nadoo_graphs.values import ValueType

Weights: TypeAlias = Mapping[str, ValueType]
Attributes: TypeAlias = Mapping[str, Attribute]
Derived: TypeAlias = dict[str, Attribute]
NOT_LAYERS = (INPUT, OUTPUT, TENSOR, OPAQUE)
PADDING_MODE = "padding_mode"
LISTS = ("ints", "sizes", "floats", "bools")

RECURRENT = MappingProxyType({"has_biases": "bias", "layers": "num_layers"})
RENAMED: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "lstm": RECURRENT,
    "gru": RECURRENT,
    "rnn_tanh": RECURRENT,
    "rnn_relu": RECURRENT,
    "sdpa": MappingProxyType({"dropout": "dropout_p", "causal": "is_causal", "gqa": "enable_gqa"}),
    "upsample": MappingProxyType({"sizes": "size", "scales": "scale_factor"}),
})  # fmt: skip
"""Attributes that PyTorch calls otherwise."""


def layer_rows(ops: OpTable) -> dict[str, Op]:
    """Every row that can be a layer, by its aliases and by its own name."""
    rows = [row for row in ops if row.name not in NOT_LAYERS]
    own = {row.name: row for row in rows}
    return {**own, **{alias: row for row in rows for alias in row.aliases}}


def layer_name(row: Op) -> str:
    """The name under which a row is written."""
    return row.aliases[0] if row.aliases else row.name


def linear(weights: Weights, attributes: Attributes) -> Derived:
    """The sizes of [out, in]."""
    rows, columns = weights["weight"].shape
    return {"in_features": columns, "out_features": rows}


def convolution(weights: Weights, attributes: Attributes) -> Derived:
    """The sizes of [out, in / groups, *kernel]."""
    rows, columns, *kernel = weights["weight"].shape
    return convolved(columns * groups_of(attributes), rows, kernel)


def transposed(weights: Weights, attributes: Attributes) -> Derived:
    """The sizes of [in, out / groups, *kernel]."""
    rows, columns, *kernel = weights["weight"].shape
    return convolved(rows, columns * groups_of(attributes), kernel)


def convolved(inputs: Attribute, outputs: Attribute, kernel: Sequence[Size]) -> Derived:
    """What PyTorch calls these sizes; a padding other than with zeros is a layer of its own."""
    sizes: Derived = {"in_channels": inputs, "out_channels": outputs, "kernel_size": tuple(kernel)}
    return {**sizes, PADDING_MODE: "zeros"}


def groups_of(attributes: Attributes) -> int:
    """The groups of a convolution."""
    groups = attributes["groups"]
    return groups if isinstance(groups, int) else 1


def first_axis(name: str, *roles: str) -> Callable[[Weights, Attributes], Derived]:
    """A size that the first of these tensors begins with, where there is one."""

    def sizes(weights: Weights, attributes: Attributes) -> Derived:
        given = [weights[role].shape[0] for role in roles if role in weights]
        return {name: given[0]} if given else {}

    return sizes


def embedding(weights: Weights, attributes: Attributes) -> Derived:
    """The sizes of the table."""
    rows, columns = weights["weight"].shape
    return {"num_embeddings": rows, "embedding_dim": columns}


def recurrent(gates: int) -> Callable[[Weights, Attributes], Derived]:
    """The sizes of the first layer."""

    def sizes(weights: Weights, attributes: Attributes) -> Derived:
        rows, columns = weights["weight_ih_l0"].shape
        return {"input_size": columns, "hidden_size": rows // gates}

    return sizes


AXES = (1, 2, 3)
DERIVED: Mapping[str, tuple[tuple[str, ...], Callable[[Weights, Attributes], Derived]]] = MappingProxyType({
    "linear": (("in_features", "out_features"), linear),
    **{f"conv{axes}d": (("in_channels", "out_channels", "kernel_size", PADDING_MODE), convolution) for axes in AXES},
    **{
        f"conv_transpose{axes}d": (("in_channels", "out_channels", "kernel_size", PADDING_MODE), transposed)
        for axes in AXES
    },
    "batch_norm": (("num_features",), first_axis("num_features", "weight", "running_mean")),
    "instance_norm": (("num_features",), first_axis("num_features", "weight", "running_mean")),
    "group_norm": (("num_channels",), first_axis("num_channels", "weight")),
    "prelu": (("num_parameters",), first_axis("num_parameters", "weight")),
    "embedding": (("num_embeddings", "embedding_dim"), embedding),
    "lstm": (("input_size", "hidden_size"), recurrent(4)),
    "gru": (("input_size", "hidden_size"), recurrent(3)),
    "rnn_tanh": (("input_size", "hidden_size"), recurrent(1)),
    "rnn_relu": (("input_size", "hidden_size"), recurrent(1)),
})  # fmt: skip
"""By row: the parameters that follow from the weights, and how."""


def derived(row: Op, weights: Weights, attributes: Attributes) -> Derived:
    """The parameters that follow from the weights; none where the weights do not have the layer's form."""
    if row.name not in DERIVED:
        return {}
    try:
        return DERIVED[row.name][1](weights, attributes)
    except (KeyError, ValueError, IndexError):
        return {}


def params_of(row: Op, attributes: Attributes, weights: Weights) -> Derived:
    """The parameters of a layer as PyTorch calls them."""
    names = RENAMED.get(row.name, {})
    return {**derived(row, weights, attributes), **{names.get(name, name): attributes[name] for name in attributes}}


def attributes_of(
    where: str, row: Op, layer: str, params: Attributes, weights: Weights
) -> tuple[dict[str, Attribute], list[Problem]]:
    """The attributes of a layer's row, and what is wrong with the parameters."""
    follow = DERIVED[row.name][0] if row.name in DERIVED else ()
    names = {theirs: ours for ours, theirs in RENAMED.get(row.name, {}).items()}
    given = {
        names.get(name, name): value
        for name, value in params.items()
        if name not in follow and not name.startswith(EXTENSION)
    }
    attributes = row.complete({name: spread(row, layer, name, value) for name, value in given.items()})
    expected = derived(row, weights, attributes)
    problems = [
        disagreement(where, name, params[name], expected[name])
        for name in follow
        if name in params and name in expected and spread_to(expected[name], params[name]) != expected[name]
    ]
    return attributes, problems


def disagreement(where: str, name: str, given: Attribute, expected: Attribute) -> Problem:
    """What is said of a parameter that is not what the weights say, or that no layer of this name has."""
    if name == PADDING_MODE:
        message = f"{name} is {given!r}; the layer pads with {expected!r} only, put a Pad before it"
        return Problem(Code.UNKNOWN, where, message)
    return Problem(Code.SHAPE, where, f"{name} is {given!r}, but the weights say {expected!r}; make them agree")


def spread(row: Op, layer: str, name: str, value: Attribute) -> Attribute:
    """A parameter as the row wants it: PyTorch takes one number for all axes, and None for a default."""
    known = row.known.get(name)
    if known is None:
        return value
    if value is None and not known.optional and not isinstance(known.default, Required):
        return known.default
    lists = known.kind in LISTS or isinstance(known.default, tuple)
    if not lists or isinstance(value, tuple | str | bool) or value is None:
        return value
    axes = int(layer[-2]) if layer[-2:-1].isdigit() and layer.endswith("d") else 1
    return (value,) * axes


def spread_to(expected: Attribute, value: Attribute) -> Attribute:
    """One number in the place of as many as are expected."""
    if isinstance(expected, tuple) and not isinstance(value, tuple):
        return (value,) * len(expected)
    return value
