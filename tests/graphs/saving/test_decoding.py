"""What `encoding` writes, `decoding` reads back; anything else is a problem with a path."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, strategies

from nadoo_graphs.contract import Structure
from nadoo_graphs.decoding import decode_attribute, decode_structure, decode_type
from nadoo_graphs.encoding import canonical, encode_attribute, encode_structure, encode_type
from nadoo_graphs.errors import Problem
from nadoo_graphs.parts import Part, shown
from nadoo_graphs.sizes import symbol
from nadoo_graphs.values import ELEMENT_BITS, ValueType

N, T = symbol("N"), symbol("T")
SIZES = (0, 1, 7, N, 2 * N + 1, N * T, (N + 1) // 2, N * N - 3)

numbers = strategies.integers(-(2**63), 2**64 - 1) | strategies.floats(allow_nan=False)
scalars = (
    strategies.none() | strategies.booleans() | numbers | strategies.text(max_size=20) | strategies.sampled_from(SIZES)
)
attributes = strategies.recursive(scalars, lambda inner: strategies.lists(inner, max_size=4).map(tuple), max_leaves=12)
shapes = strategies.lists(strategies.sampled_from(SIZES), max_size=5).map(tuple)
types = strategies.builds(
    ValueType, shapes, strategies.sampled_from(tuple(ELEMENT_BITS)), strategies.sampled_from([None, "int4"])
)
constants = strategies.none() | strategies.booleans() | numbers | strategies.text(max_size=9)
ends = strategies.just(Structure()) | strategies.builds(Structure, strategies.just("constant"), constant=constants)


def containers(inner: strategies.SearchStrategy[Structure]) -> strategies.SearchStrategy[Structure]:
    """Structures that hold others."""
    several = strategies.lists(inner, max_size=3).map(tuple)
    rows = strategies.sampled_from(["tuple", "list"])
    keys = strategies.dictionaries(strategies.text(max_size=5) | strategies.integers(-9, 9), inner, max_size=3)
    keyed = keys.map(lambda items: Structure("dict", tuple(items.values()), tuple(items)))
    return strategies.builds(Structure, rows, several) | keyed


structures = strategies.recursive(ends, containers, max_leaves=8)


def through_json(encoded: Any) -> tuple[Part, list[Problem]]:
    """A part as a loader sees it."""
    problems: list[Problem] = []
    return Part(json.loads(canonical(encoded)), problems, "here"), problems


@given(value=attributes)
def test_every_attribute_survives(value: Any) -> None:
    """Law: decode(encode(v)) is v, with the types of its numbers."""
    part, problems = through_json(encode_attribute(value))
    found = decode_attribute(part)
    assert problems == []
    assert repr(found) == repr(value)


@given(value=types)
def test_every_type_survives(value: ValueType) -> None:
    """Law: decode(encode(t)) is t."""
    part, problems = through_json(encode_type(value))
    assert decode_type(part) == value
    assert problems == []


@given(value=structures)
def test_every_structure_survives(value: Structure) -> None:
    """Law: decode(encode(s)) is s."""
    part, problems = through_json(encode_structure(value))
    assert decode_structure(part) == value
    assert problems == []


def test_nan_survives() -> None:
    part, problems = through_json(encode_attribute(math.nan))
    assert math.isnan(decode_attribute(part))  # type: ignore[arg-type]
    assert problems == []


json_values = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False)
    | strategies.text(),
    lambda inner: (
        strategies.lists(inner) | strategies.dictionaries(strategies.sampled_from(["shape", "dtype", "size"]), inner)
    ),
)


@given(value=json_values)
def test_any_value_gives_a_type_or_a_problem(value: Any) -> None:
    """Law: a reader never raises, and says at least one thing about what it did not expect."""
    problems: list[Problem] = []
    found = decode_type(Part(value, problems, "here"))
    assert isinstance(found, ValueType)
    assert problems or encode_type(found) == value


def test_a_problem_stands_at_its_path() -> None:
    problems: list[Problem] = []
    root = Part({"a list": [{"flag": 1}]}, problems, "file")
    root.members()["a list"].items()[0].fields(("flag",))["flag"].flag()
    assert [str(problem) for problem in problems] == ["E01 file['a list'][0].flag: must be true or false, not 1"]


def test_a_missing_key_is_told_once() -> None:
    problems: list[Problem] = []
    fields = Part({}, problems, "file").fields(("name",))
    assert fields["name"].text() == ""
    assert [problem.message for problem in problems] == ["key 'name' is missing; add it"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        ({}, "an object"),
        ([1], "an array"),
        (10**400, "a number of 1329 bits"),
        ("a" * 99, f"'{'a' * 60}'…"),
        (7, "7"),
    ],
)
def test_a_value_is_shown_briefly(value: Any, expected: str) -> None:
    assert shown(value) == expected
