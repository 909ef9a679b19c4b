"""What is drawn is valid: graphs verify and run, options are taken, recipes are read."""

import tomllib
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.options import Bytes, Share, option, structure, unstructure
from nadoo_core.passes import Context, LayerTable, Pass, Selector
from nadoo_core.passes.comparing import runs
from nadoo_core.recipe import read_recipe_text
from nadoo_core.registry import Registry
from nadoo_core.testing import graphs, options, recipe_text, recipes, sample_graphs
from nadoo_core.testing.context import made_inputs
from nadoo_core.testing.growing import GROWERS
from nadoo_graphs.graph import ModelGraph

REGISTRY = Registry.of()
PASSES = {name: REGISTRY.pass_class(name) for name in REGISTRY.names("passes")}


class Shade(Enum):
    """A choice."""

    DARK = "dark"
    LIGHT = "light"


@frozen(kw_only=True)
class Inner:
    """A table within the options."""

    count: int = option(default=1, minimum=1, maximum=3, help="a number")


@frozen(kw_only=True)
class Demanding(Pass):
    """Has an option of every kind, some of them without a default."""

    name = "demanding"
    flag: bool = option(help="yes or no")
    level: int = option(above=3, below=9, help="an integer")
    rate: float = option(above=0.0, maximum=1.0, help="a number")
    word: str = option(min_length=1, help="a text")
    shade: Shade = option(help="a member")
    mode: Literal["a", 2] = option(help="one of two")
    pair: tuple[int, str] = option(help="two things")
    several: tuple[float, ...] = option(min_length=1, max_length=2, help="some numbers")
    table: dict[str, int] = option(factory=dict, help="a table")
    inner: Inner = option(factory=Inner, help="options of its own")
    share: Share = option(default=0.5, help="a share")
    size: Bytes | None = option(default=None, help="a size")
    anything: Any = option(default=None, help="anything")
    layers: LayerTable[int] = option(default=LayerTable({"*": 1}), help="by layer")
    where: Selector = option(default=Selector(), help="where")

    def complaints(self) -> list[str]:
        return ["rate is half"] if self.rate == 0.5 else []

    def apply(self, graph: ModelGraph, context: Context) -> None:
        """Nothing is needed here."""


@given(graphs())
@settings(max_examples=50)
def test_a_drawn_graph_is_valid_and_runs(graph: ModelGraph) -> None:
    """Every drawn graph verifies, has no dead node, and gives outputs of the declared shapes."""
    graph.verify()
    assert graph.copy().remove_dead() == ()
    for batch in (1, 3):
        inputs = made_inputs(graph, 0, batch)
        assert runs(graph, inputs)
        outputs = graph.run(*inputs.values()).outputs
        declared = [graph.type(value).bound({"N": batch}).shape for value in graph.outputs]
        assert [tuple(item.shape) for item in outputs] == declared


@pytest.mark.parametrize("kind", GROWERS)
@given(data=st.data())
@settings(max_examples=10)
def test_graphs_of_one_kind_can_be_asked_for(kind: str, data: st.DataObject) -> None:
    data.draw(graphs(kinds=[kind])).verify()


def test_the_samples_are_valid_named_and_made_anew() -> None:
    first, second = sample_graphs(), sample_graphs()
    for name, graph in first.items():
        graph.verify()
        assert graph.name == name
        assert graph.copy().remove_dead() == ()
        assert graph.fingerprint() == second[name].fingerprint()
        assert graph is not second[name]


@given(options(Demanding))
def test_drawn_options_are_taken_and_return(made: Demanding) -> None:
    """Whatever is drawn for options of any kind is within their ranges and survives writing."""
    assert 3 < made.level < 9
    assert 0 < made.rate <= 1
    assert made.rate != 0.5
    assert 1 <= len(made.several) <= 2
    assert structure(Demanding, unstructure(made)) == made


@given(recipes(PASSES))
@settings(max_examples=30)
def test_a_drawn_recipe_is_written_as_toml_and_read_as_it_was_drawn(document: dict[str, Any]) -> None:
    assert tomllib.loads(recipe_text(document)) == document


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved graph in it, as drawn recipes name it."""
    home = tmp_path_factory.mktemp("recipes")
    sample_graphs()["network"].save(home / "graph")
    return home


@given(document=recipes({name: cls for name, cls in PASSES.items() if not cls.needs}))
@settings(max_examples=20)
def test_a_drawn_recipe_is_read(document: dict[str, Any], folder: Path) -> None:
    """A recipe of passes that need nothing is accepted, with the steps in their order."""
    recipe = read_recipe_text(recipe_text(document), folder=folder, registry=REGISTRY)
    assert [step.name for step in recipe.steps] == [step["name"] for step in document["step"]]
