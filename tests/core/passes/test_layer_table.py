"""Tables of values by layer: the most specific glob wins, and one that fits nothing is named."""

from typing import Any, Literal

import pytest
from attrs import frozen

from nadoo_core.errors import OptionError
from nadoo_core.options import json_schema, option, structure, structure_value, unstructure
from nadoo_core.passes import LayerTable
from tests.core.passes.small import small_graph


@frozen(kw_only=True)
class Holder:
    bits: LayerTable[Literal["int4", "int8"]] = option(default=LayerTable({"*": "int8"}), help="by layer")


def test_one_value_is_for_every_layer() -> None:
    table = structure(Holder, {"bits": "int4"}).bits
    assert table.value("anything") == "int4"
    assert unstructure(table) == "int4"


def test_the_most_specific_glob_wins_wherever_it_stands() -> None:
    table = LayerTable({"layer1.conv": 1, "layer1.*": 2, "*": 3, "layer?.*": 4})
    names = ("layer1.conv", "layer1.norm", "layer2.conv", "head")
    assert [table.value(name) for name in names] == [1, 2, 4, 3]


def test_of_equally_specific_globs_the_last_wins() -> None:
    assert LayerTable({"a*": 1, "*a": 2}).value("aa") == 2


def test_a_layer_that_no_glob_fits_has_the_default() -> None:
    assert LayerTable({"a": 1}).value("b") is None
    assert LayerTable({"a": 1}).value("b", 7) == 7


def test_a_glob_that_fits_no_node_is_named() -> None:
    problems = LayerTable({"fc*": 1, "fcc1": 2}).problems(small_graph(), "bits")
    (problem,) = problems
    assert problem.message.startswith("'fcc1' fits no node; did you mean 'fc1'")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "is an empty table; give at least one glob"),
        ({"a.*": "int5"}, r"bits\['a.\*'\]: is 'int5'; did you mean 'int8' or 'int4'"),
        ("int5", "bits: is 'int5'; did you mean"),
        (4, "bits: is 4; give one of 'int4', 'int8'"),
    ],
)
def test_a_malformed_table_is_refused(value: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        structure(Holder, {"bits": value})


def test_a_table_that_is_written_and_read_again_is_the_same() -> None:
    for value in ("int4", {"a": "int4", "b.*": "int8"}):
        table = structure_value(LayerTable[str], value, "x")
        assert structure_value(LayerTable[str], unstructure(table), "x") == table


def test_the_schema_offers_both_forms() -> None:
    one, table = json_schema(Holder)["properties"]["bits"]["anyOf"]
    assert table["additionalProperties"] == one == {"enum": ["int4", "int8"]}
