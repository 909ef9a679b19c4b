"""swap-norm: the worked values of every norm, what is kept, and what is refused."""

import pytest
import torch

from nadoo_core.data import Examples
from nadoo_core.errors import NoChangeError, SelectorError
from nadoo_core.passes import Context, Services
from nadoo_graphs.graph import ModelGraph
from nadoo_normalization.swap_norm import SwapNorm

WORKED = torch.tensor([[1.0, 2.0, 3.0, -4.0]])
RESULTS = {
    "rms": (0.36515, 0.73030, 1.09545, -1.46059),
    "layer": (0.18570, 0.55709, 0.92848, -1.67126),
    "mean-absolute": (0.4, 0.8, 1.2, -1.6),
}


def normed(op: str, **tensors: torch.Tensor) -> ModelGraph:
    """One norm over four features."""
    graph = ModelGraph("normed")
    x = graph.add_input("x", ("N", 4))
    attributes = {} if op == "batch_norm" else {"normalized_shape": (4,)}
    graph.set_outputs([graph.add(op, [x], name="norm", tensors=tensors, **attributes)])
    return graph


def statistics() -> dict[str, torch.Tensor]:
    """The running statistics of a batch norm that does nothing."""
    return {"running_mean": torch.zeros(4), "running_var": torch.ones(4)}


@pytest.mark.parametrize("to", RESULTS)
def test_every_norm_has_its_worked_values(to: str) -> None:
    given = normed("rms_norm") if to != "rms" else normed("layer_norm")
    found = SwapNorm(to=to).run(given).graph.run(WORKED).result
    assert torch.allclose(found, torch.tensor([RESULTS[to]]), atol=2e-5)


@pytest.mark.parametrize("to", RESULTS)
def test_a_vector_of_zeros_stays_zero(to: str) -> None:
    given = normed("rms_norm") if to != "rms" else normed("layer_norm")
    assert torch.equal(SwapNorm(to=to).run(given).graph.run(torch.zeros(1, 4)).result, torch.zeros(1, 4))


@pytest.mark.parametrize("to", RESULTS)
def test_scale_and_shift_stay(to: str) -> None:
    weight, bias = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([0.5, 0.0, -0.5, 1.0])
    given = normed("batch_norm", weight=weight, bias=bias, **statistics())
    found = SwapNorm(to=to).run(given).graph
    assert torch.allclose(found.run(WORKED).result, torch.tensor([RESULTS[to]]) * weight + bias, atol=1e-4)
    assert {record.value.shape for record in found.tensors.values()} == {(4,)}


def test_a_batch_norm_begins_with_the_statistics_of_the_data() -> None:
    data = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    context = Context(services=Services(data={"calibration": Examples(data)}))
    found = SwapNorm(to="batch").run(normed("layer_norm"), context).graph
    outputs = found.run(data).result
    assert torch.allclose(outputs.mean(0), torch.zeros(4), atol=1e-5)
    assert torch.allclose(outputs.var(0, unbiased=False), torch.ones(4), atol=1e-4)


def test_the_channels_of_an_image_are_normalized_over_their_positions() -> None:
    graph = ModelGraph("image")
    x = graph.add_input("x", ("N", 2, 3, 3))
    tensors = {"running_mean": torch.zeros(2), "running_var": torch.ones(2), "weight": torch.tensor([1.0, 2.0])}
    graph.set_outputs([graph.add("batch_norm", [x], name="norm", tensors=tensors)])
    image = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    outputs = SwapNorm(to="rms").run(graph).graph.run(image).result
    assert torch.allclose(outputs.square().mean((2, 3)), torch.tensor([[1.0, 4.0]]).expand(2, 2), atol=1e-4)


def test_only_the_first_may_be_swapped() -> None:
    graph = ModelGraph("two")
    h = graph.add_input("x", ("N", 4))
    for name in ("first", "second"):
        h = graph.add("rms_norm", [h], name=name, normalized_shape=(4,))
    graph.set_outputs([h])
    found = SwapNorm(where="first", to="layer").run(graph).graph
    assert [found[name].op for name in ("first", "second")] == ["layer_norm", "rms_norm"]


def test_there_and_back_is_the_same_norm() -> None:
    there = SwapNorm(to="layer").run(normed("rms_norm")).graph
    assert torch.equal(SwapNorm(to="rms").run(there).graph.run(WORKED).result, there_and(WORKED))


def there_and(values: torch.Tensor) -> torch.Tensor:
    """What the RMS norm gives."""
    graph = normed("rms_norm")
    graph.update("norm", eps=1e-6)
    return graph.run(values).result


def test_a_norm_that_is_there_already_is_refused() -> None:
    with pytest.raises(NoChangeError, match="rms norm already"):
        SwapNorm(to="rms").run(normed("rms_norm"))


def test_a_batch_norm_of_sequences_is_refused() -> None:
    graph = ModelGraph("tokens")
    x = graph.add_input("x", ("N", 3, 4))
    graph.set_outputs([graph.add("layer_norm", [x], name="norm", normalized_shape=(4,))])
    with pytest.raises(NoChangeError, match="channels on axis 1"):
        SwapNorm(to="batch").run(graph)


def test_a_graph_without_norms_is_refused() -> None:
    graph = ModelGraph("none")
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N", 4))])])
    with pytest.raises(SelectorError):
        SwapNorm().run(graph)
