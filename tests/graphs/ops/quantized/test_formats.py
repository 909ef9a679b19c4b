"""A format from an outside plugin works wherever a standard one does; scales that follow the values; odd layouts."""

from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve

from nadoo_graphs.counting import element_bits
from nadoo_graphs.errors import FormatError, GraphError, LoadError
from nadoo_graphs.formats import Format, IntegerCodec, standard_formats
from nadoo_graphs.formats.book import CodeBook
from nadoo_graphs.formats.code_books import TableCodec
from nadoo_graphs.formats.packing import WordPacking
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import standard_ops

FIBONACCI = evolve(
    standard_formats()["nf4"],
    name="fibonacci",
    aliases=(),
    summary="eight uneven levels",
    packing=WordPacking(CodeBook("fibonacci", tuple(range(16)), "uint8", 3)),
    codec=TableCodec("uint8", 1.0, (-1.0, -0.625, -0.375, 0.0, 0.125, 0.25, 0.5, 1.0)),
)
SEVEN = evolve(standard_formats()["int4"], name="seven", summary="-3 to 3", minimum=-3, maximum=3)
SEVEN = evolve(SEVEN, codec=IntegerCodec("int8", -3, 3))


def layered(form: str, activation: str = "int8") -> ModelGraph:
    """One layer with weights and values of given formats."""
    graph = ModelGraph("outside", standard_ops().with_formats([FIBONACCI, SEVEN]))
    value = graph.add_input("x", ("N", 6))
    codes = graph.add("quantize", [value], format=activation, tensors={"scale": torch.tensor(0.5)})
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Any] = {
        "weight": torch.randn(4, 6, generator=generator),
        "weight_scale": torch.tensor(0.9),
        "input_scale": "quantize.scale",
        "output_scale": torch.tensor(0.04),
    }
    layer = graph.add("quantized_linear", [codes], weight_format=form, tensors=tensors, name="layer")
    graph.set_outputs([graph.add("dequantize", [layer], tensors={"scale": "layer.output_scale"})])
    return graph


def test_a_format_of_a_plugin_runs_trains_and_is_saved(tmp_path: Path) -> None:
    graph = layered("fibonacci", "seven")
    graph.verify()
    x = torch.randn(5, 6)
    module = graph.to_module().train()
    module(x).sum().backward()
    assert float(module.layer.weight.grad.abs().sum()) > 0
    codes = graph.run(x, keep="quantize").values["quantize"]
    weight = FIBONACCI.integers(FIBONACCI.encode(graph.tensor("layer.weight"), 0.9)).double()
    sums = codes.double() @ weight.T
    factor = 0.5 * float(torch.tensor(0.9)) / 127 / float(torch.tensor(0.04))
    expected = (sums * factor).round().clamp(-127, 127) * float(torch.tensor(0.04))
    assert float((graph.run(x).result - expected).abs().max()) <= 0.04 * 1.001
    graph.save(tmp_path)
    assert ModelGraph.load(tmp_path, ops=graph.ops).fingerprint() == graph.fingerprint()
    assert int(element_bits(graph["quantize"].type, graph.formats)) == 4


def test_a_table_without_the_format_refuses_the_graph(tmp_path: Path) -> None:
    layered("fibonacci").save(tmp_path)
    with pytest.raises(LoadError, match="there is no such number format"):
        ModelGraph.load(tmp_path)


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(FormatError, match="int8"):
        standard_ops().with_formats([evolve(SEVEN, name="int8")])


@pytest.mark.parametrize("row", [row for row in standard_formats() if row.codec is not None], ids=lambda row: row.name)
def test_weights_of_every_format_run_in_a_float_layer(row: Format) -> None:
    """And in a layer over codes wherever the format has integers."""
    graph = ModelGraph("encoded")
    value = graph.add_input("x", ("N", 3))
    tensors: dict[str, Any] = {"weight": torch.randn(2, 3).abs()}
    if row.kind != "float":
        tensors["weight_scale"] = torch.tensor(float(row.scale_of(2.0)))
        assert layered(row.name).run(torch.randn(2, 6)).result.shape == (2, 4)
    graph.set_outputs([graph.add("encoded_linear", [value], weight_format=row.name, tensors=tensors)])
    x = torch.randn(2, 3)
    scale = tensors.get("weight_scale", 1.0)
    expected = x @ row.decode(row.encode(tensors["weight"], scale), scale).float().T
    torch.testing.assert_close(graph.run(x).result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("granularity", ["tensor", "sample", "token"])
def test_scales_that_follow_the_values(granularity: str) -> None:
    """Q14: the largest magnitude is 127, errors are at most a 254th of it, and q(cx) = q(x)."""
    graph = ModelGraph("dynamic")
    made = graph.add("quantize", [graph.add_input("x", ("N", 3, 4))], granularity=granularity)
    scale = type(made)(made.node, 1)
    graph.set_outputs([made, graph.add("dequantize", [made, scale])])
    x = torch.randn(2, 3, 4)
    codes, back = graph.run(x).outputs
    axes = {"tensor": (0, 1, 2), "sample": (1, 2), "token": (2,)}[granularity]
    assert codes.abs().amax(axes).unique().tolist() == [127]
    assert bool(((back - x).abs() <= x.abs().amax(axes, keepdim=True) / 254 * (1 + 1e-5)).all())
    assert torch.equal(graph.run(x * 4).outputs[0], codes)
    assert float(graph.run(torch.zeros(2, 3, 4)).outputs[0].abs().max()) == 0
    leaf = x.clone().requires_grad_()
    graph.to_module().train()(leaf)[1].sum().backward()
    torch.testing.assert_close(leaf.grad, torch.ones_like(x))


def test_the_reference_of_a_token() -> None:
    graph = ModelGraph("token")
    made = graph.add("quantize", [graph.add_input("x", (1, 4))], granularity="token")
    graph.set_outputs([made])
    assert graph.run(torch.tensor([[0.1, -0.5, 2, -4]])).result.tolist() == [[3, -16, 64, -127]]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([10, -5, 60], [10, 0, 60]),
        ([128, 64, 1], [64, 32, 1]),
        ([200, 100, -3], [100, 50, 0]),
        ([255, 128, 2], [127, 64, 1]),
        ([-7, -1, -3], [0, 0, 0]),
        ([0, 0, 0], [0, 0, 0]),
    ],
)
def test_the_vectors_of_relu_norm(numbers: list[int], expected: list[int]) -> None:
    graph = ModelGraph("normed")
    codes = graph.add("quantize", [graph.add_input("x", (1, 3))], format="int16", tensors={"scale": torch.tensor(1.0)})
    graph.set_outputs([graph.add("relu_norm", [codes])])
    assert graph.run(torch.tensor([numbers], dtype=torch.float32)).result.tolist() == [expected]


@pytest.mark.parametrize(("form", "shift", "most"), [("int8", 25, 24), ("int8", -1, 24), ("uint8", 24, 23)])
def test_a_shift_that_leaves_no_bit_is_refused(form: str, shift: int, most: int) -> None:
    graph = ModelGraph("shifted")
    codes = graph.add("quantize", [graph.add_input("x", (1, 3))], format="int16", tensors={"scale": torch.tensor(1.0)})
    graph.add("relu_norm", [codes], format=form, shift=most)
    with pytest.raises(GraphError, match=f"shift is {shift}; give 0 to {most} for codes of {form}, or none"):
        graph.add("relu_norm", [codes], format=form, shift=shift)
