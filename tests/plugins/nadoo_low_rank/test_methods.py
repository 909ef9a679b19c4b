"""Each form of a chain: exact at full rank, its size as the tables say, and the laws of what it loses."""

import sys
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_core.errors import PassError
from nadoo_graphs.graph import ModelGraph
from nadoo_low_rank.candidates import METHODS, method_of
from nadoo_low_rank.decomposition import Method
from nadoo_low_rank.layers import obstacle, put_in_place, target_of
from nadoo_low_rank.methods.cp import Cp
from nadoo_low_rank.methods.spatial import Spatial
from nadoo_low_rank.methods.svd import Svd
from nadoo_low_rank.methods.tucker import Tucker
from nadoo_low_rank.singular import LINALG, Search
from nadoo_low_rank.target import Target

EXACT = Search()


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def convolution(weight: torch.Tensor, **attributes: Any) -> ModelGraph:
    graph = ModelGraph("convolution")
    x = graph.add_input("x", ("N", weight.shape[1], 9, 8))
    tensors = {"weight": weight.float(), "bias": numbers(weight.shape[0], seed=5).float()}
    graph.set_outputs([graph.add("conv2d", [x], name="conv", tensors=tensors, **attributes)])
    return graph


def whitened_target(seed: int, outputs: int = 5, inputs: int = 6) -> tuple[Target, torch.Tensor]:
    examples = numbers(inputs, 9, seed=seed) * torch.arange(1, inputs + 1).unsqueeze(1) ** 2
    plain = Target.plain(numbers(outputs, inputs, seed=seed + 1))
    return Target(plain.weight, (), examples @ examples.T, plain.importance), examples


# --- exact at full rank -----------------------------------------------------------------------------------------------


@given(st.integers(1, 2), st.integers(0, 2), st.integers(1, 2), st.sampled_from([(3, 3), (2, 3), (3, 1)]))
def test_at_full_rank_the_chain_computes_what_the_layer_does(
    stride: int, padding: int, dilation: int, kernel: tuple[int, int]
) -> None:
    graph = convolution(numbers(4, 3, *kernel), stride=(stride, 1), padding=(padding, 1), dilation=(1, dilation))
    x = numbers(2, 3, 9, 8, seed=1).float()
    wanted = graph.run(x).result
    for method in (Svd(), Spatial(), Tucker()):
        target = target_of(graph, graph["conv"])
        if method.fits(target):
            changed = graph.copy()
            put_in_place(changed, changed["conv"], method.decompose(target, method.most(target), EXACT))
            changed.verify()
            assert changed.run(x).result.numpy() == pytest.approx(wanted.numpy(), abs=2e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_padding_that_has_a_name_keeps_it(padding: str) -> None:
    graph = convolution(numbers(4, 3, 3, 3), padding=padding)
    x = numbers(2, 3, 9, 8, seed=1).float()
    wanted = graph.run(x).result
    target = target_of(graph, graph["conv"])
    put_in_place(graph, graph["conv"], Spatial().decompose(target, Spatial().most(target), EXACT))
    assert graph.run(x).result.numpy() == pytest.approx(wanted.numpy(), abs=2e-5)


def test_cp_finds_a_tensor_of_its_rank() -> None:
    a, b, c, d = (numbers(size, 2, seed=size) for size in (5, 4, 3, 2))
    weight = torch.einsum("or,cr,hr,wr->ochw", a, b, c, d)
    graph = convolution(weight)
    x = numbers(2, 4, 9, 8, seed=1).float()
    wanted = graph.run(x).result
    found = Cp().decompose(target_of(graph, graph["conv"]), (2,), EXACT)
    assert len(found.stages) == 4
    put_in_place(graph, graph["conv"], found)
    assert graph.run(x).result.numpy() == pytest.approx(wanted.numpy(), abs=1e-2)


def test_cp_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorly", None)
    with pytest.raises(PassError, match=r"pip install 'nadoo\[tensors\]'"):
        Cp().decompose(Target.plain(numbers(4, 18), (3, 3)), (2,), EXACT)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "ranks", "size"),
    [(Tucker(), (16, 32), 9728), (Tucker(), (32, 64), 28672), (Cp(), (32,), 6336), (Spatial(), (32,), 18432),
     (Svd(), (32,), 22528)],
)  # fmt: skip
def test_the_worked_sizes(method: Method, ranks: tuple[int, ...], size: int) -> None:
    target = Target.plain(torch.zeros(128, 64 * 9, dtype=torch.float64), (3, 3))
    assert target.full == 73728
    assert method.numbers(target, ranks) == size


@pytest.mark.parametrize("method", [kind.name for kind in METHODS])
def test_a_size_is_that_of_the_chain(method: str) -> None:
    target = Target.plain(numbers(6, 4 * 9), (3, 3))
    ranks = tuple(min(2, limit) for limit in method_of(method).most(target))
    found = method_of(method).decompose(target, ranks, EXACT)
    assert [stage.weight.numel() for stage in found.stages] == [
        size.numbers for size in method_of(method).sizes(target, ranks)
    ]


# --- what is lost -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 99))
def test_whitening_is_never_worse_than_plain_truncation_on_the_calibration_data(seed: int) -> None:
    target, examples = whitened_target(seed)
    for rank in range(1, 6):
        ours = Svd().decompose(target, (rank,), EXACT).product
        plain = EXACT.decompose(target.weight).product(rank)
        error, other = (float(LINALG.norm((target.weight - item) @ examples)) for item in (ours, plain))
        assert error <= other * (1 + 1e-9) + 1e-10
        best = LINALG.svdvals(target.weight @ examples)[rank:]
        assert error == pytest.approx(float(best.square().sum().sqrt()), abs=1e-7 * float(best.sum() + 1))
        assert LINALG.matrix_rank(ours, rtol=1e-9) <= rank


@given(st.integers(0, 99))
def test_with_inputs_that_are_alike_whitening_is_plain_truncation(seed: int) -> None:
    weight = numbers(5, 6, seed=seed)
    target = Target(weight, (), 4 * torch.eye(6, dtype=torch.float64), torch.ones(5, dtype=torch.float64))
    ours = Svd().decompose(target, (2,), EXACT).product
    assert ours.numpy() == pytest.approx(EXACT.decompose(weight).product(2).numpy(), abs=1e-9)


@given(st.integers(0, 99))
def test_the_error_of_a_tucker_form_is_within_what_both_unfoldings_leave_out(seed: int) -> None:
    weight = numbers(5, 4 * 9, seed=seed)
    target = Target.plain(weight, (3, 3))
    by_inputs = LINALG.svdvals(weight.reshape(5, 4, 9).permute(1, 0, 2).reshape(4, -1))
    by_outputs = LINALG.svdvals(weight)
    (error,) = Tucker().curve(target, [(2, 3)], EXACT)
    assert error <= float(by_inputs[2:].square().sum() + by_outputs[3:].square().sum()) + 1e-9


@pytest.mark.parametrize("method", [Svd(), Spatial(), Tucker()])
@given(seed=st.integers(0, 20))
def test_a_curve_says_what_the_chain_loses(method: Method, seed: int) -> None:
    moments = numbers(36, 60, seed=seed)
    target = Target(numbers(5, 36, seed=seed + 1), (3, 3), moments @ moments.T, numbers(5, seed=seed + 2).abs() + 0.1)
    ranks = [tuple(min(rank, limit) for limit in method.most(target)) for rank in (1, 2, 4)]
    for item, error in zip(ranks, method.curve(target, ranks, EXACT), strict=True):
        found = method.decompose(target, item, EXACT)
        assert target.error(found.product) == pytest.approx(error, rel=1e-6, abs=1e-9)


def test_the_product_is_what_the_stages_multiply_to() -> None:
    target = Target.plain(numbers(5, 4 * 6), (3, 2))
    x = numbers(1, 4, 7, 7, seed=3)
    for method in (Svd(), Spatial(), Tucker(), Cp()):
        found = method.decompose(target, tuple(min(2, limit) for limit in method.most(target)), EXACT)
        value = x
        for stage in found.stages:
            value = F.conv2d(value, stage.weight, groups=stage.weight.shape[0] if stage.depthwise else 1)
        whole = F.conv2d(x, found.product.reshape(5, 4, 3, 2))
        assert value.numpy() == pytest.approx(whole.numpy(), abs=1e-9)


# --- layers that cannot -----------------------------------------------------------------------------------------------


def test_layers_that_cannot_be_decomposed_say_why() -> None:
    graph = ModelGraph("obstacles")
    x = graph.add_input("x", ("N", 4))
    shared = graph.add_tensor("shared", numbers(4, 4).float())
    h = graph.add("linear", [x], name="one", tensors={"weight": shared})
    h = graph.add("linear", [h], name="two", tensors={"weight": shared})
    h = graph.add("relu", [h], name="relu")
    h = graph.add("linear", [h], name="thin", tensors={"weight": numbers(1, 4).float()})
    graph.set_outputs([h])
    assert "shares its weight with two" in str(obstacle(graph, graph["one"]))
    assert "no layer that can be decomposed" in str(obstacle(graph, graph["relu"]))
    assert "rank is 1 already" in str(obstacle(graph, graph["thin"]))
    grouped = convolution(numbers(4, 1, 3, 3).repeat(1, 1, 1, 1)[:, :1])
    assert obstacle(grouped, grouped["conv"]) is None
