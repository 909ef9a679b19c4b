"""Quantized graphs as graphs: saved, copied, compared, drawn, in another precision, or refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from nadoo_graphs.capture import capture
from nadoo_graphs.counting import count
from nadoo_graphs.errors import EditError, GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import standard_ops
from nadoo_graphs.precision import with_dtype
from nadoo_graphs.sizes import bind
from tests.graphs.ops.quantized.samples import drawn


def number(value: float) -> torch.Tensor:
    """One number."""
    return torch.tensor(value)


def accumulating() -> ModelGraph:
    """A quantized layer with a bias that hands out accumulators, which are carried in float64."""
    graph = ModelGraph("accumulating")
    codes = graph.add("quantize", [graph.add_input("x", ("N", 4))], tensors={"scale": number(0.1)})
    tensors: dict[str, Any] = {"weight": torch.ones(2, 4), "weight_scale": number(0.5), "bias": torch.ones(2)}
    tensors["input_scale"] = "quantize.scale"
    settings = {"output_format": "int32", "requantize": "none"}
    layer = graph.add("quantized_linear", [codes], tensors=tensors, name="layer", **settings)
    names = {"scale": "quantize.scale", "weight_scale": "layer.weight_scale"}
    graph.set_outputs(
        [
            graph.add(
                "dequantize",
                [
                    graph.add("relu_norm", [layer]),
                ],
                tensors=names,
            )
        ]
    )
    return graph


def test_a_quantized_graph_is_saved_copied_compared_and_drawn(tmp_path: Path) -> None:
    grower, _ = drawn(1)
    graph = grower.graph
    graph.save(tmp_path)
    loaded = ModelGraph.load(tmp_path)
    assert loaded.fingerprint() == graph.fingerprint() == graph.copy().fingerprint()
    assert not graph.diff(loaded)
    assert "<svg" in graph.draw()
    assert "int8[" in graph.text() or "uint8[" in graph.text()
    module = copy.deepcopy(graph.to_module())
    results = zip(module(*grower.inputs), loaded.run(*grower.inputs).outputs, strict=True)
    assert all(torch.equal(one, two) for one, two in results)


def test_precision_there_and_back() -> None:
    graph = accumulating()
    assert (graph["layer"].type.dtype, graph["relu_norm"].type.dtype) == ("float64", "float32")
    wide = with_dtype(graph, "float64")
    back = with_dtype(wide, "float32")
    assert back.fingerprint() == graph.fingerprint()
    x = torch.randn(3, 4)
    assert torch.equal(wide.run(x.double()).result.float(), graph.run(x).result)
    with pytest.raises(GraphError, match="does not hold the codes of 'quantize' exactly; give float32 or float64"):
        with_dtype(graph, "float16")


def test_capturing_a_quantized_module_again_says_what_to_do_instead() -> None:
    module = accumulating().to_module()
    with pytest.raises(GraphError, match=r"integer codes.*graph\.set_tensors\(module\.state_dict\(\)\)"):
        capture(module, torch.randn(2, 4))


def test_trained_tensors_are_taken_back() -> None:
    graph = accumulating()
    module = graph.to_module().train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(torch.randn(4, 4)).square().sum().backward()
    optimizer.step()
    graph.set_tensors(module.state_dict())
    x = torch.randn(5, 4)
    assert torch.equal(graph.run(x).result, module.eval()(x))
    assert [name for name, _ in module.named_parameters()] == ["layer.weight", "layer.bias"]


def test_codes_count_as_many_bits_as_their_format_has() -> None:
    counts = {node.name: bind(node.value_bytes, {"N": 2}) for node in count(accumulating()).nodes}
    assert counts["quantize"] == 2 * 4 * 4 + 2 * 4
    assert counts["relu_norm"] == 2 * 2 * 4 + 2 * 2


@pytest.mark.parametrize("op", ["relu", "softmax", "mean", "gelu", "avg_pool2d", "matmul"])
def test_a_row_without_an_integer_definition_refuses_codes(op: str) -> None:
    graph = ModelGraph("refused")
    codes = graph.add("quantize", [graph.add_input("x", (1, 2, 4, 4))], tensors={"scale": number(0.1)})
    operands = [codes, codes] if op == "matmul" else [codes]
    settings = {"kernel_size": (2, 2)} if op == "avg_pool2d" else {}
    with pytest.raises(EditError, match=r"reads codes of int8, and .* put a dequantize before it"):
        graph.add(op, operands, **settings)


@pytest.mark.parametrize(
    ("op", "settings"),
    [
        ("reshape", {"shape": (1, 32)}),
        ("flatten", {}),
        ("permute", {"dims": (0, 2, 3, 1)}),
        ("transpose", {}),
        ("max_pool2d", {"kernel_size": (2, 2)}),
        ("pad", {"pad": (1, 1), "value": 3}),
        ("slice", {"dim": 2, "end": 2}),
        ("upsample", {"scales": (2.0, 2.0)}),
        ("split", {"sizes": (1, 1), "dim": 1}),
        ("dropout", {}),
    ],
)
def test_rows_that_move_numbers_keep_their_format(op: str, settings: dict[str, Any]) -> None:
    graph = ModelGraph("kept")
    codes = graph.add("quantize", [graph.add_input("x", (1, 2, 4, 4))], tensors={"scale": number(0.1)})
    moved = graph.add(op, [codes], **settings)
    assert {item.format for item in graph[moved.node].outputs} == {"int8"}
    graph.set_outputs([moved])
    found = graph.run(torch.randn(1, 2, 4, 4)).result
    assert torch.equal(found, found.round())


def test_an_interpolation_refuses_codes() -> None:
    graph = ModelGraph("refused")
    codes = graph.add("quantize", [graph.add_input("x", (1, 2, 4, 4))], tensors={"scale": number(0.1)})
    with pytest.raises(EditError, match="reads codes of int8"):
        graph.add("upsample", [codes], scales=(2.0, 2.0), mode="bilinear")


def test_values_of_different_formats_are_not_joined() -> None:
    graph = ModelGraph("joined")
    x = graph.add_input("x", (2, 4))
    one = graph.add("quantize", [x], tensors={"scale": number(0.1)})
    two = graph.add("quantize", [x], format="uint8", tensors={"scale": number(0.1)})
    with pytest.raises(EditError, match=r"joins codes of int8 with uint8\[2, 4\]; use quantized_cat"):
        graph.add("cat", [one, two])


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("quantize", {"format": "int9"}, "no such number format; did you mean"),
    ("quantize", {"format": "nf4"}, "no integers of at most 16 bits"),
    ("quantize", {"granularity": "row", "tensors": {}}, "give one of 'static', 'tensor', 'sample', 'token'"),
    ("quantize", {"tensors": {"scale": torch.ones(4)}}, "give a single number, without axes"),
    ("quantize", {"tensors": {"scale": number(1.0), "zero_point": number(1.0)}}, "zero_point is float32"),
]


@pytest.mark.parametrize(("op", "settings", "message"), WRONG)
def test_what_makes_no_sense_is_refused(op: str, settings: dict[str, Any], message: str) -> None:
    graph = ModelGraph("refused")
    x = graph.add_input("x", (2, 4))
    with pytest.raises(EditError, match=message):
        graph.add(op, [x], **{"tensors": {"scale": number(0.1)}, **settings})


def test_quantizing_codes_is_refused() -> None:
    graph = accumulating()
    with pytest.raises(EditError, match="reads codes of int8"):
        graph.add("quantize", ["quantize"], tensors={"scale": number(0.1)})


def test_accumulators_beyond_32_bits_are_refused() -> None:
    graph = accumulating()
    graph.set_tensor("layer.bias", torch.full((2,), 1e12))
    with pytest.raises(GraphError, match=r"'layer'.*more than the 2147483647 of a 32-bit accumulator"):
        graph.run(torch.randn(1, 4))


def test_a_weight_that_is_not_finite_is_named() -> None:
    graph = accumulating()
    graph.set_tensor("layer.weight", torch.tensor([[1.0, float("nan"), 0, 0], [0, 0, 0, 0]]))
    with pytest.raises(GraphError, match=r"tensor 'layer\.weight'.*1 of 8 elements are NaN or infinite"):
        graph.run(torch.randn(1, 4))


def test_what_lies_in_flash() -> None:
    table = standard_ops()
    stored = table["quantized_conv2d"].stored({"weight_format": "4bitsym"})
    assert (stored["weight"], stored["bias"], stored["input_scale"]) == ("4bitsym", "int32", None)
    assert table["encoded_linear"].stored({"weight_format": "nf4"})["weight"] == "nf4"
    assert table["linear"].stored({}) == {}
