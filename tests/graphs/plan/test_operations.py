"""Which nodes are written with a sign: those of which the sign says exactly what they compute."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.plan.operations import sign_of
from nadoo_graphs.values import Value

Make: TypeAlias = Callable[[ModelGraph, Value, Value], Value]

WRITTEN: dict[str, tuple[str, float | None, Make]] = {
    "sum": ("+", None, lambda g, x, y: g.add("add", [x, y])),
    "sum with a number": ("+", 2.5, lambda g, x, y: g.add("add", [x], other=2.5)),
    "sum with a whole number": ("+", 2, lambda g, x, y: g.add("add", [x], other=2)),
    "difference": ("-", None, lambda g, x, y: g.add("sub", [x, y])),
    "negation": ("neg", None, lambda g, x, y: g.add("neg", [x])),
    "product": (".*", None, lambda g, x, y: g.add("mul", [x, y])),
    "matrix product": ("*", None, lambda g, x, y: g.add("matmul", [x, y])),
    "quotient": ("./", None, lambda g, x, y: g.add("div", [x, y])),
    "remainder": ("%", None, lambda g, x, y: g.add("remainder", [x, y])),
    "power": ("^", 3, lambda g, x, y: g.add("power", [x], other=3)),
}
AS_LAYERS: dict[str, Make] = {
    "a scaled difference": lambda g, x, y: g.add("sub", [x, y], alpha=2),
    "a number on the left": lambda g, x, y: g.add("sub", [x], other=1, reversed=True),
    "a rounded quotient": lambda g, x, y: g.add("div", [x, y], rounding_mode="floor"),
    "a quotient of integers": lambda g, x, y: g.add("div", [g.add_input("i", (4, 4), "int32")], other=2),
    "a power of values": lambda g, x, y: g.add("power", [x, y]),
    "a power of a number": lambda g, x, y: g.add("power", [x], other=2, reversed=True),
    "two datatypes": lambda g, x, y: g.add("add", [x, g.add_input("d", (4, 4), "float64")]),
    "small integers": lambda g, x, y: g.add("mul", [g.add_input("s", (4, 4), "int8")], other=2),
    "truth values": lambda g, x, y: g.add("add", [x], other=True),
    "an integer and a float": lambda g, x, y: g.add("add", [g.add_input("i", (4, 4), "int64")], other=0.5),
    "a product of vectors": lambda g, x, y: g.add("matmul", [x, g.add_input("v", (4,))]),
    "an infinity": lambda g, x, y: g.add("mul", [x], other=float("inf")),
    "another row": lambda g, x, y: g.add("maximum", [x, y]),
}


def sign(make: Make) -> tuple[str, int | float | None] | None:
    graph = ModelGraph("one")
    node = graph[make(graph, graph.add_input("x", (4, 4)), graph.add_input("y", (4, 4))).node]
    return sign_of(node, graph.ops[node.op], [graph.type(value) for value in graph.operands(node)])


@pytest.mark.parametrize("name", WRITTEN)
def test_arithmetic_is_written_with_its_sign(name: str) -> None:
    expected, number, make = WRITTEN[name]
    found = sign(make)
    assert found == (expected, number)
    assert type(found[1]) is type(number)


@pytest.mark.parametrize("name", AS_LAYERS)
def test_what_a_sign_does_not_say_is_a_layer(name: str) -> None:
    assert sign(AS_LAYERS[name]) is None
