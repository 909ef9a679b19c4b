"""Recurrent layers over codes: the reference's integers in every run, gradients of the float layer, refusals."""

import numpy as np
import pytest
import torch

from nadoo_graphs.errors import GraphError
from nadoo_graphs.lowered import interpret, lower
from nadoo_graphs.ops.quantized.gates import gate_table, gate_value
from nadoo_graphs.precision import with_dtype
from tests.graphs.ops.quantized.recurrent_samples import Drawn, drawn_recurrent

KINDS = ("lstm", "gru", "rnn_tanh", "rnn_relu")


def differing(results: tuple[torch.Tensor, ...], drawn: Drawn) -> int:
    """How many codes are not the reference's."""
    pairs = zip(results, drawn.codes, strict=True)
    return sum(int((found.detach().double().numpy() != codes).sum()) for found, codes in pairs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_a_recurrent_layer_computes_its_integers(kind: str, seed: int) -> None:
    drawn = drawn_recurrent(seed, kind)
    module, wide = drawn.graph.to_module(), with_dtype(drawn.graph, "float64")
    for results in (
        drawn.graph.run(*drawn.inputs).outputs,
        module.eval()(*drawn.inputs),
        module.train()(*drawn.inputs),
        wide.run(*(each.double() for each in drawn.inputs)).outputs,
    ):
        assert differing(tuple(results), drawn) == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_its_program_computes_the_same(kind: str, seed: int) -> None:
    drawn = drawn_recurrent(100 + seed, kind)
    program = lower(drawn.graph, border="float")
    inputs = [values.narrow(place_of_batch(drawn, index), 0, 1) for index, values in enumerate(drawn.inputs)]
    found = interpret(program, [values.reshape(1, -1).numpy() for values in inputs]).outputs
    for one, other in zip(found, drawn.graph.run(*inputs).outputs, strict=True):
        assert np.array_equal(np.asarray(one).reshape(-1), other.double().numpy().reshape(-1))


def place_of_batch(drawn: Drawn, index: int) -> int:
    """The axis of an input along which its samples lie."""
    return [str(size) for size in drawn.graph.inputs[index].type.shape].index("N")


def test_gates_are_their_functions_to_a_thousandth() -> None:
    gates = torch.arange(-(2**15), 2**15, 7, dtype=torch.float64)
    for name, function in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        assert float((gate_value(name, gates) / 2**15 - function(gates / 4096)).abs().max()) < 5e-4
        assert bool((gate_value(name, gates).diff() >= 0).all())
        assert gate_table(name).shape == (257,)
    assert gate_value("sigmoid", torch.tensor([0.0])).item() == 2**14
    assert gate_value("tanh", torch.tensor([0.0])).item() == 0


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_gradients_are_those_of_the_float_layer(kind: str) -> None:
    drawn = drawn_recurrent(3, kind)
    module = drawn.graph.to_module().train()
    sum(item.sum() for item in module(*drawn.inputs)).backward()
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    assert all(item is not None and bool(item.isfinite().all()) for item in gradients.values())
    assert any(bool(item.any()) for name, item in gradients.items() if item is not None and "weight_hh" in name)


def test_what_does_not_fit_is_refused() -> None:
    graph = drawn_recurrent(0, "lstm").graph
    graph.set_tensor("state_step", torch.tensor(0.3))
    with pytest.raises(GraphError, match=r"state is 0.3; it must be a power of two"):
        graph.run(*drawn_recurrent(0, "lstm").inputs)
    graph = drawn_recurrent(0, "gru").graph
    graph.set_tensor("state_step", torch.tensor(0.5))
    with pytest.raises(GraphError, match=r"must be 2\^-15"):
        graph.run(*drawn_recurrent(0, "gru").inputs)
    node = graph["layer"]
    with pytest.raises(GraphError, match="weight_format is float16"):
        graph.replace(node, node.op, tensors=dict(node.tensors), **{**node.attributes, "weight_format": "float16"})
    with pytest.raises(GraphError, match="a state, holds codes of int8; it must hold int16"):
        graph.rewire(node, 1, graph.add("quantize", [graph.inputs[1]], tensors={"scale": torch.tensor(0.1)}))
