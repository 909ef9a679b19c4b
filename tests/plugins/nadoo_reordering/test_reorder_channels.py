"""reorder-channels: the function stays exactly, weights become smaller or stay, and the report says by how much."""

from typing import Any

import numpy as np
import pytest
import torch

from nadoo_core.errors import NoChangeError, PassError
from nadoo_core.options import structure
from nadoo_core.passes import Context
from nadoo_graphs.channels import analyse_channels
from nadoo_graphs.graph import ModelGraph
from nadoo_reordering.permuting import moved, reordered
from nadoo_reordering.reorder_channels import ReorderChannels


def mixed_rows(rows: int, columns: int, kinds: int, seed: int = 0) -> torch.Tensor:
    """Rows of a few kinds in no order, so that a better one exists."""
    generator = torch.Generator().manual_seed(seed)
    shapes = torch.randn(kinds, columns, generator=generator)
    chosen = torch.randint(0, kinds, (rows,), generator=generator)
    return shapes[chosen] + 0.01 * torch.randn(rows, columns, generator=generator)


def perceptron() -> ModelGraph:
    graph = ModelGraph("perceptron")
    h = graph.add_input("x", ("N", 16))
    h = graph.add("linear", [h], name="fc1", tensors={"weight": mixed_rows(32, 16, 4), "bias": torch.randn(32)})
    norm = {"running_mean": torch.randn(32), "running_var": torch.rand(32) + 0.5, "weight": torch.rand(32) + 0.5}
    h = graph.add("relu", [graph.add("batch_norm", [h], name="norm", tensors=norm)], name="relu")
    graph.set_outputs([graph.add("linear", [h], name="fc2", tensors={"weight": torch.randn(5, 32)})])
    return graph


def residual() -> ModelGraph:
    """Convolutions with a sum between, a flatten behind them, and one group of channels in all of them."""
    generator = torch.Generator().manual_seed(3)
    graph = ModelGraph("residual")
    x = graph.add_input("x", ("N", 3, 4, 4))
    same: dict[str, Any] = {"padding": (1, 1)}
    stem = graph.add("conv2d", [x], name="stem", tensors={"weight": mixed_rows(12, 27, 3).reshape(12, 3, 3, 3)}, **same)
    weight = torch.randn(12, 12, 3, 3, generator=generator)
    h = graph.add("relu", [graph.add("conv2d", [stem], name="conv", tensors={"weight": weight}, **same)], name="relu")
    h = graph.add("flatten", [graph.add("add", [h, stem], name="sum")], name="flat", start_dim=1)
    weight = torch.randn(4, 12 * 16, generator=generator)
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": weight})])
    return graph


def run(graph: ModelGraph, **options: Any) -> Any:
    return structure(ReorderChannels, options, "step").run(graph)


@pytest.mark.parametrize("similarity", ["cosine", "distance", "prefix"])
@pytest.mark.parametrize("solver", ["greedy", "clustering"])
def test_the_weights_become_smaller_and_the_function_stays(similarity: str, solver: str) -> None:
    graph = perceptron()
    result = run(graph, similarity=similarity, solver=solver, readers=False)
    rows = {row["tensor"]: row for row in result.record.tables["compressibility"]}
    assert rows["fc1.weight"]["coded_bits"] < rows["fc1.weight"]["coded_bits_before"]
    assert result.record.measured.error64 < 1e-9
    before, after = (torch.sort(item.tensor("fc1.weight").sum(1)).values for item in (graph, result.graph))
    assert torch.allclose(before, after)


def test_one_group_moves_through_sums_and_flattening() -> None:
    graph = residual()
    changed = graph.copy()
    channels = analyse_channels(graph)
    (group,) = [group for group in channels.groups if len(group) == 12]
    order = np.random.default_rng(0).permutation(12)
    changed.set_tensors(dict(reordered(graph, channels, group, order)))
    x = torch.randn(3, 3, 4, 4)
    assert torch.allclose(changed.run(x).result, graph.run(x).result, rtol=1e-4, atol=1e-2)
    assert not torch.equal(changed.tensor("head.weight"), graph.tensor("head.weight"))


def test_positions_of_a_unit_move_together() -> None:
    units = np.array([0, 0, 1, 1, 2, 2])
    assert moved(units, np.array([0, 1, 2]), np.array([2, 0, 1])).tolist() == [4, 5, 0, 1, 2, 3]
    assert moved(units, np.array([0, 1, 2]), np.arange(3)).tolist() == list(range(6))


@pytest.mark.parametrize("held", ["int4", "4bitsym", "ternary", "int8"])
def test_any_format_with_levels_will_do(held: str) -> None:
    step = structure(ReorderChannels, {"format": held}, "step")
    rows = step.run(perceptron(), Context.standalone(allow_no_change=True)).record.tables["compressibility"]
    assert len(rows) == 2
    assert all(0 < row["coded_bits"] <= row["coded_bits_before"] for row in rows)


def test_an_order_that_saves_nothing_is_refused_with_the_reason() -> None:
    graph = perceptron()
    graph.set_tensor("fc1.weight", torch.zeros(32, 16))
    graph.set_tensor("fc2.weight", torch.zeros(5, 32))
    with pytest.raises(NoChangeError, match="fc1: its 32 channels are no smaller"):
        run(graph)


def test_a_format_that_there_is_not_gets_a_suggestion() -> None:
    with pytest.raises(PassError, match=r"is 'int44', which is no number format; did you mean 'int4'"):
        run(perceptron(), format="int44")


def test_a_format_without_levels_is_refused() -> None:
    with pytest.raises(PassError, match="no finite list"):
        run(perceptron(), format="float32")


def test_weights_that_are_no_numbers_are_named() -> None:
    graph = perceptron()
    graph.set_tensor("fc2.weight", torch.full((5, 32), float("inf")))
    with pytest.raises(PassError, match=r"tensor 'fc2\.weight'"):
        run(graph)
