"""remove-layers: blocks are found, the least missed go first, and what cannot be is refused (P4)."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies

from nadoo_core.data import Examples
from nadoo_core.errors import NadooError, NoChangeError, PassError
from nadoo_core.passes import Selector
from nadoo_core.training.options import TrainingChoices
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from nadoo_pruning.blocks import Block, find_blocks
from nadoo_pruning.projections import Projection, stride_of
from nadoo_pruning.remove_layers import RemoveLayers, change, damage, divergence, influence, macs
from tests.plugins.nadoo_pruning.small import context_with, images, norm_tensors, outputs


def block(graph: ModelGraph, value: Value, name: str, size: float) -> Value:
    """A residual block of a certain strength; 0 makes it an identity."""
    weights = [torch.randn(6, 6, 3, 3) / 6, torch.randn(6, 6, 3, 3) / 6 * size]
    h = graph.add("conv2d", [value], name=f"{name}.conv1", tensors={"weight": weights[0]}, padding=(1, 1))
    h = graph.add("batch_norm", [h], name=f"{name}.norm", tensors=norm_tensors(6))
    h = graph.add("relu", [h], name=f"{name}.relu")
    h = graph.add("conv2d", [h], name=f"{name}.conv2", tensors={"weight": weights[1]}, padding=(1, 1))
    return graph.add("add", [h, value], name=f"{name}.sum")


def tower(*sizes: float) -> ModelGraph:
    """A stem, residual blocks of certain strengths, and a head."""
    torch.manual_seed(0)
    graph = ModelGraph("tower")
    x = graph.add_input("x", ("N", 3, 6, 6))
    h = graph.add("conv2d", [x], name="stem", tensors={"weight": torch.randn(6, 3, 3, 3)}, padding=(1, 1))
    for index, size in enumerate(sizes):
        h = block(graph, h, f"block{index}", size)
    h = graph.add("mean", [h], name="mean", dim=(2, 3))
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": torch.randn(4, 6)})])
    return graph


def test_blocks_are_found_with_all_their_layers_and_plain_layers_of_equal_ends() -> None:
    blocks = find_blocks(tower(1, 1))
    residual = [item for item in blocks if item.residual]
    assert [item.nodes for item in residual] == [
        ("block0.conv1", "block0.norm", "block0.conv2"),
        ("block1.conv1", "block1.norm", "block1.conv2"),
    ]
    plain = {("block0.conv1",), ("block0.conv1", "block0.norm"), ("block1.conv2",)}
    assert plain <= {item.nodes for item in blocks}


def test_what_is_also_read_elsewhere_is_no_block() -> None:
    graph = ModelGraph("shared")
    start = graph.add("relu", [graph.add_input("x", ("N", 6))], name="start")
    wide = graph.add("linear", [start], name="wide", tensors={"weight": torch.randn(12, 6)})
    first = graph.add("split", [wide], name="halves", sizes=(6, 6), dim=1)
    both = graph.add("mul", [graph.add("tanh", [first], name="one"), Value("halves", 1)], name="both")
    graph.set_outputs([graph.add("linear", [both], name="head", tensors={"weight": torch.randn(4, 6)})])
    assert [(item.nodes, item.end.node) for item in find_blocks(graph)] == [(("wide",), "both")]


def test_a_norm_alone_is_no_block_and_so_never_goes_in_place_of_work() -> None:
    graph = tower(1, 1)
    assert ("block0.norm",) not in {item.nodes for item in find_blocks(graph)}
    step = RemoveLayers(count=1)
    assert macs(step.run(graph, context_with()).graph) < macs(graph)


@pytest.mark.parametrize("criterion", ["damage", "influence", "change"])
def test_the_block_that_does_nothing_goes_and_nothing_is_lost(criterion: Any) -> None:
    graph = tower(1, 0, 1)
    step = RemoveLayers(count=1, blocks="residual", criterion=criterion)
    result = step.run(graph, context_with())
    assert "block1.conv1" not in result.graph
    assert "block0.conv1" in result.graph
    assert "block1.conv1.weight" not in result.graph.tensors
    torch.testing.assert_close(outputs(result.graph, images(8, 5)), outputs(graph, images(8, 5)))
    (row,) = result.record.tables["removed"]
    assert row["removed"] == "block1.conv1 … block1.conv2"
    assert abs(row[criterion]) < 1e-6


def test_after_each_removal_the_rest_is_judged_again_until_the_share_is_reached() -> None:
    graph = tower(1, 0.3, 0.1, 0.5)
    result = RemoveLayers(macs=0.6, blocks="residual").run(graph, context_with())
    rows = result.record.tables["removed"]
    assert [row["removed"][:6] for row in rows] == ["block2", "block1"]
    assert macs(result.graph) <= 0.6 * macs(graph) < rows[0]["macs"]


def test_damage_ends_the_removal() -> None:
    result = RemoveLayers(max_damage=1e-6, blocks="residual").run(tower(0, 1, 0), context_with())
    assert "block1.conv1" in result.graph
    assert len(result.record.tables["removed"]) == 2


def test_each_removal_is_healed_where_that_is_wanted() -> None:
    calls: list[int] = []

    def train(graph: ModelGraph, **options: Any) -> ModelGraph:
        calls.append(len(graph))
        return graph.copy()

    step = RemoveLayers(count=2, blocks="residual", heal=TrainingChoices())
    step.run(tower(1, 1, 1), context_with(train=train, data={"calibration": images()}))
    assert len(calls) == 2
    assert calls[0] > calls[1]


def test_what_could_be_reached_is_told() -> None:
    with pytest.raises(PassError, match=r"could remove 2 blocks, down to [\d.]+%.*no block is left that may go"):
        RemoveLayers(count=5, blocks="residual").run(tower(1, 1), context_with())
    with pytest.raises(PassError, match=r"could remove 0 blocks.*the next removal does damage"):
        RemoveLayers(count=1, max_damage=1e-9, blocks="residual").run(tower(1), context_with())


def test_only_selected_layers_go() -> None:
    result = RemoveLayers(count=1, blocks="residual", where=Selector(name=("block2.*",))).run(
        tower(0, 0, 1), context_with()
    )
    assert "block2.conv1" not in result.graph


def test_an_end_and_data_are_wanted() -> None:
    with pytest.raises(NadooError, match="has no end; give count, macs or max_damage"):
        RemoveLayers()
    with pytest.raises(PassError, match="needs calibration data to judge blocks"):
        RemoveLayers(count=1).run(tower(1), context_with({}))


# --- not nearly the whole network ---


def levels() -> ModelGraph:
    """A network that goes down and up again and joins both ways at the top: eight layers, five below the top."""
    torch.manual_seed(0)
    graph = ModelGraph("levels")
    same: dict[str, Any] = {"padding": (1, 1)}

    def layer(value: Value, name: str, outputs: int, **attributes: Any) -> Value:
        kernel = 3 if attributes else 1
        shape = (outputs, int(str(graph.type(value).shape[1])), kernel, kernel)
        weight = torch.randn(shape) / shape[1]
        return graph.add("relu", [graph.add("conv2d", [value], name=name, tensors={"weight": weight}, **attributes)])

    top = layer(graph.add_input("x", ("N", 3, 6, 6)), "top", 6, **same)
    h = layer(graph.add("max_pool2d", [top], kernel_size=(2, 2), stride=(2, 2)), "down", 8, **same)
    h = layer(layer(h, "deep1", 10, **same), "deep2", 8, **same)
    weight = torch.randn(8, 6, 2, 2) / 8
    h = graph.add("conv_transpose2d", [h], name="up", tensors={"weight": weight}, stride=(2, 2))
    h = layer(graph.add("cat", [top, layer(h, "back", 6)], dim=1), "join", 6, **same)
    graph.set_outputs([layer(h, "out", 2)])
    return graph


def candidates(graph: ModelGraph, **options: Any) -> list[str]:
    """The names of the blocks that may go."""
    return [item.name for item in RemoveLayers(count=1, **options).candidates(graph)]


def test_a_block_of_more_than_half_of_the_layers_is_no_candidate() -> None:
    graph = levels()
    assert {"down … up", "down … join"} <= {item.name for item in find_blocks(graph)}
    assert candidates(graph) == ["deep1 … deep2", "down … up", "back"]
    assert "down … join" in candidates(graph, largest=0.8)
    (row,) = RemoveLayers(count=1, criterion="influence").run(graph, context_with()).record.tables["removed"]
    assert row["removed"] in candidates(graph)


def test_half_is_half_of_what_is_left() -> None:
    graph = levels()
    graph = RemoveLayers(count=1, where=Selector(name=("deep1", "deep2"))).run(graph, context_with()).graph
    assert candidates(graph) == ["down … up", "back"]
    graph = RemoveLayers(count=1, where=Selector(name=("back",))).run(graph, context_with()).graph
    assert candidates(graph) == ["down … up"]
    result = RemoveLayers(count=2).run(tower(1, 1), context_with())
    assert len(result.record.tables["removed"]) == 2


def around(*sizes: float) -> ModelGraph:
    """Residual blocks, and an addition that skips all of them."""
    graph = tower(*sizes)
    whole = graph.add("add", [Value(f"block{len(sizes) - 1}.sum"), Value("stem")], name="whole")
    graph.rewire(graph["mean"], 0, whole)
    return graph


def test_what_an_addition_skips_may_be_larger_unless_smaller_ones_lie_inside() -> None:
    def of(graph: ModelGraph) -> list[Block]:
        return RemoveLayers(count=1, blocks="residual").candidates(graph)

    assert [item.end.node for item in of(around(1, 1, 1))] == ["block0.sum", "block1.sum", "block2.sum"]
    assert "sum" in {item.end.node for item in RemoveLayers(count=1, projected=True).candidates(narrowing())}


def test_where_no_block_is_left_the_options_that_find_more_are_told() -> None:
    with pytest.raises(PassError, match=r'no block is left.* blocks = "all", projected = true, largest above 0\.5'):
        RemoveLayers(count=1, blocks="residual").run(levels(), context_with())
    with pytest.raises(NoChangeError, match=r"could remove 0 blocks.*the next removal does damage"):
        RemoveLayers(max_damage=1e-12).run(levels(), context_with())


# --- what is judged ---


def test_a_model_of_several_inputs_is_told_apart_from_data_that_is_missing() -> None:
    graph = tower(1)
    graph.add_input("other", ("N", 3))
    with pytest.raises(PassError, match="the inputs x, other, and there is calibration data for models of one only"):
        RemoveLayers(count=1).run(graph, context_with())


def test_results_that_are_no_numbers_cannot_be_judged() -> None:
    graph = tower(1, 1)
    graph.set_tensor("head.weight", graph.tensor("head.weight") * float("nan"))
    with pytest.raises(PassError, match="output 0 of the model is NaN or infinite for calibration data"):
        RemoveLayers(count=1).run(graph, context_with())


def test_a_removal_that_leaves_no_numbers_is_none() -> None:
    graph = ModelGraph("root")
    h = graph.add("relu", [graph.add_input("x", ("N", 4))], name="start")
    h = graph.add("linear", [h], name="safe", tensors={"weight": torch.eye(4), "bias": torch.ones(4)})
    h = graph.add("linear", [graph.add("log", [h])], name="strong", tensors={"weight": torch.randn(4, 4) * 9})
    graph.set_outputs([graph.add("linear", [graph.add("tanh", [h])], name="head", tensors={"weight": torch.eye(4)})])
    data = Examples(torch.randn(32, 4), torch.zeros(32, dtype=torch.int64))
    names = [item.nodes for item in find_blocks(graph)]
    assert ("safe",) in names
    judged = RemoveLayers(count=1, where=Selector(name=("safe",)))
    with pytest.raises(PassError, match="no block is left"):
        judged.run(graph, context_with({"calibration": data}))


def test_numbers_are_no_classes() -> None:
    one, other = torch.randn(5, 3), torch.full((5, 3), 2.0)
    assert damage((one,), (one + other,)) < 1e-9
    assert damage((one,), (one + other,), classes=False) == pytest.approx(20 * 3 / float(one.square().sum()), rel=1e-5)
    graph, data = tower(1, 1), images()
    numbers = Examples(data.inputs, torch.randn(len(data), 4))
    found = [
        RemoveLayers(count=1).run(graph, context_with({"calibration": item})).record.tables["removed"][0]["damage"]
        for item in (data, numbers)
    ]
    assert found[0] != found[1]


# --- projections ------------------------------------------------------------------------------------------------------


def narrowing() -> ModelGraph:
    """A downsampling block with a shortcut of its own, and two linear layers that narrow."""
    torch.manual_seed(0)
    graph = ModelGraph("narrowing")
    h = graph.add("relu", [graph.add_input("x", ("N", 3, 6, 6))], name="start")
    weight = torch.randn(8, 3, 3, 3) / 4
    branch = graph.add("conv2d", [h], name="conv1", tensors={"weight": weight}, stride=(2, 2), padding=(1, 1))
    branch = graph.add("tanh", [branch], name="inner")
    branch = graph.add(
        "conv2d", [branch], name="conv2", tensors={"weight": torch.randn(8, 8, 3, 3) / 9}, padding=(1, 1)
    )
    short = graph.add("conv2d", [h], name="short", tensors={"weight": torch.randn(8, 3, 1, 1)}, stride=(2, 2))
    h = graph.add("relu", [graph.add("add", [branch, short], name="sum")], name="end")
    h = graph.add("mean", [h], name="mean", dim=(2, 3))
    h = graph.add("linear", [h], name="wide", tensors={"weight": torch.randn(20, 8)})
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": torch.randn(4, 20)})])
    return graph


def test_blocks_with_unlike_ends_are_found_where_a_projection_is_less_work() -> None:
    graph = narrowing()
    assert [item.nodes for item in find_blocks(graph)] == [("conv2",)]
    found = {(item.nodes, item.end.node): item.projection for item in find_blocks(graph, projected=True)}
    assert found[("conv1", "conv2", "short"), "sum"] == Projection("conv2d", (2, 2))
    assert found[("wide", "head"), "head"] == Projection("linear")
    assert not any(nodes == ("short",) for nodes, _ in found)


def test_two_linear_layers_become_the_one_that_they_are() -> None:
    graph = narrowing()
    result = RemoveLayers(count=1, projected=True).run(graph, context_with())
    assert result.record.tables["removed"][0]["removed"] == "wide … head"
    assert torch.allclose(outputs(result.graph, images()), outputs(graph, images()), atol=1e-3)
    assert tuple(result.graph.tensor("wide.projection.weight").shape) == (4, 8)


def test_a_downsampling_block_gives_way_to_a_strided_layer() -> None:
    graph = narrowing()
    chosen = Selector(name=("conv1", "conv2", "short"))
    step = RemoveLayers(count=1, blocks="residual", projected=True, where=chosen)
    smaller = step.run(graph, context_with()).graph
    assert smaller["conv1.projection"].attributes["stride"] == (2, 2)
    assert macs(smaller) < macs(graph) / 2
    names = ["sum", "short"]
    before = graph.run(images().inputs, keep=names).values
    fitted = smaller.run(images().inputs, keep=["conv1.projection"]).values["conv1.projection"]
    assert (fitted - before["sum"]).square().sum() < (before["short"] - before["sum"]).square().sum()


def test_projections_are_judged_by_damage_alone() -> None:
    with pytest.raises(NadooError, match="projected compares what comes out, and criterion is 'influence'"):
        RemoveLayers(count=1, projected=True, criterion="influence")


@pytest.mark.parametrize(("before", "after", "stride"), [(8, 8, 1), (8, 4, 2), (7, 4, 2), (9, 3, 3), (8, 7, None)])
def test_a_stride_leaves_so_many_places(before: int, after: int, stride: int | None) -> None:
    assert stride_of(before, after) == stride
    if stride is not None:
        assert len(range(before)[::stride]) == after


@settings(max_examples=20, deadline=None)
@given(seed=strategies.integers(0, 99), scale=strategies.floats(0.01, 100))
def test_influence_lies_in_its_bounds_and_is_zero_for_scaling(seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    one, other = (torch.randn(3, 5, generator=generator) for _ in range(2))
    assert 0 <= influence(one, other) + 1e-9 <= 2 + 1e-6
    assert abs(influence(one, one * scale)) < 1e-6
    assert change(one, one) == 0
    assert divergence(one.double(), other.double()) >= 0
    assert divergence(one.double(), one.double()) == 0
