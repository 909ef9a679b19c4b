"""narrow-linear: merged or through a bottleneck, fewer hidden units with a refit, and refusals."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.data import Examples
from nadoo_core.errors import NoChangeError, OptionError, PassError
from nadoo_core.formulas.factor_sizes import LinearForm, chain_parameters, linear_form
from nadoo_core.options import structure
from nadoo_core.passes import Context, PassResult, Services
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph
from nadoo_low_rank.hidden_units import eliminate
from nadoo_low_rank.narrow_linear import NarrowLinear
from nadoo_low_rank.pairs import Pair
from nadoo_low_rank.singular import LINALG
from nadoo_low_rank.straight_units import straight_units

IN, HIDDEN, OUT = 16, 40, 12


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pair(curve: str = "", rank: int = 16, copies: int = 1) -> ModelGraph:
    """Two layers; the first of a rank, and with its units as often as said."""
    graph = ModelGraph("pair")
    h = graph.add_input("x", ("N", IN))
    first = numbers(HIDDEN // copies, rank) @ numbers(rank, IN, seed=1) / 8
    weight, bias = first.repeat(copies, 1), numbers(HIDDEN // copies, seed=2).repeat(copies)
    h = graph.add("linear", [h], name="wide", tensors={"weight": weight, "bias": bias})
    h = graph.add(curve, [h], name="curve") if curve else h
    tensors = {"weight": numbers(OUT, HIDDEN, seed=3) / 6, "bias": numbers(OUT, seed=4)}
    graph.set_outputs([graph.add("linear", [h], name="narrow", tensors=tensors)])
    return graph


def examples(seed: int = 5) -> Examples:
    return Examples(numbers(400, IN, seed=seed) * torch.linspace(0.05, 2, IN))


def run(graph: ModelGraph, *, data: bool = True, **options: Any) -> PassResult:
    services = Services(data={"calibration": examples()} if data else {})
    return structure(NarrowLinear, options, "step").run(graph, Context(step="narrow", services=services))


def distance(graph: ModelGraph, other: ModelGraph) -> float:
    x = examples(9).inputs
    wanted = graph.run(x).result
    return float(((other.run(x).result - wanted).square().sum() / wanted.square().sum()).sqrt())


# --- one matrix -------------------------------------------------------------------------------------------------------


def test_the_numbers_of_the_plan() -> None:
    assert chain_parameters([512, 1024, 256]) == 786_432
    assert chain_parameters([512, 256]) == 131_072
    assert linear_form(512, 256, 170) is LinearForm.BOTTLENECK
    assert linear_form(512, 256, 171) is LinearForm.MERGED


def test_a_small_width_makes_a_bottleneck() -> None:
    graph = pair()
    result = run(graph, width=4)
    assert tuple(result.graph.tensor("wide.weight").shape) == (4, IN)
    (row,) = result.record.tables["pairs"]
    assert (row["form"], row["width_before"], row["width"]) == ("bottleneck", HIDDEN, 4)
    assert row["parameters"] == count(result.graph).parameters


def test_a_width_that_is_no_smaller_than_the_merged_layer_merges_exactly() -> None:
    graph = pair()
    result = run(graph, width=8)
    assert len(result.graph.nodes(op="linear")) == 1
    assert distance(graph, result.graph) < 1e-5


def test_a_product_of_low_rank_loses_nothing_at_that_rank() -> None:
    graph = pair(rank=3)
    result = run(graph, error=1e-4)
    assert result.record.tables["pairs"][0]["width"] == 3
    assert distance(graph, result.graph) < 1e-3


def test_more_width_loses_no_more_and_data_helps() -> None:
    graph = pair()
    errors = [distance(graph, run(graph, width=width).graph) for width in (1, 2, 3, 5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < distance(graph, run(graph, data=False, width=3).graph)


# --- hidden units -----------------------------------------------------------------------------------------------------


def test_units_that_are_copies_go_for_nothing() -> None:
    graph = pair("relu", copies=4)
    result = run(graph, width=HIDDEN // 4)
    assert distance(graph, result.graph) < 1e-2
    assert tuple(result.graph.tensor("narrow.weight").shape) == (OUT, HIDDEN // 4)
    assert tuple(result.graph.tensor("wide.bias").shape) == (HIDDEN // 4,)


def test_a_refit_is_better_than_leaving_units_out() -> None:
    graph = pair("gelu")
    result = run(graph, width=20)
    kept = result.graph.tensor("wide.weight")
    places = [int((graph.tensor("wide.weight") == row).all(1).nonzero()[0, 0]) for row in kept]
    plain = result.graph.copy()
    plain.set_tensor("narrow.weight", graph.tensor("narrow.weight")[:, places].contiguous())
    plain.set_tensor("narrow.bias", graph.tensor("narrow.bias"))
    assert distance(graph, result.graph) < distance(graph, plain)


@given(st.integers(0, 50))
def test_an_elimination_says_what_the_refit_loses(seed: int) -> None:
    rows = numbers(60, 8, seed=seed).double()
    weight, moments = numbers(3, 8, seed=seed + 1).double(), rows.T @ rows / 60
    path = eliminate(weight, moments)
    assert sorted(path.order) == list(range(8))
    assert list(path.errors) == sorted(path.errors)
    for width in (2, 5):
        kept = path.kept(width)
        refit = LINALG.solve(moments[kept][:, kept], (weight @ moments[:, kept]).T).T
        missed = rows @ weight.T - rows[:, kept] @ refit.T
        assert float(missed.square().sum() / 60) == pytest.approx(path.errors[8 - width - 1], rel=1e-3, abs=1e-6)
        assert path.smallest(path.relative(width) + 1e-9) <= width


def test_a_unit_that_is_always_zero_goes_first() -> None:
    rows = numbers(30, 4).double()
    rows[:, 2] = 0
    assert eliminate(numbers(2, 4).double(), rows.T @ rows).order[0] == 2


# --- a path beside ----------------------------------------------------------------------------------------------------


def partly_straight(curve: str, straight: int, **attributes: float) -> ModelGraph:
    """Two layers whose first units calibration data keeps far from any kink, half of them above and half below."""
    graph = pair("relu")
    bias = graph.tensor("wide.bias").clone()
    signs = torch.tensor([1.0, -1.0]).repeat(HIDDEN)
    bias[:straight] = 60 * signs[:straight]
    graph.set_tensor("wide.bias", bias)
    graph.replace("curve", curve, **attributes)
    return graph


@pytest.mark.parametrize(
    ("curve", "attributes"),
    [("relu", {}), ("leaky_relu", {"negative_slope": 0.125}), ("shifted_relu", {"c": 1.0}),
     ("hardtanh", {"min_val": -100.0, "max_val": 0.5})],
)  # fmt: skip
def test_units_that_stay_on_one_piece_become_a_path_beside_exactly(curve: str, attributes: dict[str, float]) -> None:
    graph = partly_straight(curve, 32, **attributes)
    result = run(graph, error=1e-6)
    (row,) = result.record.tables["pairs"]
    assert row["form"] == "path beside" and row["width"] <= 8
    assert row["parameters"] == count(result.graph).parameters < row["parameters_before"]
    assert distance(graph, result.graph) < 1e-5
    assert [node.name for node in result.graph.nodes(op="add")] == ["narrow.sum"]


def test_where_all_units_stay_on_one_piece_one_layer_is_left() -> None:
    graph = partly_straight("relu", HIDDEN)
    result = run(graph, error=1e-6)
    assert [node.op for node in result.graph.nodes()] == ["input", "linear", "output"]
    assert result.record.tables["pairs"][0]["form"] == "merged"
    assert distance(graph, result.graph) < 1e-5


def chain(*widths: int) -> ModelGraph:
    """Linear layers with activations between; biases keep some of their units on one piece."""
    graph = ModelGraph("chain")
    h = graph.add_input("x", ("N", IN))
    for place, (inputs, outputs) in enumerate(zip((IN, *widths), widths, strict=False)):
        h = graph.add("relu", [h], name=f"curve{place}") if place else h
        weight, bias = numbers(outputs, inputs, seed=place) / 4, 2 * numbers(outputs, seed=place + 9)
        h = graph.add("linear", [h], name=f"layer{place}", tensors={"weight": weight, "bias": bias})
    graph.set_outputs([h])
    return graph


@pytest.mark.parametrize("error", [0.02, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("widths", [(40, 6, 30, 5), (64, 4, 64, 4, 12), (20, 20, 20, 5)])
def test_pairs_that_share_a_layer_are_narrowed_one_after_the_other(widths: tuple[int, ...], error: float) -> None:
    graph = chain(*widths)
    result = run(graph, error=error)
    assert count(result.graph).parameters < count(graph).parameters
    assert distance(graph, result.graph) < 0.6
    forms = {row["form"] for row in result.record.tables["pairs"]}
    assert forms <= {"fewer units", "path beside", "merged"}


def test_a_given_width_is_units_alone() -> None:
    result = run(partly_straight("relu", 32), width=10)
    assert result.record.tables["pairs"][0]["form"] == "fewer units"


def test_a_path_that_costs_more_than_its_units_is_not_laid() -> None:
    graph = partly_straight("relu", 4)
    result = run(graph, error=2e-3)
    assert result.record.tables["pairs"][0]["form"] == "fewer units"


def test_units_may_lie_between_kinks_but_not_across() -> None:
    graph = pair("relu6")
    given = torch.tensor([[-2.0, 1.0, 7.0, -1.0], [-1.0, 5.0, 9.0, 1.0]]).double()
    found = straight_units(graph, Pair("wide", ("curve",), "narrow"), given, given.clamp(0, 6))
    assert found.chosen.tolist() == [True, True, True, False]
    assert found.sloping.tolist() == [False, True, False, False]


@pytest.mark.parametrize("error", [0.01, 0.1, 0.4])
def test_the_error_that_is_said_is_what_calibration_data_shows(error: float) -> None:
    graph = partly_straight("relu", 24)
    result = run(graph, error=error)
    row, x = result.record.tables["pairs"][0], examples().inputs
    wanted = graph.run(x).result
    missed = (result.graph.run(x).result - wanted).square().sum()
    spread = (wanted - wanted.mean(0)).square().sum()
    assert float((missed / spread).sqrt()) == pytest.approx(row["relative_error"], rel=0.05, abs=1e-5)
    assert row["relative_error"] <= error


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_an_activation_between_needs_data() -> None:
    with pytest.raises(NoChangeError, match="there is no calibration data to choose its units by"):
        run(pair("relu"), data=False, width=4)


def test_a_width_that_saves_nothing_is_refused_with_the_sizes() -> None:
    graph = ModelGraph("narrow-already")
    h = graph.add_input("x", ("N", 8))
    h = graph.add("linear", [h], name="one", tensors={"weight": numbers(2, 8)})
    graph.set_outputs([graph.add("linear", [h], name="two", tensors={"weight": numbers(8, 2)})])
    with pytest.raises(NoChangeError, match=r"as bottleneck it would have \d+ numbers, the two layers have 32"):
        structure(NarrowLinear, {"width": 3}, "step").run(graph)


def test_a_width_that_is_no_fewer_is_refused() -> None:
    with pytest.raises(NoChangeError, match="40 features are no fewer than the 40"):
        run(pair("relu"), width=40)


def test_a_network_without_pairs_says_what_was_looked_for() -> None:
    graph = ModelGraph("single")
    x = graph.add_input("x", ("N", IN))
    graph.set_outputs([graph.add("linear", [x], name="only", tensors={"weight": numbers(3, IN)})])
    with pytest.raises(NoChangeError, match="only: is fed by no linear layer"):
        run(graph, width=2)


def test_one_rule_is_needed() -> None:
    with pytest.raises(OptionError, match="width and energy"):
        NarrowLinear(width=3, energy=0.5)


def test_weights_that_are_no_numbers_are_named() -> None:
    graph = pair()
    graph.set_tensor("narrow.weight", torch.full((OUT, HIDDEN), float("nan")))
    with pytest.raises(PassError, match=r"tensor 'narrow\.weight': holds NaN"):
        run(graph, width=3)
