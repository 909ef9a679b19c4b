"""Two linear layers with nothing between them are one; they are merged where that saves."""

import itertools

import pytest
import torch
from hypothesis import given, settings, strategies

from nadoo_cleanup.merge_linear import MergeLinear
from nadoo_core.errors import NoChangeError
from nadoo_graphs.graph import ModelGraph


def chain(*widths: int, biases: tuple[bool, ...] = ()) -> ModelGraph:
    """Linear layers behind each other, called fc0, fc1, …"""
    graph = ModelGraph("chain")
    value = graph.add_input("x", ("N", widths[0]))
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        tensors = {"weight": torch.randn(outputs, inputs)}
        if index >= len(biases) or biases[index]:
            tensors["bias"] = torch.randn(outputs)
        value = graph.add("linear", [value], name=f"fc{index}", tensors=tensors)
    graph.set_outputs([value])
    return graph


def layers(graph: ModelGraph) -> list[str]:
    return [node.name for node in graph.nodes(op="linear")]


@given(
    widths=strategies.lists(strategies.integers(1, 9), min_size=3, max_size=6),
    biases=strategies.lists(strategies.booleans(), min_size=5, max_size=5),
)
@settings(max_examples=40)
def test_a_merged_chain_computes_the_same(widths: list[int], biases: list[bool]) -> None:
    """W = Wₙ…W₁ whatever the order of merging; `run` holds every merge to 1e-9 in float64."""
    graph = chain(*widths, biases=tuple(biases))
    result = MergeLinear(force=True).run(graph)
    assert layers(result.graph) == [f"fc{len(widths) - 2}"]
    assert tuple(result.graph.tensor(f"fc{len(widths) - 2}.weight").shape) == (widths[-1], widths[0])
    assert ("bias" in result.graph[layers(result.graph)[0]].tensors) == any(biases[: len(widths) - 1])


@given(widths=strategies.lists(strategies.integers(1, 30), min_size=3, max_size=6))
@settings(max_examples=40)
def test_merging_never_adds_numbers_unless_forced(widths: list[int]) -> None:
    """The merged graph has fewer numbers than the given one, or there was nothing to save."""
    graph = chain(*widths)
    try:
        merged = MergeLinear().run(graph).graph
    except NoChangeError:
        return
    assert count(merged) < count(graph)


def count(graph: ModelGraph) -> int:
    return sum(record.value.numel() for record in graph.tensors.values())


def test_the_figures_of_the_plan() -> None:
    """512 → 1024 → 256 has 786,432 weights, merged 131,072; a bottleneck pays below 170.67."""
    merged = MergeLinear().run(chain(512, 1024, 256, biases=(False, False))).graph
    assert count(merged) == 131_072
    with pytest.raises(NoChangeError, match="it would have 131072 numbers, the two have 130560; force merges them"):
        MergeLinear().run(chain(512, 170, 256, biases=(False, False)))
    assert count(MergeLinear().run(chain(512, 171, 256, biases=(False, False))).graph) == 131_072


def test_a_nonlinearity_between_two_layers_keeps_them_apart() -> None:
    graph = chain(3, 4, 2)
    graph.insert_after("fc0", "relu")
    with pytest.raises(NoChangeError):
        MergeLinear(force=True).run(graph)


def test_a_value_that_somebody_else_reads_keeps_its_layer() -> None:
    graph = chain(3, 9, 2)
    graph.set_outputs(["fc1", "fc0"])
    with pytest.raises(NoChangeError, match="fc1: 'fc0' is read by fc1, output, which need it as it is"):
        MergeLinear().run(graph)


def test_a_shared_weight_keeps_its_layers() -> None:
    graph = ModelGraph()
    graph.add_tensor("shared", torch.randn(4, 4))
    value = graph.add_input("x", ("N", 4))
    for name in ("one", "two"):
        value = graph.add("linear", [value], name=name, tensors={"weight": "shared"})
    graph.set_outputs([value])
    with pytest.raises(NoChangeError, match="two: 'one' shares its weight with two"):
        MergeLinear().run(graph)


def test_only_selected_layers_are_merged() -> None:
    result = MergeLinear(where={"exclude": "fc2"}).run(chain(2, 9, 8, 7))  # type: ignore[arg-type]
    assert layers(result.graph) == ["fc1", "fc2"]


def test_the_merged_layer_stands_under_the_name_of_the_last() -> None:
    merged = MergeLinear().run(chain(2, 9, 3)).graph
    assert dict(merged["fc1"].tensors) == {"weight": "fc1.weight", "bias": "fc1.bias"}
    assert set(merged["fc1"].origin.nodes) >= {"fc0", "fc1"}
