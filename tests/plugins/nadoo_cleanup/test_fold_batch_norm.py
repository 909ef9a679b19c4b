"""Folding is exact for every layer that can absorb a norm, and says why it leaves the others alone."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies

from nadoo_cleanup.fold_batch_norm import BATCH_NORMS_FOLDED, FoldBatchNorm
from nadoo_core.errors import NoChangeError, SelectorError
from nadoo_core.passes import Context
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value

AXES = {"conv1d": 1, "conv2d": 2, "conv3d": 3, "conv_transpose1d": 1, "conv_transpose2d": 2, "conv_transpose3d": 3}


def norm_tensors(channels: int, *, affine: bool = True, tracked: bool = True) -> dict[str, torch.Tensor]:
    """The tensors of a batch norm that has seen something."""
    found = {"weight": torch.randn(channels), "bias": torch.randn(channels)} if affine else {}
    statistics = {"running_mean": torch.randn(channels), "running_var": torch.rand(channels) + 0.1}
    return {**found, **(statistics if tracked else {})}


def layer(graph: ModelGraph, op: str, *, channels: int = 4, groups: int = 1, bias: bool = True) -> Value:
    """One layer with an input that fits."""
    if op == "linear":
        tensors = {"weight": torch.randn(channels, 3)} | ({"bias": torch.randn(channels)} if bias else {})
        return graph.add(op, [graph.add_input("x", ("N", 3))], name="layer", tensors=tensors)
    axes, inputs = AXES[op], 2 * groups
    shape = (inputs, channels // groups) if op.startswith("conv_t") else (channels, inputs // groups)
    tensors = {"weight": torch.randn(*shape, *[3] * axes)} | ({"bias": torch.randn(channels)} if bias else {})
    source = graph.add_input("x", ("N", inputs, *[5] * axes))
    options: dict[str, Any] = {"stride": (2,) * axes, "groups": groups}
    return graph.add(op, [source], name="layer", tensors=tensors, **options)


def normed(op: str, *, affine: bool = True, eps: float = 1e-3, **options: Any) -> ModelGraph:
    """A layer with a norm behind it."""
    graph = ModelGraph("normed")
    value = layer(graph, op, **options)
    tensors = norm_tensors(options.get("channels", 4), affine=affine)
    graph.set_outputs([graph.add("batch_norm", [value], name="norm", tensors=tensors, eps=eps)])
    return graph


@given(
    op=strategies.sampled_from(["linear", *AXES]),
    groups=strategies.sampled_from([1, 2, 4]),
    bias=strategies.booleans(),
    affine=strategies.booleans(),
    eps=strategies.sampled_from([1e-5, 1e-3, 1.0]),
)
@settings(max_examples=40)
def test_folding_is_exact(op: str, groups: int, bias: bool, affine: bool, eps: float) -> None:
    """The folded layer computes what layer and norm computed; `run` holds it to that, and here it is asked again."""
    graph = normed(op, groups=groups, bias=bias, affine=affine, eps=eps)
    result = FoldBatchNorm().run(graph)
    assert [node.op for node in result.graph.nodes()] == ["input", op, "output"]
    assert result.record.established == ("batch norms folded",)
    x = torch.randn(2, *[int(str(size)) for size in graph.inputs[0].type.shape[1:]])
    torch.testing.assert_close(result.graph.run(x).result, graph.run(x).result, rtol=1e-4, atol=1e-4)


def test_the_layer_keeps_its_name_attributes_and_tensor_names() -> None:
    graph = normed("conv2d", groups=2, bias=False)
    folded = FoldBatchNorm().run(graph).graph
    assert folded["layer"].attributes == graph["layer"].attributes
    assert dict(folded["layer"].tensors) == {"weight": "layer.weight", "bias": "layer.bias"}
    assert set(folded.tensors) == {"layer.weight", "layer.bias"}
    assert folded.tensors["layer.bias"].role == "parameter"


def test_two_norms_behind_each_other_are_both_folded() -> None:
    graph = normed("conv2d")
    graph.insert_after("norm", "batch_norm", name="second", tensors=norm_tensors(4))
    assert "second" not in FoldBatchNorm().run(graph).graph


def refused(graph: ModelGraph) -> str:
    """Why the only norm is left alone."""
    with pytest.raises(NoChangeError) as caught:
        FoldBatchNorm().run(graph)
    return str(caught.value)


def test_a_norm_behind_anything_else_is_refused() -> None:
    graph = normed("conv2d")
    graph.insert_before("norm", "relu")
    assert "norm: its input comes from 'relu', which cannot absorb a scale" in refused(graph)


def test_a_norm_without_statistics_is_refused() -> None:
    graph = ModelGraph()
    value = layer(graph, "conv2d")
    graph.set_outputs([graph.add("batch_norm", [value], name="norm", tensors=norm_tensors(4, tracked=False))])
    assert "it keeps no running statistics" in refused(graph)


def test_a_layer_that_somebody_else_reads_is_refused() -> None:
    graph = normed("conv2d")
    graph.set_outputs(["norm", graph.add("relu", ["layer"], name="other")])
    assert "'layer' is read by norm, other, which need it as it is" in refused(graph)


def test_a_layer_whose_weight_is_shared_is_refused() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", ("N", 4))
    graph.add_tensor("shared", torch.randn(4, 4))
    value = graph.add("linear", [x], name="one", tensors={"weight": "shared"})
    value = graph.add("batch_norm", [value], name="norm", tensors=norm_tensors(4))
    graph.set_outputs([graph.add("linear", [value], name="two", tensors={"weight": "shared"})])
    assert "'one' shares its weight with two" in refused(graph)


def test_a_norm_over_another_axis_than_the_layers_outputs_is_refused() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", ("N", 4, 4))
    value = graph.add("linear", [x], name="layer", tensors={"weight": torch.randn(4, 4)})
    graph.set_outputs([graph.add("batch_norm", [value], name="norm", tensors=norm_tensors(4))])
    assert "its channels are axis 1 of float32[N, 4, 4]" in refused(graph)


def test_a_quantized_weight_is_refused() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", ("N", 4))
    graph.add_tensor("coded", torch.randn(4, 4), format="int8")
    value = graph.add("linear", [x], name="layer", tensors={"weight": "coded"})
    graph.set_outputs([graph.add("batch_norm", [value], name="norm", tensors=norm_tensors(4))])
    assert "the weight of 'layer' is held as int8; do this before quantizing" in refused(graph)


def test_only_the_selected_norms_are_folded() -> None:
    graph = normed("conv2d")
    second = graph.add("conv2d", ["norm"], name="next", tensors={"weight": torch.randn(2, 4, 1, 1)})
    graph.set_outputs([graph.add("batch_norm", [second], name="head_norm", tensors=norm_tensors(2))])
    result = FoldBatchNorm(where={"exclude": ["head_norm"]}).run(graph)  # type: ignore[arg-type]
    assert [node.name for node in result.graph.nodes(op="batch_norm")] == ["head_norm"]
    assert result.record.established == ()
    assert not BATCH_NORMS_FOLDED.holds(result.graph, frozenset())


def test_a_node_that_is_no_norm_is_refused_by_name() -> None:
    result = FoldBatchNorm(where={"op": ["batch_norm", "conv2d"]}).run(normed("conv2d"))  # type: ignore[arg-type]
    assert [(item.node, item.reason) for item in result.record.refused] == [("layer", "it is no batch norm")]


def test_a_model_without_norms_is_an_error_unless_allowed() -> None:
    graph = FoldBatchNorm().run(normed("linear")).graph
    with pytest.raises(SelectorError, match="fits no node"):
        FoldBatchNorm().run(graph)
    assert not FoldBatchNorm().run(graph, Context.standalone(allow_no_change=True)).record.changed


def test_half_precision_models_are_folded_within_their_own_rounding() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", ("N", 3), "bfloat16")
    value = graph.add("linear", [x], name="layer", tensors={"weight": torch.randn(4, 3).bfloat16()})
    tensors = {role: tensor.bfloat16() for role, tensor in norm_tensors(4).items()}
    graph.set_outputs([graph.add("batch_norm", [value], name="norm", tensors=tensors)])
    result = FoldBatchNorm().run(graph)
    assert result.graph.tensor("layer.weight").dtype == torch.bfloat16
    assert (result.record.measured.error64 or 0) < 1e-2
