"""A graph in another precision computes the same in it, and nothing of the old precision is left."""

from typing import Any

import pytest
import torch
from hypothesis import given
from torch.utils import _pytree as pytree

from nadoo_graphs.contract import Contract, InputContract
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.precision import with_dtype
from nadoo_graphs.values import value_type
from tests.graphs.captured import captured, tensors
from tests.graphs.random_graphs import graphs


def traces(graph: ModelGraph) -> list[str]:
    """Whatever still names float32."""
    types = [f"{node.name}: {item}" for node in graph.nodes() for item in node.outputs if item.dtype == "float32"]
    held = [name for name, record in graph.tensors.items() if record.value.dtype == torch.float32]
    named = [node.name for node in graph.nodes() if "float32" in str(dict(node.attributes))]
    return [*types, *held, *named]


@given(graphs)
def test_nothing_of_the_old_precision_is_left(graph: ModelGraph) -> None:
    """with_dtype(g, float64) names float32 nowhere, is valid, and leaves g alone."""
    before = graph.fingerprint()
    wide = with_dtype(graph, "float64")
    assert traces(wide) == []
    assert wide.violations() == ()
    assert graph.fingerprint() == before


@given(graphs)
def test_there_and_back_is_the_same_graph(graph: ModelGraph) -> None:
    """float32 → float64 → float32 loses nothing."""
    assert with_dtype(with_dtype(graph, "float64"), "float32").fingerprint() == graph.fingerprint()


CAPTURED = (
    "chain", "residual", "shared_block", "tied", "double", "mixed_precision", "batch_norm_2d", "lstm_batch_first",
    "multihead", "fourier", "exotic", "nested", "scalars", "made_in_forward",
)  # fmt: skip


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_model_computes_the_same_in_float64_but_for_rounding(name: str) -> None:
    model = captured(name)
    wide = with_dtype(model.graph, "float64")
    assert traces(wide) == []
    arguments, keywords = pytree.tree_map(widened, model.case.arguments())
    expected = tensors(model.call(model.graph.run).result)
    found = tensors(wide.run(*arguments, **keywords).result)
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one.to(other.dtype), other, rtol=1e-3, atol=5e-3)
        assert other.dtype not in {torch.float32, torch.complex64}


def widened(leaf: Any) -> Any:
    """An argument in float64."""
    return leaf.double() if torch.is_tensor(leaf) and leaf.is_floating_point() else leaf


def opaque() -> ModelGraph:
    graph = ModelGraph("opaque")
    value = graph.add_input("x", ("N", 4))
    node = {
        "target": "aten.erfc.default",
        "arguments": (("operand", 0),),
        "keywords": (("dtype", ("torch", "torch.float32")),),
    }
    graph.add("opaque", [value], name="erfc", signature=("float32[N, 4]",), **node)  # type: ignore[arg-type]
    graph.set_outputs([graph.add("cast", [value], name="cast", dtype="float16")])
    return graph


def test_what_an_opaque_operator_was_captured_with_is_declared_anew() -> None:
    attributes = with_dtype(opaque(), "float64")["erfc"].attributes
    assert attributes["signature"] == ("float64[N, 4]",)
    assert attributes["keywords"] == (("dtype", ("torch", "torch.float64")),)
    assert attributes["target"] == "aten.erfc.default"


def test_a_cast_is_to_the_wanted_precision_but_casts_to_integers_stay() -> None:
    graph = opaque()
    assert with_dtype(graph, "float64")["cast"].attributes["dtype"] == "float64"
    graph.set_outputs([graph.add("cast", ["x"], name="whole", dtype="int32")])
    assert with_dtype(graph, "float64")["whole"].attributes["dtype"] == "int32"


def test_the_contract_and_its_example_follow() -> None:
    graph = opaque()
    graph.contract = Contract(inputs=(InputContract("x", value_type(("N", 4)), -1, 1, torch.ones(2, 4)),))
    (item,) = with_dtype(graph, "float64").contract.inputs
    assert item.type == value_type(("N", 4), "float64")
    assert item.example is not None
    assert item.example.dtype == torch.float64
    assert (item.minimum, item.maximum) == (-1, 1)


def test_tied_tensors_stay_tied_and_the_state_dict_keeps_its_order() -> None:
    graph = ModelGraph("tied")
    graph.add_tensor("a", torch.ones(2, 2))
    graph.tie_tensor("b", "a")
    graph.add_tensor("count", torch.tensor(3), "buffer")
    value = graph.add("linear", [graph.add_input("x", ("N", 2))], tensors={"weight": "a"})
    graph.set_outputs([value])
    wide = with_dtype(graph, "float64")
    assert wide.aliases == {"b": "a"}
    assert wide.state_order == ("a", "b", "count")
    assert wide.tensor("count") is graph.tensor("count")


def test_a_dtype_that_holds_no_fractions_is_refused() -> None:
    with pytest.raises(GraphError, match="dtype 'int8': is no floating-point dtype; give one of"):
        with_dtype(opaque(), "int8")
