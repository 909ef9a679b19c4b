"""prune-channels meets its target and never exceeds it, mends what it cuts, and refuses what cannot be."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies

import nadoo_core as nadoo
from nadoo_core.data import Examples
from nadoo_core.errors import NadooError, NoChangeError, PassError
from nadoo_core.importance import Opinion, Scoring
from nadoo_core.passes import Context
from nadoo_core.testing import check_pass
from nadoo_core.training.options import TrainingChoices
from nadoo_graphs.channels import ChannelRule, NodeAxes, analyse_channels
from nadoo_graphs.counting import count
from nadoo_graphs.errors import NonFiniteError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import Op, standard_ops
from nadoo_pruning.channel_scores import OWN
from nadoo_pruning.prune_channels import PruneChannels
from tests.plugins.nadoo_pruning.small import context_with, distance, images, outputs, residual_network

SYMBOLS = {"N": 1}


def share(before: ModelGraph, after: ModelGraph, kind: str) -> float:
    """The share of multiply-accumulates or parameters that is left."""
    one, other = count(before), count(after)
    return other.macs(SYMBOLS) / one.macs(SYMBOLS) if kind == "macs" else other.parameters / one.parameters


# --- targets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("importance", sorted(OWN))
@pytest.mark.parametrize("kind", ["macs", "parameters"])
def test_the_target_is_met_closely_and_not_exceeded_by_every_importance(kind: str, importance: str) -> None:
    graph = residual_network(16, 24)
    options: dict[str, Any] = {kind: 0.6, "importance": importance}
    left = share(graph, PruneChannels(**options).run(graph, context_with()).graph, kind)
    assert 0.6 - 1 / 16 <= left <= 0.6


@settings(max_examples=15, deadline=None)
@given(
    wanted=strategies.floats(0.3, 0.95),
    multiple=strategies.sampled_from([1, 2, 4]),
    rounds=strategies.integers(1, 3),
    scope=strategies.sampled_from(["global", "layer"]),
)
def test_multiples_hold_in_every_layer(wanted: float, multiple: int, rounds: int, scope: Any) -> None:
    graph = residual_network(16, 24)
    step = PruneChannels(macs=wanted, importance="l2", multiple=multiple, rounds=rounds, scope=scope, min_channels=4)
    result = step.run(graph, Context(allow_no_change=True)).graph
    assert share(graph, result, "macs") <= wanted
    for name in ("stem.weight", "wide.weight"):
        assert result.tensor(name).shape[0] % multiple == 0
        assert result.tensor(name).shape[0] >= 4


def test_a_share_of_channels_is_equal_in_every_layer_when_asked_for_by_layer() -> None:
    graph = residual_network(8, 12)
    result = PruneChannels(channels=0.5, scope="layer", importance="l1").run(graph, context_with({})).graph
    assert result.tensor("stem.weight").shape[0] == 4
    assert result.tensor("wide.weight").shape[0] == 6


@pytest.mark.parametrize("kind", ["flash", "latency"])
def test_what_the_estimator_says_of_the_device_is_a_target(kind: str) -> None:
    def estimate(graph: ModelGraph, device: str | None = None) -> Any:
        size = count(graph).parameters * 4
        return SimpleNamespace(flash=SimpleNamespace(value=size), latency=SimpleNamespace(value=size * 1e-6))

    graph = residual_network()
    whole = count(graph).parameters * 4
    wanted = whole * 0.7 * (1 if kind == "flash" else 1e-6)
    options: dict[str, Any] = {kind: int(wanted) if kind == "flash" else wanted}
    result = PruneChannels(**options, importance="l2").run(graph, context_with({}, estimate=estimate)).graph
    assert 0.6 <= count(result).parameters * 4 / whole <= 0.7


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("kind", ["parameters", "flash"])
def test_a_bias_that_the_refit_adds_is_part_of_the_target(kind: str, rounds: int) -> None:
    def estimate(graph: ModelGraph, device: str | None = None) -> Any:
        return SimpleNamespace(flash=SimpleNamespace(value=count(graph).parameters))

    graph = residual_network()
    whole = count(graph).parameters
    for wanted in range(int(whole * 0.5), int(whole * 0.9), 61):
        options: dict[str, Any] = {kind: wanted if kind == "flash" else wanted / whole}
        step = PruneChannels(**options, importance="l1", rounds=rounds)
        result = step.run(graph, context_with(estimate=estimate)).graph
        assert "bias" in result["narrow"].tensors
        assert count(result).parameters <= wanted


def test_an_estimator_that_does_not_know_stops_the_pass() -> None:
    context = context_with({}, estimate=lambda graph, device=None: SimpleNamespace(latency=None))
    with pytest.raises(
        PassError, match="the latency of this model on the device is unknown, because no estimator gives it"
    ):
        PruneChannels(latency=1e-3).run(residual_network(), context)


def test_a_target_out_of_reach_says_what_could_be_reached() -> None:
    with pytest.raises(
        PassError, match=r"from [\d,]+ the selected layers can come down to [\d,]+ .*head: its channels"
    ):
        PruneChannels(macs=0.01).run(residual_network(), context_with({}))


def test_without_a_target_half_of_the_work_stays_and_two_targets_are_refused() -> None:
    graph = residual_network(16, 24)
    assert 0.45 <= share(graph, PruneChannels(importance="l2").run(graph, context_with({})).graph, "macs") <= 0.5
    with pytest.raises(NadooError, match="has macs and parameters; give one of macs, parameters, channels, flash"):
        PruneChannels(macs=0.5, parameters=0.5)


# --- what goes --------------------------------------------------------------------------------------------------------


def test_activity_and_the_share_of_zeros_are_those_of_what_layers_read() -> None:
    graph = ModelGraph("two")
    h = graph.add_input("x", ("N", 2))
    h = graph.add("linear", [h], name="first", tensors={"weight": torch.tensor([[1.0, 0], [0, 1.0], [-1.0, 0]])})
    h = graph.add("relu", [h], name="curve")
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": torch.randn(2, 3)})])
    data = Examples(torch.tensor([[1.0, 2.0], [-3.0, 4.0], [5.0, -6.0], [7.0, -8.0]]))
    scoring = Scoring(graph, analyse_channels(graph), context_with({"calibration": data}))
    expected = {"activity": (3.25, 1.5, 0.75), "nonzero-share": (0.75, 0.5, 0.25)}
    for name, scores in expected.items():
        (opinion,) = OWN[name](scoring)
        assert opinion.scores.tolist() == pytest.approx(scores)


@pytest.mark.parametrize("importance", ["activity", "l1", "l2", "loss", "nonzero-share", "taylor", "batch-norm-scale"])
def test_channels_that_do_nothing_go_first_and_nothing_is_lost(importance: str) -> None:
    graph = residual_network(8, 12)
    dead = [1, 4, 5, 9, 10, 11]
    for name in ("wide.weight", "norm.weight", "norm.bias"):
        value = graph.tensor(name).clone()
        value[dead] = 0
        graph.set_tensor(name, value)
    step = PruneChannels(channels=14 / 20, importance=importance, where="wide", refit=False, norms="keep")
    result = step.run(graph, context_with()).graph
    assert result.tensor("wide.weight").shape[0] == 6
    assert distance(graph, result, images(8, 3)) < 1e-5


def test_a_twin_is_spared_by_magnitude_but_not_by_loss() -> None:
    graph = residual_network(8, 12)
    for name in ("wide.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"):
        value = graph.tensor(name).clone()
        value[6:] = value[:6]
        graph.set_tensor(name, value)
    errors: dict[str, float] = {}
    for name in ("loss", "l1"):
        step = PruneChannels(channels=14 / 20, importance=name, where="wide")
        errors[name] = distance(graph, step.run(graph, context_with()).graph, images(8, 3))
    assert errors["loss"] < 1e-2
    assert errors["loss"] < errors["l1"]


def test_refitting_brings_the_results_nearer_than_leaving_the_weights_alone() -> None:
    graph, other = residual_network(8, 24), images(16, 7)
    kept = {"macs": 0.6, "importance": "l1"}
    errors = [
        distance(graph, PruneChannels(**kept, **how).run(graph, context_with()).graph, other)  # type: ignore[arg-type]
        for how in ({}, {"refit": False}, {"refit": False, "norms": "keep"})
    ]
    assert errors[0] < errors[1] < errors[2]


def test_norms_can_be_given_the_statistics_of_what_they_read_now() -> None:
    graph = residual_network()
    result = PruneChannels(macs=0.6, importance="l1", norms="reestimate").run(graph, context_with()).graph
    seen = result.run(images().inputs, keep="wide").values["wide"].double()
    torch.testing.assert_close(result.tensor("norm.running_mean").double(), seen.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)


def test_layers_that_are_not_selected_keep_their_channels_and_shared_ones_are_told() -> None:
    graph = residual_network()
    result = PruneChannels(macs=0.9, where=("wide", "narrow"), importance="l2").run(graph, context_with({}))
    assert result.graph.tensor("stem.weight").shape[0] == 8
    assert ("narrow", "it shares its channels with 'stem', which is not selected") in [
        (item.node, item.reason) for item in result.record.refused
    ]


def test_the_record_has_a_line_for_every_weight_that_became_smaller() -> None:
    result = PruneChannels(channels=0.5, scope="layer", importance="l2").run(residual_network(), context_with({}))
    rows = {row["tensor"]: (row["before"], row["after"]) for row in result.record.tables["channels"]}
    assert rows["wide.weight"] == ([12, 8, 3, 3], [6, 4, 3, 3])
    assert "norm.running_var" in rows


def test_rounds_are_healed_in_between() -> None:
    sizes: list[int] = []

    def train(graph: ModelGraph, **options: Any) -> ModelGraph:
        assert options["epochs"] == 3
        sizes.append(count(graph).macs(SYMBOLS))
        trained = graph.copy()
        trained.set_tensor("head.bias", graph.tensor("head.bias") + 1)
        return trained

    graph = residual_network(16, 24)
    step = PruneChannels(macs=0.5, rounds=3, heal=TrainingChoices(epochs=3), importance="l2")
    result = step.run(graph, context_with({}, train=train)).graph
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)
    torch.testing.assert_close(result.tensor("head.bias"), graph.tensor("head.bias") + 3)


# --- importances ------------------------------------------------------------------------------------------------------


def test_an_importance_of_a_plugin_decides() -> None:
    def last_first(scoring: Scoring) -> list[Opinion]:
        return [Opinion(axis.units, -np.arange(len(axis.units), dtype=np.float64)) for axis in scoring.made()]

    graph = residual_network()
    context = context_with({}, load=lambda kind, name: {("importances", "last-first"): last_first}[kind, name])
    step = PruneChannels(channels=19 / 20, importance="last-first", where="wide", normalize="none")
    result = step.run(graph, context).graph
    torch.testing.assert_close(result.tensor("wide.weight"), graph.tensor("wide.weight")[:11])


def test_scores_that_are_no_numbers_are_refused() -> None:
    def broken(scoring: Scoring) -> list[Opinion]:
        return [Opinion(axis.units, np.full(len(axis.units), np.nan)) for axis in scoring.made()]

    with pytest.raises(PassError, match="scores that are not finite"):
        PruneChannels(macs=0.5, importance="broken").run(
            residual_network(), context_with({}, load=lambda kind, name: broken)
        )


def no_list(scoring: Scoring) -> Any:
    return None


def bare_units(scoring: Scoring) -> Any:
    return [axis.units for axis in scoring.made()]


def other_units(scoring: Scoring) -> list[Opinion]:
    return [Opinion(axis.units + 1000, np.ones(len(axis.units))) for axis in scoring.made()]


def fractions(scoring: Scoring) -> list[Opinion]:
    units: Any = np.array([0.5])
    return [Opinion(units, np.ones(1))]


def too_few(scoring: Scoring) -> list[Opinion]:
    return [Opinion(axis.units, np.ones(1)) for axis in scoring.made()]


def raising(scoring: Scoring) -> list[Opinion]:
    message = "mine"
    raise KeyError(message)


@pytest.mark.parametrize(
    ("importance", "message"),
    [
        (no_list, "importance 'broken' raised TypeError"),
        (raising, "importance 'broken' raised KeyError: 'mine'; choose another, or mend it"),
        (bare_units, "importance 'broken' gave no Opinion; it gives an Opinion an axis"),
        (other_units, r"importance 'broken' gave the unit 10\d\d; .* a unit below 20 or -1"),
        (fractions, r"gave units of float64\[1\] with float64\[1\] scores"),
        (too_few, r"gave units of int64\[8\] with float64\[1\] scores"),
        (lambda scoring: [], "importance 'broken' says nothing of the channels that the selected layers make"),
    ],
)
def test_what_an_importance_of_a_stranger_does_wrong_is_told_of_it(importance: Any, message: str) -> None:
    context = context_with({}, load=lambda kind, name: importance)
    with pytest.raises(PassError, match=message):
        PruneChannels(macs=0.5, importance="broken").run(residual_network(), context)


def test_an_opinion_may_be_lists() -> None:
    def plain(scoring: Scoring) -> list[Any]:
        return [Opinion(axis.units.tolist(), list(range(len(axis.units)))) for axis in scoring.made()]  # type: ignore[arg-type]

    context = context_with({}, load=lambda kind, name: plain)
    result = PruneChannels(macs=0.5, importance="plain").run(residual_network(), context)
    assert share(residual_network(), result.graph, "macs") <= 0.5


def test_the_reference_rows_have_the_scores_of_the_specification() -> None:
    graph = ModelGraph("rows")
    weight = torch.tensor([[1.0, -1.0, 0.5], [0.1, 0.2, -0.1], [2.0, 0.0, 0.0]])
    h = graph.add("linear", [graph.add_input("x", ("N", 3))], name="fc", tensors={"weight": weight})
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": torch.ones(1, 3)})])
    scoring = Scoring(graph, analyse_channels(graph), Context.standalone())
    expected = {"l1": (2.5, 0.4, 2.0), "l2": (1.5, 0.24495, 2.0), "geometric-median": (3.11554, 3.52866, 3.41311)}
    for name, scores in expected.items():
        (opinion,) = OWN[name](scoring)
        np.testing.assert_allclose(opinion.scores, scores, atol=1e-5)


def test_an_unknown_importance_is_named_with_the_nearest() -> None:
    with pytest.raises(PassError, match="importance 'los' is offered by nobody here; did you mean 'loss'"):
        PruneChannels(macs=0.5, importance="los").run(residual_network(), Context.standalone())


def test_taylor_needs_labels_and_loss_needs_data() -> None:
    unlabelled = {"calibration": type(images())(images().inputs)}
    with pytest.raises(PassError, match="'taylor' needs labelled calibration data"):
        PruneChannels(macs=0.5, importance="taylor").run(residual_network(), context_with(unlabelled))
    with pytest.raises(PassError, match="no calibration examples; give `calibration` in"):
        PruneChannels(macs=0.5, importance="loss").run(residual_network(), context_with({}))


# --- what is refused --------------------------------------------------------------------------------------------------


def test_weights_that_are_not_numbers_are_named() -> None:
    graph = residual_network()
    value = graph.tensor("wide.weight").clone()
    value[0, 0, 0, 0], value[1, 0, 0, 0] = torch.nan, torch.inf
    graph.set_tensor("wide.weight", value)
    with pytest.raises((PassError, NonFiniteError), match=r"tensor 'wide.weight'.*holds 2 values that are NaN"):
        PruneChannels(macs=0.5).run(graph, context_with({}))


def test_parameters_that_no_channel_has_are_numbers_too() -> None:
    graph = residual_network()
    graph.set_tensor("head.bias", torch.tensor([0.0, 1.0, torch.inf, 2.0]))
    with pytest.raises(
        (PassError, NonFiniteError), match=r"tensor 'head.bias'.*holds 1 values that are NaN or infinite"
    ):
        PruneChannels(macs=0.5).run(graph, context_with())


def test_examples_that_are_no_numbers_are_named() -> None:
    inputs = images().inputs.clone()
    inputs[3, 0, 0, 0] = torch.nan
    for importance in ("auto", "activity"):
        with pytest.raises(
            PassError, match="calibration examples: hold 1 numbers that are NaN or infinite; mend the data"
        ):
            PruneChannels(macs=0.5, importance=importance).run(
                residual_network(), context_with({"calibration": Examples(inputs, images().targets)})
            )


@pytest.mark.parametrize("importance", ["loss", "taylor", "activity"])
def test_an_importance_that_needs_data_says_that_it_is_for_one_input(importance: str) -> None:
    graph = residual_network()
    graph.add_input("other", ("N", 3))
    with pytest.raises(
        PassError, match="the model has the inputs x, other, and there is calibration data for models of one"
    ):
        PruneChannels(macs=0.5, importance=importance).run(graph, context_with())


@pytest.mark.parametrize("importance", ["loss", "taylor", "activity"])
def test_an_importance_says_that_there_are_fewer_examples_than_the_model_takes_at_once(importance: str) -> None:
    graph = ModelGraph("fixed")
    h = graph.add("linear", [graph.add_input("x", (64, 6))], tensors={"weight": torch.randn(8, 6)})
    graph.set_outputs([graph.add("linear", [h], tensors={"weight": torch.randn(3, 8)})])
    data = {"calibration": Examples(torch.randn(9, 6), torch.zeros(9, dtype=torch.int64))}
    with pytest.raises(PassError, match="the model takes 64 examples at once, and there are 9; give more"):
        PruneChannels(macs=0.5, importance=importance).run(graph, context_with(data))


def test_a_selection_of_which_nothing_may_go_says_why() -> None:
    with pytest.raises(
        PassError, match="no channel of the selected layers may go: narrow: it shares its channels with 'stem'"
    ):
        PruneChannels(macs=0.5, where="narrow").run(residual_network(), context_with({}))
    with pytest.raises(PassError, match="may go: head: its channels stay: 'output'"):
        PruneChannels(macs=0.5, where="head", rounds=2).run(residual_network(), context_with({}))
    with pytest.raises(PassError, match="lower min_channels or multiple"):
        PruneChannels(macs=0.5, multiple=16).run(residual_network(), context_with({}))


def test_refitting_without_data_is_refused_where_it_was_asked_for() -> None:
    with pytest.raises(PassError, match="refit and norms need calibration data"):
        PruneChannels(macs=0.5, importance="l2", refit=True).run(residual_network(), context_with({}))


def test_channels_that_are_no_work_are_not_worth_removing() -> None:
    def couple(axes: NodeAxes) -> None:
        axes.same_all(axes.operand[:-1], axes.output[:-1])
        axes.mentioned.add(axes.operand[-1])

    row = Op(
        name="total", summary="A sum over channels.", channels=ChannelRule(couple),
        infer=lambda call: (call.operand.with_shape((*call.operand.shape[:-1], 1)),),
        execute=lambda run: run.operand.sum(-1, keepdim=True),
    )  # fmt: skip
    graph = ModelGraph("vain", standard_ops().with_rows([row]))
    x = graph.add_input("x", ("N",), "int64")
    h = graph.add("total", [graph.add("embedding", [x], name="table", tensors={"weight": torch.randn(5, 8)})])
    graph.set_outputs([graph.add("linear", [h], tensors={"weight": torch.randn(2, 1)})])
    with pytest.raises(PassError, match="has its 2 multiply-accumulates as before"):
        PruneChannels(channels=0.5).run(graph, context_with({}))


def test_a_target_that_is_met_already_changes_nothing_and_is_an_error() -> None:
    graph = residual_network()
    whole = count(graph).macs(SYMBOLS)
    message = f"asks for macs of at most {whole:,}, and the model has {whole:,} as it is; lower the target"
    with pytest.raises(NoChangeError, match=message):
        PruneChannels(macs=1.0).run(graph, context_with({}))
    allowed = Context(allow_no_change=True)
    assert PruneChannels(macs=1.0).run(graph, allowed).graph.fingerprint() == graph.fingerprint()


@pytest.mark.slow
def test_it_obeys_every_law_where_it_changes_something() -> None:
    steps = strategies.builds(
        PruneChannels, macs=strategies.floats(0.3, 0.9), importance=strategies.sampled_from(["auto", "l1", "random"])
    )
    item = check_pass(PruneChannels, options=steps, graphs=strategies.builds(residual_network), examples=6)
    item.require()


def test_the_pruned_network_gives_finite_results_on_other_data() -> None:
    graph = residual_network()
    result = PruneChannels(macs=0.4).run(graph, context_with()).graph
    assert torch.isfinite(outputs(result, images(8, 9))).all()


def test_what_a_recurrence_reads_too_goes_by_the_length_of_its_weights() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential()
    module.lstm, module.head = torch.nn.LSTM(3, 6, batch_first=True), torch.nn.Linear(6, 2)
    module.forward = lambda x: module.head(module.lstm(x)[0][:, -1])  # type: ignore[method-assign]
    sequences = torch.randn(16, 5, 3)
    graph = nadoo.capture(module.eval(), sequences)
    by_loss, by_length = (
        PruneChannels(channels=0.5, importance=name, refit=False).run(
            graph, context_with({"calibration": Examples(sequences)})
        )
        for name in ("loss", "l2")
    )
    assert torch.equal(by_loss.graph.tensor("lstm.weight_hh_l0"), by_length.graph.tensor("lstm.weight_hh_l0"))


@pytest.mark.parametrize("importance", ["loss", "taylor"])
def test_a_graph_that_takes_so_many_examples_at_once_is_given_them(importance: str) -> None:
    graph = ModelGraph("fixed")
    h = graph.add_input("x", (6, 3), "float64")
    h = graph.add("linear", [h], name="first", tensors={"weight": torch.randn(8, 3, dtype=torch.float64)})
    h = graph.add("relu", [h], name="relu")
    weight = torch.randn(4, 8, dtype=torch.float64)
    graph.set_outputs([graph.add("linear", [h], name="second", tensors={"weight": weight})])
    data = {"calibration": Examples(torch.randn(20, 3), torch.arange(20) % 4)}
    result = PruneChannels(macs=0.5, importance=importance).run(graph, context_with(data)).graph
    assert result.tensor("first.weight").shape == (4, 3)
