"""check_pass finds what breaks only on some graphs or with some options, and calls nothing right that was not tried."""

from collections.abc import Iterable

import pytest
from attrs import frozen
from hypothesis import strategies

from nadoo_core.errors import OptionError
from nadoo_core.passes import Context, Exact, Pass, option
from nadoo_core.testing import LawError, check_pass
from nadoo_graphs.graph import ModelGraph


@frozen(kw_only=True)
class Idle(Pass):
    """Works on nodes that no sample has."""

    name = "idle"

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in graph.nodes(op="cumprod"):
            graph.bypass(node)


@frozen(kw_only=True)
class Offering(Idle):
    """The same, with a graph to be tried on."""

    name = "offering"

    @classmethod
    def example_graphs(cls) -> Iterable[ModelGraph]:
        graph = ModelGraph("products")
        graph.set_outputs([graph.add("cumprod", [graph.add_input("x", ("N", 3))])])
        return [graph]


@frozen(kw_only=True)
class WrongForSome(Pass):
    """Exact with its default, and not with a larger option."""

    name = "wrong-for-some"
    effect = Exact()
    level: int = option(default=0, minimum=0, maximum=8, help="from 5 on it is wrong")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in graph.nodes(op="relu"):
            graph.insert_after(node, "mul", other=1.0 if self.level < 5 else 2.0)


@frozen(kw_only=True)
class Unpleasable(Pass):
    """Refuses all options."""

    name = "unpleasable"
    level: int = option(minimum=0, help="never right")

    def complaints(self) -> list[str]:
        return ["no level is right"]

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Never reached."""


def test_a_pass_that_changed_no_graph_is_not_called_right() -> None:
    item = check_pass(Idle, examples=1)
    assert item.state == "not checked"
    assert not item.ok
    with pytest.raises(LawError, match="example_graphs"):
        item.require()


def test_a_pass_is_tried_on_the_graphs_that_it_offers() -> None:
    item = check_pass(Offering, examples=5)
    assert item.state == "holds", item.text()


def test_options_are_drawn_until_one_breaks_a_law_and_the_smallest_is_shown() -> None:
    item = check_pass(WrongForSome, examples=100)
    assert item.state == "broken"
    (problem,) = item.problems
    assert problem.startswith("effect kept")
    assert "level=5" in problem
    assert problem.count("relu") <= 3


def test_options_and_graphs_can_be_given() -> None:
    right = strategies.integers(0, 4).map(lambda level: WrongForSome(level=level))
    assert check_pass(WrongForSome, options=right, examples=20).ok


def test_a_pass_that_takes_no_options_at_all_is_broken() -> None:
    item = check_pass(Unpleasable, examples=5)
    assert item.state == "broken"
    with pytest.raises(OptionError):
        Unpleasable(level=1)
