"""The measured error is relative, sees every difference, and is found on inputs that the graph takes."""

import math

import pytest
import torch
from hypothesis import given, strategies

from nadoo_core.passes.comparing import made_inputs, relative_error, runnable_inputs
from nadoo_graphs.contract import Contract, InputContract
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import value_type
from tests.core.passes.small import small_graph

numbers = strategies.lists(strategies.floats(-1e6, 1e6, width=32), min_size=1, max_size=8)


@given(numbers)
def test_a_result_is_equal_to_itself(values: list[float]) -> None:
    """error(x, x) = 0, whatever x holds."""
    one = torch.tensor([*values, math.nan, math.inf, -math.inf])
    assert relative_error(one, one.clone()) == 0


@given(numbers, strategies.sampled_from([2.0, 0.5, 1024.0]))
def test_the_error_does_not_depend_on_the_scale(values: list[float], factor: float) -> None:
    """error(c·x, c·y) = error(x, y) for a power of two c."""
    one = torch.tensor([*values, 1.0], dtype=torch.float64)
    other = one + torch.linspace(0, 1, len(one), dtype=torch.float64)
    assert relative_error(factor * one, factor * other) == pytest.approx(relative_error(one, other), rel=1e-12)


@pytest.mark.parametrize(
    ("one", "other", "error"),
    [
        ([2.0, -4.0], [2.0, -5.0], 0.25), ([0.0, 0.0], [0.0, 0.5], 0.5), ([1.0, math.nan], [1.0, 1.0], math.inf),
        ([1.0, math.inf], [1.0, -math.inf], math.inf), ([1.0], [1.0, 1.0], math.inf), ([], [], 0.0),
        ([1.0, math.nan, math.inf], [1.0, math.nan, -math.inf], math.inf),
    ],
)  # fmt: skip
def test_the_error_of_two_results(one: list[float], other: list[float], error: float) -> None:
    assert relative_error(torch.tensor(one), torch.tensor(other)) == error


def test_complex_results_are_compared_too() -> None:
    assert relative_error(torch.tensor([1 + 1j]), torch.tensor([1 + 1j])) == 0
    assert relative_error(torch.tensor([1j]), torch.tensor([-1j])) == 2


def embedding() -> ModelGraph:
    graph = ModelGraph("embedding")
    indices = graph.add_input("indices", ("N", 3), "int64")
    graph.set_outputs([graph.add("embedding", [indices], tensors={"weight": torch.randn(5, 2)})])
    return graph


def test_made_inputs_keep_to_the_range_of_the_contract() -> None:
    graph = embedding()
    contract = InputContract("indices", value_type(("N", 3), "int64"), 0, 4)
    graph.contract = Contract(inputs=(contract,), symbols={"N": (20, None)})
    indices = made_inputs(graph)["indices"]
    assert indices.shape == (20, 3)
    assert set(indices.unique().tolist()) == {0, 1, 2, 3, 4}


def test_inputs_that_the_graph_refuses_are_left_out() -> None:
    graph = embedding()
    example = torch.tensor([[0, 1, 2]])
    contract = InputContract("indices", value_type(("N", 3), "int64"), 0, 1000, example)
    graph.contract = Contract(inputs=(contract,))
    assert [inputs["indices"].tolist() for inputs in runnable_inputs(graph)] == [[[0, 1, 2]]]


def test_made_inputs_are_the_same_each_time() -> None:
    one, other = made_inputs(small_graph()), made_inputs(small_graph())
    assert torch.equal(one["x"], other["x"])
    assert one["x"].shape == (2, 4)
