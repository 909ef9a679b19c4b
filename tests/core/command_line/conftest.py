"""Small graphs, recipes and plugins that the commands are tried with; each call has a folder of its own."""

from pathlib import Path

import pytest
import torch

from nadoo_graphs.graph import ModelGraph

RECIPE = """
name = "tiny"

[model]
file = "graph"

[[step]]
pass = "merge-linear"
"""

DOUBLING = '''
from attrs import frozen
from nadoo_core.passes import Context, Pass, Selector, option
from nadoo_graphs.graph import ModelGraph

@frozen(kw_only=True)
class DoubleWeights(Pass):
    """Multiply weights."""

    name = "double-weights"
    by: float = option(default=2.0, above=0, help="the factor")
    where: Selector = option(default=Selector(op="linear"), help="which layers")

    def apply(self, graph: ModelGraph, context: Context) -> None:
        for node in self.where.matches(graph):
            graph.set_tensor(node.tensors["weight"], graph.tensor(node.tensors["weight"]) * self.by)
            context.log(f"doubled {node.name}")
'''


def two_layers(width: int = 8) -> ModelGraph:
    """Two linear layers with nothing between them."""
    graph = ModelGraph("tiny")
    value = graph.add_input("x", ("N", 4))
    for name, inputs, outputs in (("first", 4, width), ("second", width, 2)):
        value = graph.add("linear", [value], name=name, tensors={"weight": torch.randn(outputs, inputs)})
    graph.set_outputs([value])
    return graph


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that a call is made in, with a saved graph, a recipe for it and a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NADOO_STORE", str(tmp_path / "store"))
    (tmp_path / "empty").mkdir()
    two_layers().save(tmp_path / "graph")
    (tmp_path / "tiny.toml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "doubling.py").write_text(DOUBLING, encoding="utf-8")
    return tmp_path
