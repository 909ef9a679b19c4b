"""The text of a document: canonical, strict and exact."""

import json
import struct

import pytest
from hypothesis import given, strategies

from nadoo_graphs.plan.text import text_of

finite = strategies.floats(allow_nan=False, allow_infinity=False)
scalars = strategies.none() | strategies.booleans() | strategies.integers() | finite | strategies.text()
documents = strategies.recursive(
    scalars,
    lambda inner: strategies.lists(inner, max_size=5) | strategies.dictionaries(strategies.text(), inner, max_size=5),
    max_leaves=40,
)


@given(document=documents)
def test_a_document_survives_its_text(document: object) -> None:
    """Law: the text means what was written, with integers and floats told apart, in one way only."""
    text = text_of(document)
    read = json.loads(text)
    assert read == document
    assert text_of(read) == text
    assert repr(read) == repr(document)


@given(value=finite)
def test_floats_have_seventeen_digits_and_keep_every_bit(value: float) -> None:
    text = text_of(value).decode().strip()
    assert struct.pack("d", json.loads(text)) == struct.pack("d", value)
    digits = text.removesuffix(".0").lstrip("-").split("e")[0].replace(".", "")
    assert len(digits.lstrip("0")) <= 17


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.10000000000000001"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e22, "1e+22"),
        (0.5, "0.5"),
        (3, "3"),
        ("é", '"é"'),
        ([1, [2.0, None]], "[1, [2.0, null]]"),
        ({"b": 1, "a": {}}, '{"b": 1, "a": {}}'),
    ],
)
def test_texts_are_short_and_keep_their_order(value: object, text: str) -> None:
    assert text_of(value) == f"{text}\n".encode()


def test_long_parts_stand_on_lines_of_their_own() -> None:
    lines = text_of({"key": ["x" * 50, "y" * 70]}).decode().splitlines()
    assert [line.strip()[:6] for line in lines] == ["{", '"key":', '"xxxxx', '"yyyyy', "]", "}"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_no_number_for_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a JSON number"):
        text_of([value])
