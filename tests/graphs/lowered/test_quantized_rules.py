"""Programs over codes give the graph's own integers: random graphs, every weight format, every kind of row."""

import numpy as np
import pytest
import torch

from nadoo_graphs.formats import standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import LoweredError, interpret, lower
from tests.graphs.lowered.networks import rows
from tests.graphs.ops.quantized.samples import Grower, drawn

FORMATS = [row.name for row in standard_formats() if row.kind != "float" and row.codec is not None]


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_give_their_integers(seed: int) -> None:
    grower, _ = drawn(200 + seed)
    program = lower(grower.graph, border="float")
    found = interpret(program, [rows(values) for values in grower.inputs]).outputs
    for one, other in zip(found, grower.graph.run(*grower.inputs).outputs, strict=True):
        assert np.array_equal(one, rows(other.double()).astype(np.int64))


def test_matrix_products_and_means() -> None:
    for seed in range(4):
        grower = Grower(300 + seed)
        values = [grower.matmul(grower.input(4, 5), grower.input(3, 5))]
        values.append(grower.mean(values[0]))
        grower.finish(*values)
        found = interpret(lower(grower.graph, border="float"), [rows(values) for values in grower.inputs]).outputs
        for one, other in zip(found, grower.graph.run(*grower.inputs).outputs, strict=True):
            assert np.array_equal(one, rows(other.double()).astype(np.int64))


def layer(name: str, op: str, shape: tuple[int, ...], inputs: tuple[int, ...]) -> ModelGraph:
    random = np.random.default_rng(len(name))
    graph = ModelGraph(f"{op}_{name}")
    x = graph.add_input("x", ("N", *inputs))
    codes = graph.add("quantize", [x], format="int8", tensors={"scale": torch.tensor(0.05)})
    weight = torch.from_numpy(random.normal(size=shape).astype(np.float32))
    scale = torch.tensor(float(standard_formats()[name].scale_of(2.0)))
    tensors = {"weight": weight, "weight_scale": scale}
    raw = {"output_format": "int32", "requantize": "none"}
    if op.startswith("quantized"):
        given = {
            "input_scale": torch.tensor(0.05),
            "bias": torch.from_numpy(random.normal(size=shape[:1]).astype(np.float32)),
        }
        found = graph.add(op, [codes], tensors={**tensors, **given}, weight_format=name, **raw)
    else:
        found = graph.add(op, [x], tensors=tensors, weight_format=name)
    graph.set_outputs([found])
    return graph


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_as_it_is_packed(name: str) -> None:
    samples = torch.randn(3, 37, generator=torch.Generator().manual_seed(0))
    graph = layer(name, "quantized_linear", (5, 37), (37,))
    found = interpret(lower(graph, border="float"), [rows(samples)]).outputs[0]
    assert np.array_equal(found, rows(graph.run(samples).outputs[0].double()).astype(np.int64))


@pytest.mark.parametrize("name", ["int8", "4bitsym", "5bitsym", "ternary", "ternary20", "nf4", "23level", "binary"])
def test_convolutions_read_weights_wherever_they_lie(name: str) -> None:
    samples = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    for op in ("quantized_conv2d", "encoded_conv2d"):
        graph = layer(name, op, (4, 3, 3, 3), (3, 6, 6))
        found = interpret(lower(graph, border="float"), [rows(samples)]).outputs[0]
        wanted = rows(graph.run(samples).outputs[0].double())
        assert np.abs(found - wanted).max() <= (0 if op.startswith("quantized") else 1e-4 * np.abs(wanted).max())


def test_sums_that_might_overflow_are_refused_with_the_bound() -> None:
    graph = layer("int16", "quantized_linear", (1, 600), (600,))
    graph.set_tensor(graph.nodes(op="quantized_linear")[0].tensors["weight"], torch.full((1, 600), 100.0))
    with pytest.raises(LoweredError, match=r"may reach [\d,]+, but an accumulator holds 2,147,483,647"):
        lower(graph)


def test_callers_may_give_codes() -> None:
    grower = Grower(7)
    grower.finish(grower.conv() if hasattr(grower, "conv") else grower.linear(grower.flat(grower.input(2, 3, 3))))
    program = lower(grower.graph)
    quantizer = grower.graph.nodes(op="quantize")[0]
    given = grower.graph.run(*grower.inputs, keep=quantizer.name).values[quantizer.name]
    assert program.buffers[program.inputs[0]].scale == float(grower.graph.tensor(quantizer.tensors["scale"]))
    found = interpret(program, [rows(given).astype(np.int64)]).outputs[0]
    assert np.array_equal(found, rows(grower.graph.run(*grower.inputs).outputs[0].double()).astype(np.int64))
