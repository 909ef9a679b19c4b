"""The table: every name and alias, and every way to get one wrong."""

from collections.abc import Callable

import pytest
from attrs import evolve

from nadoo_graphs.errors import FormatError
from nadoo_graphs.formats import Format, FormatTable, standard_formats
from nadoo_graphs.formats.joint import JOINT_LEVELS

NAMES = {
    *("float64", "float32", "float16", "bfloat16", "bool"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64)),
    *("binary", "binarysym", "ternary", "ternary20", "2bitsym", "4bitsym", "5bitsym", "4bit", "8bit"),
    *("4bitoffset", "fp130", "fp130log", "fp130floor", "nf4", "nf4bitnetmcu"),
    *(f"dorefa{bits}" for bits in range(1, 9)),
    *(f"{sign}{levels}level" for sign in ("", "u") for levels in JOINT_LEVELS),
}


def own_format(name: str, *aliases: str) -> Format:
    """A format as a plugin would add it."""
    return evolve(standard_formats()["4bit"], name=name, aliases=aliases, summary="a plugin's own")


def test_the_standard_table_holds_every_format_once() -> None:
    table = standard_formats()
    assert set(table.names) == NAMES
    assert len(table) == len(NAMES) == len(list(table))
    assert standard_formats() is table


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("fp64", "float64"),
        ("double", "float64"),
        ("fp32", "float32"),
        ("fp16", "float16"),
        ("half", "float16"),
        ("bf16", "bfloat16"),
        ("Binary", "binary"),
        ("BinaryBalanced", "binary"),
        ("BinarySym", "binarysym"),
        ("Ternary", "ternary"),
        ("FP130", "fp130"),
        ("FP1.3.0", "fp130"),
        ("fp1.3.0", "fp130"),
        ("NF4", "nf4"),
        ("INT8", "int8"),
        ("4bit", "4bit"),
        ("8bit", "8bit"),
        ("23-level", "23level"),
    ],
)
def test_aliases_lead_to_the_canonical_name_in_any_case(alias: str, name: str) -> None:
    assert standard_formats()[alias].name == name
    assert alias in standard_formats()


@pytest.mark.parametrize(("first", "second"), [("4bit", "int4"), ("8bit", "int8"), ("binary", "int1")])
def test_formats_that_are_easily_confused_stay_apart(first: str, second: str) -> None:
    assert standard_formats()[first] != standard_formats()[second]


def test_an_unknown_name_is_refused_with_the_nearest_spelling_and_all_that_is_allowed() -> None:
    with pytest.raises(FormatError, match=r"format '4bitsim': .* did you mean '4bitsym' or") as caught:
        standard_formats()["4bitsim"]
    assert caught.value.codes == ("E07",)
    for name in standard_formats().names:
        assert name in str(caught.value)


def test_a_name_like_none_is_refused_without_a_guess() -> None:
    with pytest.raises(FormatError) as caught:
        standard_formats()["zzzzzz"]
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", [4, None, "posit8"])
def test_what_is_not_in_the_table_is_not_in_the_table(name: object) -> None:
    assert name not in standard_formats()


def test_more_formats_make_another_table() -> None:
    table = standard_formats().with_formats(own_format("posit8", "P8"))
    assert table["p8"].summary == "a plugin's own"
    assert table.names == (*standard_formats().names, "posit8")
    assert "posit8" not in standard_formats()


@pytest.mark.parametrize(
    "build",
    [
        lambda: standard_formats().with_formats(own_format("INT8")),
        lambda: standard_formats().with_formats(own_format("mine", "int8")),
        lambda: FormatTable((own_format("int8", "x"), own_format("y", "Int8"))),
    ],
)
def test_a_spelling_claimed_twice_is_refused_naming_both(build: Callable[[], FormatTable]) -> None:
    with pytest.raises(FormatError, match=r"format 'int8': both .* and .*'s own\) claim it"):
        build()


def test_all_collisions_are_reported_at_once() -> None:
    with pytest.raises(FormatError) as caught:
        standard_formats().with_formats(own_format("int8", "half"))
    assert caught.value.codes == ("E02", "E02")


def test_a_format_may_repeat_its_own_name_as_an_alias() -> None:
    assert standard_formats().with_formats(own_format("posit8", "POSIT8"))["Posit8"].name == "posit8"
