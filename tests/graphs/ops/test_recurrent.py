"""Recurrent layers against torch.nn: types, bits, gradients, counts and refusals."""

from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nadoo_graphs.capture.importers.importer import Argument, AtenCall, Imported, TensorName
from nadoo_graphs.capture.importers.recurrent import IMPORTERS
from nadoo_graphs.errors import GraphError
from nadoo_graphs.ops.recurrent import ROWS
from nadoo_graphs.values import Value, value_type
from tests.graphs.ops.layers import Use, same_as_torch, use

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN, "rnn_relu": nn.RNN}


def applied(name: str, original: nn.RNNBase, x: Tensor, states: tuple[Tensor, ...]) -> Use:
    """The row that does what a module of torch does."""
    attributes: dict[str, Any] = {
        "has_biases": original.bias,
        "layers": original.num_layers,
        "dropout": original.dropout,
        "bidirectional": original.bidirectional,
        "batch_first": original.batch_first,
    }
    if name == "lstm":
        attributes["projected"] = original.proj_size > 0
    return use(ROWS, name, x, *states, tensors=dict(original.named_parameters()), **attributes)


@st.composite
def layers(draw: st.DrawFn) -> tuple[Use, nn.RNNBase]:
    """A recurrent layer of any kind and depth with its module of torch, on a random sequence."""
    name, hidden, depth = draw(st.sampled_from(sorted(KINDS))), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    options: dict[str, Any] = {
        "num_layers": depth,
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.4])) if depth > 1 else 0.0,
    }
    if name == "lstm":
        options["proj_size"] = draw(st.integers(0, hidden - 1))
    if name == "rnn_relu":
        options["nonlinearity"] = "relu"
    features, steps, batch = (draw(st.integers(1, 3)) for _ in range(3))
    original = KINDS[name](features, hidden, **options)
    x = torch.randn(*((batch, steps) if original.batch_first else (steps, batch)), features)
    count = depth * (1 + original.bidirectional)
    first = torch.randn(count, batch, original.proj_size or hidden)
    states = (first, torch.randn(count, batch, hidden)) if name == "lstm" else (first,)
    return applied(name, original, x, states), original


def reference(layer: Use, original: nn.RNNBase) -> tuple[Tensor, ...]:
    """What torch's module gives, flat."""
    x, *states = layer.operands
    out, last = original(x, tuple(states) if len(states) == 2 else states[0])
    return (out, *last) if isinstance(last, tuple) else (out, last)


@settings(max_examples=60)
@given(layers(), st.booleans())
def test_recurrent_layers_are_those_of_torch(drawn: tuple[Use, nn.RNNBase], training: bool) -> None:
    """For every kind, depth, direction, bias and projection, in both modes: types and bits of torch.nn."""
    layer, original = drawn
    original.train(training)
    torch.manual_seed(3)
    expected = reference(layer, original)
    torch.manual_seed(3)
    found = layer.run(training=training)
    assert len(found) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
    assert same_as_torch(layer)


@settings(max_examples=20)
@given(layers())
def test_gradients_are_those_of_torch(drawn: tuple[Use, nn.RNNBase]) -> None:
    """The gradient of every weight and bias, bit for bit."""
    layer, original = drawn
    weights = list(original.parameters())
    original.eval()
    first = torch.autograd.grad(layer.run()[0].sum(), weights, allow_unused=True)
    second = torch.autograd.grad(reference(layer, original)[0].sum(), weights, allow_unused=True)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))  # type: ignore[arg-type]


@settings(max_examples=30)
@given(layers())
def test_the_count_is_one_product_for_each_weight_and_moment(drawn: tuple[Use, nn.RNNBase]) -> None:
    """MACs = steps · batch · Σ elements of all weight matrices."""
    layer, original = drawn
    weights = sum(tensor.numel() for name, tensor in original.named_parameters() if name.startswith("weight"))
    steps, batch, _ = layer.operands[0].shape
    assert layer.macs == steps * batch * weights


@pytest.mark.parametrize(
    ("name", "each"), [("lstm", 13 + 8), ("gru", 11 + 6), ("rnn_tanh", 2 + 2), ("rnn_relu", 2 + 2)]
)
def test_elementary_counts_by_hidden_element(name: str, each: int) -> None:
    options = {"nonlinearity": "relu"} if name == "rnn_relu" else {}
    original = KINDS[name](3, 5, bidirectional=True, **options)
    state = torch.zeros(2, 4, 5)
    layer = applied(name, original, torch.zeros(7, 4, 3), (state, state) if name == "lstm" else (state,))
    assert layer.elementary == 7 * 4 * 5 * 2 * each


def gru(**changes: Any) -> Use:
    """A layer of types only, with one part changed."""
    tensors: dict[str, Any] = {
        "weight_ih_l0": value_type((15, 3)),
        "weight_hh_l0": value_type((15, 5)),
        "bias_ih_l0": value_type((15,)),
        "bias_hh_l0": value_type((15,)),
    }
    layer = use(ROWS, "gru", value_type((7, "N", 3)), value_type((1, "N", 5)), tensors=tensors)
    return evolve(layer, **{**changes, "tensors": {**tensors, **changes.get("tensors", {})}})


def test_a_symbolic_batch_goes_through() -> None:
    layer = gru()
    assert [str(found) for found in layer.types] == ["float32[7, N, 5]", "float32[1, N, 5]"]
    assert str(layer.macs) == "840*N"


SEQUENCE = value_type((7, "N", 3))


@pytest.mark.parametrize(
    ("layer", "code", "words"),
    [
        (
            gru(attributes={"layers": 0, "dropout": 2.0}),
            "E03",
            "layers is 0; it must be from 1 to 1000; dropout is 2.0",
        ),
        (gru(operands=(value_type((7, 3)), value_type((1, 1, 5)))), "E03", "it must have 3 axes"),
        (gru(operands=(SEQUENCE, value_type((2, "N", 5)))), "E03", "it must be [1, N, 5]"),
        (gru(operands=(SEQUENCE, value_type((1, 4, 5)))), "E03", "it must be [1, N, 5]"),
        (gru(operands=(SEQUENCE, value_type((1, "N", 5), "float64"))), "E04", "the state is float64"),
        (gru(tensors={"weight_ih_l0": value_type((15, 4))}), "E03", "weight_ih_l0 has shape [15, 4]"),
        (gru(tensors={"bias_hh_l0": value_type((15,), "float16")}), "E04", "the bias_hh_l0 is float16"),
    ],
)
def test_what_does_not_fit_is_refused(layer: Use, code: str, words: str) -> None:
    with pytest.raises(GraphError) as refused:
        _ = layer.types
    assert refused.value.codes == (code,)
    assert words in str(refused.value)


def test_states_of_two_widths_need_a_projection() -> None:
    row = next(row for row in ROWS if row.name == "lstm")
    layer = Use(row, (SEQUENCE, value_type((1, "N", 4)), value_type((1, "N", 5))), {}, {})
    with pytest.raises(GraphError, match="without projection"):
        _ = layer.types


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_roles_are_the_names_that_torch_gives_its_parameters(name: str) -> None:
    options = {"nonlinearity": "relu"} if name == "rnn_relu" else {}
    original = KINDS[name](2, 3, num_layers=2, bidirectional=True, **options)
    row = next(row for row in ROWS if row.name == name)
    attributes = row.complete({"layers": 2, "bidirectional": True})
    assert [role.name for role in row.roles_of(attributes)] == [key for key, _ in original.named_parameters()]


@pytest.mark.parametrize("training", [False, True])
def test_the_module_of_a_layer_exports_as_the_captured_call(training: bool) -> None:
    original = nn.LSTM(2, 3)
    state = torch.zeros(1, 2, 3)
    layer = applied("lstm", original, torch.randn(4, 2, 2), (state, state))
    assert layer.row.module is not None
    module = layer.row.module(layer.row.complete(layer.attributes)).train(training)
    assert not module.state_dict()
    with torch.no_grad():
        program = torch.export.export(module, tuple(layer.operands), dict(layer.tensors))
    calls = [str(node.target) for node in program.graph.nodes if "lstm" in str(node.target)]
    assert calls == ["aten.lstm.input"]


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_layer_trains_inside_a_compiled_module(name: str) -> None:
    """torch.compile around the layer runs it, and its gradients are those of the plain run."""
    original = KINDS[name](2, 3)
    state = torch.zeros(1, 2, 3)
    layer = applied(name, original, torch.randn(4, 2, 2), (state, state) if name == "lstm" else (state,))
    assert layer.row.module is not None
    module = nn.Sequential(layer.row.module(layer.row.complete(layer.attributes)))

    def outputs(x: Tensor) -> Tensor:
        return module[0](x * 2, *layer.operands[1:], **layer.tensors)[0] + 1

    weights = list(original.parameters())
    compiled = torch.compile(outputs, backend="aot_eager")
    first = torch.autograd.grad(compiled(layer.operands[0]).sum(), weights)
    second = torch.autograd.grad(outputs(layer.operands[0]).sum(), weights)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def imported(overload: str, count: int, **changes: Argument) -> Imported | None:
    arguments: dict[str, Argument] = {
        "input": Value("x"),
        "hx": (Value("h"), Value("c")) if "lstm" in overload else Value("h"),
        "params": tuple(TensorName(f"rnn.{index}") for index in range(count)),
        "has_biases": True,
        "num_layers": 2,
        "dropout": 0.1,
        "train": False,
        "bidirectional": False,
        "batch_first": True,
    }
    return IMPORTERS[overload](AtenCall(overload, {**arguments, **changes}, (), lambda item: SEQUENCE))


@pytest.mark.parametrize(("count", "projected"), [(8, False), (10, True)])
def test_a_projection_is_known_by_its_tensors(count: int, projected: bool) -> None:
    found = imported("aten.lstm.input", count)
    assert found is not None
    assert found.operands == (Value("x"), Value("h"), Value("c"))
    assert found.attributes["projected"] is projected
    assert ("weight_hr_l1" in found.tensors) == projected
    assert found.tensors["weight_ih_l1"] == TensorName(f"rnn.{count // 2}")


@pytest.mark.parametrize(
    ("overload", "count", "changes"),
    [
        ("aten.gru.input", 7, {}),
        ("aten.gru.input", 8, {"train": True}),
        ("aten.gru.input", 8, {"params": (Value("computed"),) * 8}),
        ("aten.lstm.input", 8, {"hx": (Value("h"),)}),
    ],
)
def test_what_no_row_describes_stays_opaque(overload: str, count: int, changes: dict[str, Argument]) -> None:
    assert imported(overload, count, **changes) is None
