"""Options are read strictly: every problem at once, with its path, and nothing is converted on the sly."""

import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from attrs import frozen
from hypothesis import given, strategies

from nadoo_core.errors import OptionError
from nadoo_core.options import Bounds, Bytes, Seconds, Share, option, structure, structure_value, unstructure


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@frozen(kw_only=True)
class Inner:
    depth: int = option(default=1, minimum=0, help="how deep")
    label: str = option(default="", help="what it is called", max_length=5)


@frozen(kw_only=True)
class Everything:
    """One option of each kind."""

    count: int = option(minimum=1, maximum=8, help="how many")
    rate: float = option(default=0.1, above=0, help="how fast")
    flag: bool = option(default=False, help="whether")
    mode: Literal["mean", "median", 3] = option(default="mean", help="which")
    colour: Colour = option(default=Colour.RED, help="which colour")
    keep: Share = option(default=0.5, help="how much")
    flash: Bytes | None = option(default=None, help="budget")
    latency: Seconds | None = option(default=None, help="budget")
    pair: tuple[int, float] = option(default=(1, 2.0), help="two numbers")
    sizes: tuple[int, ...] = option(default=(), minimum=1, max_length=3, help="sizes")
    names: list[str] = option(factory=list, help="names")
    table: dict[str, int | Inner] = option(factory=dict, help="by layer")
    inner: Inner = option(factory=Inner, help="nested")
    path: Path | None = option(default=None, help="a file")
    except_: tuple[str, ...] = option(default=(), help="what Python cannot spell")


def refusals(mapping: Mapping[str, Any], cls: type = Everything) -> list[str]:
    with pytest.raises(OptionError) as caught:
        structure(cls, mapping, "step 'x'")
    return [str(problem) for problem in caught.value.problems]


def refusal(**options: Any) -> str:
    (only,) = refusals({"count": 1, **options})
    return only


def test_every_problem_is_named_at_once_with_its_path() -> None:
    found = refusals({
        "rate": True,
        "mode": "mediam",
        "colour": "blue",
        "pair": [1],
        "table": {"conv1": 2.7, "conv2": {"depth": -1, "dept": 2}},
        "epochs": 3,
    })  # fmt: skip
    assert found == [
        "N02 step 'x': the key 'epochs' is unknown; allowed: colour, count, except, flag, flash, inner, keep, latency, "
        "mode, names, pair, path, rate, sizes, table",
        "N03 step 'x': the key 'count' is missing; give an integer from 1 to 8",
        "N01 step 'x'.rate: is true; give a finite number above 0",
        "N01 step 'x'.mode: is 'mediam'; did you mean 'median' or 'mean'? Give one of 'mean', 'median', 3",
        "N01 step 'x'.colour: is 'blue'; give one of 'red', 'green'",
        "N01 step 'x'.pair: has 1 items; give exactly 2",
        "N01 step 'x'.table.conv1: is 2.7; give an integer",
        "N02 step 'x'.table.conv2: the key 'dept' is unknown; did you mean 'depth'?",
        "N01 step 'x'.table.conv2.depth: is -1; give an integer of at least 0",
    ]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, True), (int, 2.0), (int, "2"), (int, None), (float, True), (float, "1"), (float, math.nan),
        (float, math.inf), (float, -math.inf), (float, 2**53 + 1), (bool, 1), (bool, 0.0), (bool, "true"),
        (str, 1), (str, None), (int, 2**63), (int, -(2**63) - 1), (Path, ""), (Path, 1),
        (Literal[1], True), (Literal[1], 1.0), (Colour, "RED"), (tuple[int, ...], "12"), (tuple[int, ...], {"a": 1}),
        (tuple[int, int], [1, 2, 3]), (list[int], [1, "2"]), (dict[str, int], [1]), (dict[str, int], {1: 1}),
        (Inner, 3), (Inner, []), (int | None, "none"), (int | str, 1.5), (None, 0),
    ],
)  # fmt: skip
def test_nothing_is_converted(annotation: Any, value: Any) -> None:
    with pytest.raises(OptionError):
        structure_value(annotation, value, "x")


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (float, 1, 1.0), (float, -(2**53), -(2.0**53)), (int, 2**63 - 1, 2**63 - 1), (int | float, 1, 1),
        (float | int, 1, 1), (str | int, 3, 3), (bool | int, True, True), (int | None, None, None),
        (Path, "a/b", Path("a/b")), (Colour, "green", Colour.GREEN), (Literal["a", 2], 2, 2),
        (tuple[int, ...], [1, 2], (1, 2)), (list[int], (1, 2), [1, 2]), (dict[Literal["a"], int], {"a": 1}, {"a": 1}),
        (tuple[str, float], ["a", 1], ("a", 1.0)), (Any, {"deep": [1]}, {"deep": [1]}), (Inner, {}, Inner()),
    ],
)  # fmt: skip
def test_what_fits_is_taken(annotation: Any, value: Any, expected: Any) -> None:
    found = structure_value(annotation, value, "x")
    assert found == expected
    assert type(found) is type(expected)


def test_a_number_that_python_would_not_write_down_is_refused() -> None:
    with pytest.raises(OptionError, match="thousands of digits"):
        structure_value(int, 10**5000, "x")


def test_infinity_is_taken_where_an_option_allows_it() -> None:
    kind = Annotated[float, Bounds(minimum=0, allow_nonfinite=True)]
    assert structure_value(kind, math.inf, "x") == math.inf
    with pytest.raises(OptionError, match="give a number of at least 0"):
        structure_value(kind, -1, "x")


def test_bounds_reach_the_items_and_lengths_the_list() -> None:
    assert refusal(sizes=[1, 0]) == "N01 step 'x'.sizes[1]: is 0; give an integer of at least 1"
    assert refusal(sizes=[1, 2, 3, 4]) == "N01 step 'x'.sizes: has 4 items; give at most 3"
    assert refusal(inner={"label": "longer"}) == "N01 step 'x'.inner.label: has 6 characters; give at most 5"


def test_a_union_says_what_the_value_was_probably_meant_to_be() -> None:
    assert refusal(flash="64 KB").endswith("KB could be a thousand or 1024; write '64 KiB' (1024 B each)")
    assert refusal(table={"a": "b"}) == "N01 step 'x'.table.a: is 'b'; give an integer"


def test_a_key_that_python_cannot_spell_has_a_field_with_an_underscore() -> None:
    made = structure(Everything, {"count": 1, "except": ["head"]})
    assert made.except_ == ("head",)
    assert unstructure(made)["except"] == ["head"]


@frozen(kw_only=True)
class Ordered:
    low: int = option(default=0, help="from")
    high: int = option(default=1, help="to")

    def complaints(self) -> Iterable[str]:
        if self.low > self.high:
            yield f"low is {self.low} and high {self.high}; exchange them"


def test_rules_over_several_fields_are_asked_once_each_is_fine() -> None:
    assert refusals({"low": 3}, Ordered) == ["N01 step 'x': low is 3 and high 1; exchange them"]
    assert refusals({"low": "3"}, Ordered) == ["N01 step 'x'.low: is '3'; give an integer"]


@frozen(kw_only=True)
class Strange:
    thing: complex = option(default=1j, help="no kind of option")


def test_an_annotation_that_no_recipe_could_write_is_the_authors_mistake() -> None:
    with pytest.raises(TypeError, match="complex"):
        structure(Strange, {"thing": 1})


everything = strategies.fixed_dictionaries(
    {"count": strategies.integers(1, 8)},
    optional={
        "rate": strategies.floats(1e-9, 1e9),
        "flag": strategies.booleans(),
        "mode": strategies.sampled_from(["mean", "median", 3]),
        "colour": strategies.sampled_from(["red", "green"]),
        "keep": strategies.floats(0, 1) | strategies.integers(0, 100).map(lambda share: f"{share} %"),
        "flash": strategies.integers(0, 2**40) | strategies.integers(0, 99).map(lambda size: f"{size} KiB"),
        "latency": strategies.floats(0, 10) | strategies.just("2.5 ms"),
        "sizes": strategies.lists(strategies.integers(1, 9), max_size=3),
        "table": strategies.dictionaries(strategies.text(), strategies.integers(-5, 5) | strategies.just({"depth": 2})),
        "inner": strategies.just({"depth": 3}),
        "path": strategies.just("models/a.pt"),
        "except": strategies.lists(strategies.text(max_size=5)),
    },
)


@given(everything)
def test_options_that_are_written_and_read_again_are_the_same(mapping: dict[str, Any]) -> None:
    """structure(unstructure(options)) == options."""
    made = structure(Everything, mapping)
    assert structure(Everything, unstructure(made)) == made


scalars = strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text()
values = strategies.recursive(
    scalars, lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner), max_leaves=8
)
keys = strategies.sampled_from(["count", "rate", "mode", "pair", "sizes", "table", "inner", "path", "flash", "except"])


@given(strategies.dictionaries(keys | strategies.text(), values))
def test_whatever_is_given_is_taken_or_refused_with_a_declared_error(mapping: dict[str, Any]) -> None:
    """Reading any table gives an instance or an OptionError, never anything else."""
    try:
        found: Any = structure(Everything, mapping)
    except OptionError as error:
        found = error
    assert isinstance(found, Everything) or all(0 < len(str(problem)) < 2000 for problem in found.problems)
