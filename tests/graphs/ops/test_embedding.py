"""Embeddings and every kind of dropout against torch, in evaluation and under a seed in training."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_graphs.capture.importers.embedding import DROPOUTS, IMPORTERS
from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, TensorName
from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.embedding import ROWS
from nadoo_graphs.sizes import symbol
from nadoo_graphs.values import Value, value_type
from tests.graphs.ops.layers import Use, same_as_torch, use

FUNCTIONS = {
    "dropout": F.dropout,
    "alpha_dropout": F.alpha_dropout,
    "feature_dropout": F.dropout2d,
    "feature_alpha_dropout": F.feature_alpha_dropout,
}


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from([torch.int64, torch.int32]),
    st.booleans(),
)
def test_embedding_is_that_of_torch(shape: list[int], rows: int, features: int, dtype: Any, padded: bool) -> None:
    """For indices of every shape: the type and bits of F.embedding, and its gradient with a padding row."""
    indices = torch.randint(0, rows, shape, dtype=dtype)
    weight = torch.randn(rows, features, requires_grad=True)
    padding = rows - 1 if padded else -1
    layer = use(ROWS, "embedding", indices, tensors={"weight": weight}, padding_idx=padding)
    expected = F.embedding(indices, weight, padding if padded else None)
    assert same_as_torch(layer)
    assert torch.equal(layer.run(), expected)
    (first,) = torch.autograd.grad(layer.run().sum(), weight)
    (second,) = torch.autograd.grad(expected.sum(), weight)
    assert torch.equal(first, second)


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_in_training_is_that_of_torch_under_the_same_seed(name: str, p: float) -> None:
    x = torch.randn(4, 6, 5, 5)
    layer = use(ROWS, name, x, p=p)
    torch.manual_seed(7)
    found = layer.run(training=True)
    torch.manual_seed(7)
    assert torch.equal(found, FUNCTIONS[name](x, p, True))
    assert same_as_torch(layer)


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_in_evaluation_does_nothing_unless_it_is_on_always(name: str) -> None:
    x = torch.randn(4, 6, 5, 5)
    assert torch.equal(use(ROWS, name, x, p=0.5).run(), x)
    assert not torch.equal(use(ROWS, name, x, p=0.5, always=True).run(), x)


@pytest.mark.parametrize("training", [False, True])
def test_the_module_of_a_dropout_exports_as_the_captured_call(training: bool) -> None:
    row = next(row for row in ROWS if row.name == "dropout")
    assert row.module is not None
    module = row.module({"p": 0.25, "always": False}).train(training)
    assert not module.state_dict()
    program = torch.export.export(module, (torch.randn(4, 3),))
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    assert [str(node.target) for node in calls] == ["aten.dropout.default"]
    assert calls[0].args[1:] == (0.25, training)


TABLE = {"weight": value_type((10, 4), "bfloat16")}
INDICES = value_type(("N", 7), "int64")


def test_an_embedding_of_symbolic_indices_has_the_dtype_of_its_weight() -> None:
    layer = use(ROWS, "embedding", INDICES, tensors=TABLE)
    assert layer.types == (value_type(("N", 7, 4), "bfloat16"),)
    assert (layer.macs, layer.elementary) == (0, 0)


def embedding(source: Any = INDICES, tensors: Any = None, **attributes: Any) -> Use:
    return use(ROWS, "embedding", source, tensors=tensors or TABLE, **attributes)


@pytest.mark.parametrize(
    ("layer", "code", "words"),
    [
        (embedding(value_type((2,))), "E04", "cast them to int64 or int32"),
        (embedding(tensors={"weight": value_type((10,))}), "E03", "two axes"),
        (embedding(padding_idx=10), "E03", "give a row from 0 to 9, or -1"),
        (embedding(padding_idx=-2), "E03", "padding_idx is -2"),
        (use(ROWS, "dropout", value_type((2,)), p=1.5), "E03", "p is 1.5"),
        (use(ROWS, "feature_dropout", value_type((2,))), "E03", "at least 2 axes"),
        (use(ROWS, "dropout", value_type((2,)), p="half"), "E01", "'p' is 'half'"),
    ],
)
def test_what_does_not_fit_is_refused(layer: Use, code: str, words: str) -> None:
    with pytest.raises(GraphError) as refused:
        _ = layer.types
    assert refused.value.codes == (code,)
    assert words in str(refused.value)


def imported(overload: str, **arguments: Argument) -> Imported | None:
    return IMPORTERS[overload](AtenCall(overload, arguments, (), lambda item: INDICES))


PLAIN: dict[str, Argument] = {"padding_idx": -1, "scale_grad_by_freq": False, "sparse": True}


def test_an_embedding_is_imported_with_its_table() -> None:
    found = imported("aten.embedding.default", weight=TensorName("w"), indices=Value("x"), **PLAIN)
    assert found == Imported("embedding", (Value("x"),), {"weight": TensorName("w")}, PLAIN)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"weight": Value("computed")}, {"padding_idx": symbol("N")}])
def test_a_computed_table_or_a_symbolic_padding_stays_opaque(change: dict[str, Argument]) -> None:
    arguments: dict[str, Argument] = {"weight": TensorName("w"), "indices": Value("x"), **PLAIN}
    assert imported("aten.embedding.default", **{**arguments, **change}) is None


@pytest.mark.parametrize("name", DROPOUTS)
@pytest.mark.parametrize("train", [False, True])
def test_a_dropout_that_is_on_in_an_eval_capture_is_on_always(name: str, train: bool) -> None:
    found = imported(f"aten.{name}.default", input=Value("x"), p=0.2, train=train)
    assert found == Imported(name, (Value("x"),), {}, {"p": 0.2, "always": train})
