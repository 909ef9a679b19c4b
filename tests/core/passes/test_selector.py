"""Selectors say which nodes, in short and in long, and what is wrong when that is none."""

from typing import Any

import pytest
from attrs import frozen
from hypothesis import given, strategies

from nadoo_core.errors import OptionError
from nadoo_core.options import json_schema, option, structure, structure_value, unstructure
from nadoo_core.passes import Selector
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Origin
from tests.core.passes.small import small_graph


@frozen(kw_only=True)
class Holder:
    where: Selector = option(default=Selector(op="linear"), help="which")


def chosen(value: Any) -> list[str]:
    return [node.name for node in structure(Holder, {"where": value}).where.matches(small_graph())]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("fc*", ["fc0", "fc1", "fc2"]), (["fc0", "fc2"], ["fc0", "fc2"]), ("first", ["fc0"]), ("last", ["fc2"]),
        ({"exclude": "fc1"}, ["fc0", "fc2"]), ({"exclude": ["fc1", "fc2"]}, ["fc0"]),
        ({"op": "relu"}, ["relu0", "relu1"]), ({"max_parameters": 30}, ["fc2"]), ("relu*", []),
        ({"op": "*", "name": "*0"}, ["fc0", "relu0"]), ({"op": ["relu", "linear"], "take": "last"}, ["fc2"]),
        ({"min_parameters": 50}, ["fc1"]), ({}, ["fc0", "fc1", "fc2"]),
    ],
)  # fmt: skip
def test_a_selector_takes_what_fits_in_order_of_execution(value: Any, names: list[str]) -> None:
    assert chosen(value) == names


def test_what_is_left_open_is_as_the_pass_has_it() -> None:
    assert structure(Holder, {"where": "a"}).where == Selector(op="linear", name="a")
    assert structure(Holder, {"where": {"op": "relu"}}).where == Selector(op="relu")


def test_modules_are_selected_by_type() -> None:
    graph = ModelGraph()
    value = graph.add_input("x", ("N", 2))
    value = graph.add("relu", [value], name="a", origin=Origin("block", "torchvision.models.resnet.BasicBlock"))
    graph.set_outputs([graph.add("relu", [value], name="b")])
    assert [node.name for node in Selector(module="BasicBlock").matches(graph)] == ["a"]
    assert [node.name for node in Selector(module="torchvision.*").matches(graph)] == ["a"]
    (problem,) = Selector(module="BasicBlok").problems(graph, "where")
    assert problem.message == "'BasicBlok' fits no node; did you mean 'BasicBlock'?"


def test_the_border_and_opaque_nodes_are_never_selected() -> None:
    graph = ModelGraph()
    value = graph.add_input("x", (2,))
    value = graph.add("opaque", [value], name="sorted", target="aten.erf.default", signature=("float32[2]",))
    held = graph.add("tensor", name="held", tensors={"value": small_graph().tensor("fc2.bias")})
    graph.set_outputs([held])
    assert Selector(op="*").matches(graph) == ()
    assert Selector(op="opaque").matches(graph) == ()
    assert [node.name for node in Selector(op="tensor").matches(graph)] == ["held"]


@pytest.mark.parametrize(
    ("selector", "place", "message"),
    [
        (Selector(op="liner"), "where.op", "'liner' fits no node; did you mean 'linear'?"),
        (Selector(name="fcc0"), "where.name", "'fcc0' fits no node; did you mean 'fc0'"),
        (Selector(op="linear", exclude="head"), "where.exclude", "'head' fits no node; allowed: fc0, fc1"),
        (
            Selector(op="conv2d"),
            "where",
            "fits no node of 'small' (op = ['conv2d']); the graph has the operators linear",
        ),
        (Selector(min_parameters=10**6), "where", "min_parameters = 1000000"),
    ],
)
def test_what_fits_nothing_is_named_with_what_would(selector: Selector, place: str, message: str) -> None:
    (problem,) = selector.problems(small_graph(), "where")
    assert problem.where == place
    assert message in problem.message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "is 3; give a glob of node names, a list of them, 'first', 'last' or a table"),
        ([1], r"where.name\[0\]: is 1; give a text"),
        ({"ops": "linear"}, "the key 'ops' is unknown; did you mean 'op'"),
        ({"take": "fist"}, "is 'fist'; did you mean 'first'"),
        ({"min_parameters": -1}, "is -1; give nothing or an integer of at least 0|give an integer of at least 0"),
    ],
)
def test_a_malformed_selector_is_refused(value: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        structure(Holder, {"where": value})


globs = strategies.sampled_from(["fc*", "relu0", "*", "fc[12]", "nothing"])
selectors = strategies.builds(
    Selector,
    op=strategies.sampled_from([(), "linear", ("relu", "linear"), "*"]),
    name=strategies.lists(globs, max_size=2),
    exclude=strategies.lists(globs, max_size=2),
    min_parameters=strategies.none() | strategies.integers(0, 80),
    max_parameters=strategies.none() | strategies.integers(0, 80),
    take=strategies.sampled_from(["all", "first", "last"]),
)


@given(selectors)
def test_a_selector_that_is_written_and_read_again_is_the_same(selector: Selector) -> None:
    """read(write(selector)) == selector."""
    assert structure_value(Selector, unstructure(selector), "where") == selector


@given(selectors)
def test_first_and_last_are_the_ends_of_all(selector: Selector) -> None:
    """take = "first" gives the first of all that fit, "last" the last."""
    graph = small_graph()
    parts = {key: value for key, value in unstructure(selector).items() if key != "take"}
    found = {
        take: structure_value(Selector, {**parts, "take": take}, "x").matches(graph)
        for take in ("all", "first", "last")
    }
    assert found["first"] == found["all"][:1]
    assert found["last"] == found["all"][-1:]


@given(selectors)
def test_a_selector_complains_whenever_it_fits_nothing(selector: Selector) -> None:
    """No match implies a problem."""
    graph = small_graph()
    assert selector.matches(graph) or selector.problems(graph, "where")


def test_the_schema_offers_every_form() -> None:
    forms = json_schema(Holder)["properties"]["where"]["anyOf"]
    assert [form["type"] for form in forms] == ["string", "array", "object"]
    assert set(forms[2]["properties"]) >= {"op", "name", "module", "exclude", "take"}
