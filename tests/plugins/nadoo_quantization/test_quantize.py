"""quantize: which rows come about, how close they are, and that training and saving go on from there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import nadoo_core as nadoo
from nadoo_core.errors import PassError
from nadoo_core.passes import LayerTable, Selector
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.formats.joint import joint_pairs
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.calibrate import Calibrate
from nadoo_quantization.equalize import equalize
from nadoo_quantization.quantize import QUANTIZED, Quantize
from tests.plugins.nadoo_quantization.networks import (
    context,
    correlated,
    decibels,
    images,
    mixed,
    perceptron,
    residual,
    seeded,
    tokens,
)

FORMATS = (
    "int8", "int4", "int3", "int2", "4bitsym", "2bitsym", "ternary", "binary", "binarysym", "nf4", "fp130", "8bit",
    "4bit", "23level", "dorefa4", "float16", "bfloat16",
)  # fmt: skip


def ops(graph: ModelGraph) -> set[str]:
    """The operators of a graph."""
    return {node.op for node in graph.nodes()}


def test_a_residual_network_computes_on_codes_from_end_to_end() -> None:
    result = Quantize().run(residual(), context(images()))
    found = result.graph
    assert ops(found) == {
        "input", "quantize", "quantized_conv2d", "quantized_add", "max_pool2d", "quantized_mean", "quantized_linear",
        "dequantize", "output",
    }  # fmt: skip
    assert found["first"].attributes["minimum"] == int(found.tensor("first.zero_point"))
    assert found["head"].type.format == "int32"
    assert QUANTIZED.holds(found, frozenset())
    fresh = images(seed=1)
    assert decibels(residual().run(fresh).result, found.run(fresh).result) > 25


@pytest.mark.parametrize(("activations", "weights"), joint_pairs()[::4])
def test_joint_level_counts_serve_activations_and_weights(activations: int, weights: int) -> None:
    """An odd number of levels each, no power of two: what a value reaches lies at the last."""
    step = Quantize(
        weights=LayerTable({"*": f"{weights}level"}), activations=LayerTable({"*": f"u{activations}level"}),
        ranges="minmax",
    )  # fmt: skip
    found = step.run(residual(), context(images())).graph
    module, fresh = found.to_module(), images(seed=1)
    assert torch.equal(module.eval()(fresh), module.train()(fresh))
    codes = found.run(images(), keep=["first"]).values["first"]
    assert found["first"].type.format == f"u{activations}level"
    assert int(codes.min()) == 0 and 0.8 * (activations - 1) < int(codes.max()) <= activations - 1
    assert int(found.tensor("first.weight").abs().max()) <= weights // 2


@pytest.mark.parametrize("name", ["5bitsym", "nf4", "int32", "float16"])
def test_activations_are_integers_without_a_gap(name: str) -> None:
    with pytest.raises(PassError, match="holds no activations; give integers of at most 16 bits"):
        Quantize(activations=LayerTable({"*": name})).run(residual(), context(images()))


def test_relu6_is_a_bound_of_the_codes() -> None:
    given = residual()
    found = Quantize(weights=LayerTable({"*": "int8"})).run(given, context(images() * 40)).graph
    scale, zero = float(found.tensor("inner.scale")), int(found.tensor("inner.zero_point"))
    assert found["inner"].attributes["maximum"] == min(round(6 / scale) + zero, 127)


def test_all_operators_with_an_integer_definition_are_rewritten() -> None:
    result = Quantize().run(mixed(), context(tokens()))
    assert {
        "pad", "quantized_lookup", "quantized_matmul", "quantized_softmax", "quantized_mul", "quantized_cat",
        "quantized_layer_norm", "quantized_linear",
    } <= ops(result.graph)  # fmt: skip
    assert not any("in floating point" in text for text in result.record.log)
    fresh = tokens(seed=1)
    assert decibels(mixed().run(fresh).result, result.graph.run(fresh).result) > 20


def test_numbers_of_the_last_layer_may_be_moved_and_pooled() -> None:
    module = nn.Sequential(nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Unflatten(1, (4, 9)))
    given = seeded(module, images(2))
    found = Quantize().run(given, context(images())).graph
    assert decibels(given.run(images(seed=1)).result, found.run(images(seed=1)).result) > 25


def test_a_norm_without_a_number_below_its_root_takes_that_of_the_dtype() -> None:
    given = seeded(nn.Sequential(nn.Linear(4, 8), nn.RMSNorm(8), nn.Linear(8, 3)), tokens(2))
    found = Quantize().run(given, context(tokens())).graph
    norm = found.nodes(op="quantized_rms_norm")[0]
    assert norm.attributes["eps"] == torch.finfo(torch.float32).eps
    assert decibels(given.run(tokens(seed=1)).result, found.run(tokens(seed=1)).result) > 20


def test_what_has_no_integer_definition_runs_between_dequantize_and_quantize_and_is_named() -> None:
    graph = perceptron()
    graph.insert_after("1", "cumsum", name="running", dim=1)
    result = Quantize().run(graph, context(correlated()))
    assert result.graph.producer("running").op == "dequantize"
    assert [node.op for node, _ in result.graph.consumers("running")] == ["quantize"]
    assert any("running (cumsum)" in text for text in result.record.log)


def test_a_root_of_codes_that_might_be_negative_stays_in_floating_point() -> None:
    graph = perceptron()
    graph.insert_after("0", "abs", name="positive")
    graph.insert_after("positive", "sqrt", name="root")
    for symmetric, op in ((True, "sqrt"), (False, "quantized_lookup")):
        result = Quantize(symmetric=symmetric).run(graph, context(correlated()))
        assert result.graph["root"].op == op
        assert any("root (sqrt)" in text for text in result.record.log) == symmetric
        fresh = correlated(64, 1)
        assert decibels(graph.run(fresh).result, result.graph.run(fresh).result) > 20


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_weights_runs_and_keeps_its_promise_about_codes(name: str) -> None:
    found = Quantize(weights=LayerTable({"*": name})).run(perceptron(), context(correlated())).graph
    outputs = found.run(correlated(16, 1)).result
    assert bool(outputs.isfinite().all())
    row = standard_formats()[name]
    for layer in ("0", "2", "4"):
        assert found[layer].attributes["weight_format"] == name
        assert found[layer].op.startswith("encoded_" if row.kind == "float" else "quantized_")


@settings(max_examples=12, deadline=None)
@given(
    activations=st.sampled_from(["int8", "uint8", "int16", "int6"]),
    granularity=st.sampled_from(["output", "tensor"]),
    symmetric=st.booleans(),
    requantize=st.sampled_from(["double", "single"]),
    estimator=st.sampled_from(["minmax", "percentile", "mse", "moving-average", "kl"]),
)
def test_any_choice_stays_close(
    activations: str, granularity: str, symmetric: bool, requantize: str, estimator: str
) -> None:
    if activations == "uint8":
        symmetric = False
    step = Quantize(
        activations=LayerTable({"*": activations}), granularity=granularity, symmetric=symmetric,
        requantize=requantize, ranges=estimator,
    )  # type: ignore[arg-type] # fmt: skip
    found = step.run(perceptron(), context(correlated())).graph
    assert decibels(perceptron().run(correlated(64, 1)).result, found.run(correlated(64, 1)).result) > 15


def test_formats_by_layer_and_for_the_ends() -> None:
    step = Quantize(weights=LayerTable({"*": "int4", "2": "ternary"}), first="int8", last="8bit")
    found = step.run(perceptron(), context(correlated())).graph
    assert [found[name].attributes["weight_format"] for name in ("0", "2", "4")] == ["int8", "ternary", "8bit"]


def test_a_selector_leaves_the_others_in_floating_point() -> None:
    step = Quantize(where=Selector(op=("linear",), exclude=("0",)))
    found = step.run(perceptron(), context(correlated())).graph
    assert found["0"].op == "linear"
    assert found["2"].op == "quantized_linear"
    assert found.producer("2").op == "quantize"


def test_weights_alone_need_no_data() -> None:
    found = Quantize(activations=LayerTable({"*": "none"}), weights=LayerTable({"*": "int4"})).run(perceptron()).graph
    assert ops(found) == {"input", "encoded_linear", "relu", "output"}


@pytest.mark.parametrize("kind", ["tensor", "sample", "token"])
def test_scales_at_run_time_need_no_data_either(kind: str) -> None:
    found = Quantize(activation_scale=kind, bias_correction=False).run(perceptron()).graph  # type: ignore[arg-type]
    inputs = correlated(32, 1)
    assert decibels(perceptron().run(inputs).result, found.run(inputs).result) > 30
    assert decibels(perceptron().run(inputs * 100).result, found.run(inputs * 100).result) > 25


@pytest.mark.parametrize("name", ["int4", "4bitsym", "nf4", "23level", "5bitsym"])
@pytest.mark.parametrize("rounding", ["nearest", "adaptive"])
def test_scales_at_run_time_go_with_every_format(name: str, rounding: str) -> None:
    step = Quantize(activation_scale="token", weights=LayerTable({"*": name}), rounding=rounding)  # type: ignore[arg-type]
    found = step.run(perceptron(), context(correlated())).graph
    inputs = correlated(64, 1)
    assert decibels(perceptron().run(inputs).result, found.run(inputs).result) > 20


def test_convolutions_with_scales_at_run_time_are_rounded_by_the_data() -> None:
    step = Quantize(activation_scale="sample", weights=LayerTable({"*": "int4"}), rounding="adaptive")
    found = step.run(residual(), context(images())).graph
    nearest = evolve(step, rounding="nearest").run(residual(), context(images())).graph
    wanted, fresh = residual().run(images(seed=1)).result, images(seed=1)
    assert decibels(wanted, found.run(fresh).result) > decibels(wanted, nearest.run(fresh).result)


@pytest.mark.parametrize("options", [{"activation_scale": kind} for kind in ("tensor", "sample", "token")] + [
    {"activations": LayerTable({"*": "none"})}
])  # fmt: skip
def test_convolutions_that_are_flattened_need_no_static_scales(options: dict[str, Any]) -> None:
    network = nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(144, 4)
    )
    inputs = images(16)
    graph = seeded(network, inputs[:2])
    found = Quantize(**options).run(graph, context(inputs)).graph
    assert decibels(graph.run(inputs).result, found.run(inputs).result) > 25


def test_learned_scales_are_parameters() -> None:
    found = Quantize(clip=LayerTable({"*": "learned"})).run(perceptron(), context(correlated())).graph
    assert found.record("0.weight_scale").role == "parameter"
    assert found["0"].attributes["step_gradient"] == "lsq"
    module = found.to_module().train()
    module(correlated(8)).square().sum().backward()
    assert float(dict(module.named_parameters())["0.weight_scale"].grad.abs().sum()) > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("scale", [1e-6, 1e-12, 1e-30])
@pytest.mark.parametrize("name", ["int8", "4bitsym", "nf4", "ternary"])
def test_a_dead_channel_gives_its_bias(scale: float, name: str) -> None:
    given = perceptron()
    for layer, row in (("2", 3), ("4", 1)):
        weight, bias = given.tensor(f"{layer}.weight").clone(), given.tensor(f"{layer}.bias").clone()
        weight[row] *= scale
        bias[row] = 0.5
        given.set_tensor(f"{layer}.weight", weight)
        given.set_tensor(f"{layer}.bias", bias)
    result = Quantize(weights=LayerTable({"*": name})).run(given, context(correlated()))
    found = result.graph.run(correlated(16, 1)).result
    assert torch.allclose(found[:, 1], torch.full((16,), 0.5), atol=1e-3)
    assert scale == 1e-6 or any("2: its bias needs" in text for text in result.record.log)


def test_activations_of_next_to_nothing_leave_the_bias_as_it_is() -> None:
    given = perceptron()
    for role in ("weight", "bias"):
        given.set_tensor(f"0.{role}", given.tensor(f"0.{role}") * 1e-9)
    found = Quantize().run(given, context(correlated())).graph
    assert decibels(given.run(correlated(16, 1)).result, found.run(correlated(16, 1)).result) > 30


def test_tied_weights_stay_tied_with_one_scale() -> None:
    graph = ModelGraph("tied")
    weight = torch.randn(6, 6, generator=torch.Generator().manual_seed(0))
    h = graph.add_input("x", ("N", 6))
    name = graph.add_tensor("shared", weight)
    for layer in ("one", "two"):
        h = graph.add("relu", [graph.add("linear", [h], name=layer, tensors={"weight": name})])
    graph.set_outputs([h])
    found = Quantize(weights=LayerTable({"*": "int4"})).run(graph, context(torch.rand(32, 6))).graph
    assert found["one"].tensors["weight"] == found["two"].tensors["weight"] == "shared"
    assert found["one"].tensors["weight_scale"] == found["two"].tensors["weight_scale"]


def test_the_module_is_the_integers_in_training_too_and_gradients_pass() -> None:
    found = Quantize(weights=LayerTable({"*": "int4"})).run(residual(), context(images())).graph
    module, inputs = found.to_module(), images(8, 1)
    assert torch.equal(module(inputs), module.train()(inputs))
    module(inputs).square().sum().backward()
    assert all(float(item.grad.abs().sum()) > 0 for item in module.parameters() if item.grad is not None)
    assert {name for name, item in module.named_parameters() if item.grad is not None} >= {"first.weight", "head.bias"}


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    found = Quantize(weights=LayerTable({"*": "4bitsym"})).run(residual(), context(images())).graph
    again = ModelGraph.load(found.save(tmp_path / "graph"))
    assert again.fingerprint() == found.fingerprint()
    assert torch.equal(again.run(images(4, 1)).result, found.run(images(4, 1)).result)


# --- rounding by the data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "gain"), [("int4", 2), ("int3", 3), ("2bitsym", 1), ("ternary", 2), ("nf4", 1)])
def test_rounding_by_the_data_is_better_on_data_that_it_did_not_see(name: str, gain: float) -> None:
    graph, fresh = perceptron(width=32), correlated(256, 7)
    found = {
        rounding: Quantize(weights=LayerTable({"*": name}), rounding=rounding).run(graph, context(correlated())).graph
        for rounding in ("nearest", "adaptive")
    }  # type: ignore[arg-type]
    nearest, adaptive = (decibels(graph.run(fresh).result, item.run(fresh).result) for item in found.values())
    assert adaptive > nearest + gain


def test_weights_encode_to_the_chosen_levels_and_stay_near_what_they_were() -> None:
    """Between the borders of its level a weight goes to where the float model had it, so that training begins there."""
    given = residual()
    found = Quantize(weights=LayerTable({"*": "int3"})).run(given, context(images())).graph
    row = standard_formats()["int3"]
    for name in ("first", "inner", "point", "head"):
        weight = found.tensor(found[name].tensors["weight"])
        scale = found.tensor(found[name].tensors["weight_scale"]).reshape(-1, *(1,) * (weight.ndim - 1))
        codes = row.encode(weight, scale)
        held, original = row.decode(codes, scale), given.tensor(f"{name}.weight")
        assert torch.equal(row.encode(held, scale), codes)
        assert bool(((weight - original).abs() <= (held - original).abs() + 1e-6).all())
        assert float((weight - original).abs().mean()) < 0.5 * float((held - original).abs().mean())


def test_the_mean_of_every_channel_is_kept() -> None:
    graph, data = perceptron(), correlated()
    found = (
        Quantize(weights=LayerTable({"*": "int2"}), rounding="nearest")
        .run(
            graph,
            context(
                data,
            ),
        )
        .graph
    )
    wanted, outputs = graph.run(data[:256]).result.mean(0), found.run(data[:256]).result.mean(0)
    assert torch.allclose(wanted, outputs, atol=0.02)


def test_equalization_computes_the_same_and_evens_the_ranges() -> None:
    graph = residual()
    graph.set_tensor("inner.weight", graph.tensor("inner.weight") * torch.logspace(-2, 2, 8).reshape(-1, 1, 1, 1))
    even, double = graph.copy(), perceptron()
    before = double.run(correlated(8)).result
    assert equalize(double) == 2
    assert torch.allclose(double.run(correlated(8)).result, before, rtol=1e-4, atol=1e-5)
    first, second = double.tensor("0.weight"), double.tensor("2.weight")
    assert torch.allclose(first.abs().amax(1), second.abs().amax(0), rtol=1e-2)
    assert equalize(even) == 0 or torch.allclose(even.run(images(4)).result, graph.run(images(4)).result, atol=1e-4)


# --- the report -------------------------------------------------------------------------------------------------------


def test_the_table_says_what_each_layer_lost() -> None:
    rows = (
        Quantize(weights=LayerTable({"*": "4bitsym"})).run(perceptron(), context(correlated())).record.tables["layers"]
    )
    assert [row["layer"] for row in rows] == ["0", "2", "4"]
    for row in rows:
        assert row["format"] == "4bitsym"
        assert 0 <= row["clipped_share"] <= 1
        assert 0 < row["entropy_bits"] <= 4
        assert row["capacity_used"] == pytest.approx(row["entropy_bits"] / 4, rel=1e-4)
        assert 0 <= row["positive_share"] <= 1
        assert row["output_snr_db"] > 5
        assert len(row["clip"]) == 3


def test_the_accuracy_with_one_layer_alone_is_measured_on_request() -> None:
    from nadoo_core.testing.context import stand_in_evaluate

    given = context(correlated(), evaluate=stand_in_evaluate)
    step = Quantize(weights=LayerTable({"*": "int2"}), report="accuracy")
    rows = step.run(perceptron(), given).record.tables["layers"]
    assert len({row["accuracy_alone"] for row in rows}) == 3


# --- calibration ------------------------------------------------------------------------------------------------------


def test_ranges_of_a_calibration_are_used_and_then_taken_out() -> None:
    wide = Calibrate().run(perceptron(), context(correlated() * 4)).graph
    assert tuple(wide.tensor("0.range").shape) == (2,)
    found = Quantize().run(wide, context(correlated(), calibrated=True)).graph
    fresh = Quantize().run(perceptron(), context(correlated())).graph
    assert float(found.tensor("0.scale")) > 2 * float(fresh.tensor("0.scale"))
    assert not any(name.endswith("range") for name in found.tensors)


def test_ranges_from_before_a_training_are_not_used() -> None:
    stale = Calibrate().run(perceptron(), context(correlated() * 4)).graph
    found = Quantize().run(stale, context(correlated())).graph
    fresh = Quantize().run(perceptron(), context(correlated())).graph
    assert torch.equal(found.tensor("0.scale"), fresh.tensor("0.scale"))


def test_a_calibration_shows_its_ranges_and_changes_no_result() -> None:
    result = Calibrate(estimator="percentile").run(perceptron(), context(correlated()))
    rows = {row["value"]: row for row in result.record.tables["ranges"]}
    assert set(rows) == {"input", "0", "1", "2", "3", "4"}
    assert rows["1"]["low"] == 0
    assert torch.equal(result.graph.run(correlated(4)).result, perceptron().run(correlated(4)).result)


class Pairwise(nn.Module):
    """Two inputs, and a factor that is a single number."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(8, 6), nn.Linear(4, 6)
        self.factor = nn.Parameter(torch.tensor(3.0))

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        """A sum, scaled."""
        other = x[:, :4] if y is None else y
        return torch.relu(self.one(x) * self.factor + self.two(other))


def test_a_single_number_may_be_an_operand() -> None:
    graph = nadoo.capture(Pairwise().eval(), correlated(2))
    found = Quantize().run(graph, context(correlated())).graph
    assert "quantized_mul" in ops(found)
    assert decibels(graph.run(correlated(8, 1)).result, found.run(correlated(8, 1)).result) > 25


def test_a_graph_of_several_inputs_is_quantized_without_calibration_data_or_told_how() -> None:
    graph = nadoo.capture(Pairwise().eval(), (correlated(2), correlated(2)[:, :4]))
    with pytest.raises(PassError, match="activation_scale = 'tensor', or weights alone"):
        Quantize().run(graph, context(correlated()))
    for step in (Quantize(activations=LayerTable({"*": "none"})), Quantize(activation_scale="tensor")):
        found = step.run(graph, context(correlated())).graph
        given = correlated(8, 1), correlated(8, 2)[:, :4]
        assert decibels(graph.run(*given).result, found.run(*given).result) > 25
