"""swap-activation: what it swaps, how it heals and blends, what it says, and what it refuses."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_activations.blending import Blend
from nadoo_activations.catalogue import CURVES
from nadoo_activations.rescaling import least_squares_factor
from nadoo_activations.swap_activation import SwapActivation, recovered
from nadoo_core.data import Examples
from nadoo_core.errors import ContextError, NoChangeError, OptionError, PassError
from nadoo_core.options import structure
from nadoo_core.passes import Context, Selector, Services
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import Op, Run, standard_ops

CATALOGUE: dict[str, dict[str, Any]] = {
    "relu": {}, "relu2": {}, "gelu": {"approximate": "tanh"}, "leaky_relu": {"negative_slope": 0.0625}, "hardswish": {},
    "xrelu": {"c": 3, "k": 6}, "xrelu6": {"c": 3, "k": 6}, "shifted_relu": {"c": 1}, "relu_topq": {"q": 0.5},
    "relu_topk": {"q": 0.5}, "silu": {}, "prelu": {},
}  # fmt: skip


def network(activation: str = "gelu", depth: int = 2, **attributes: Any) -> ModelGraph:
    generator = torch.Generator().manual_seed(0)
    graph = ModelGraph("network")
    h = graph.add_input("x", ("N", 6))
    for index in range(depth):
        weight = torch.randn(6, 6, generator=generator) / 2
        h = graph.add("linear", [h], name=f"fc{index}", tensors={"weight": weight, "bias": torch.zeros(6)})
        h = graph.add(activation, [h], name=f"curve{index}", **attributes)
    weight = torch.randn(3, 6, generator=generator)
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": weight})])
    return graph


def examples(count: int = 64) -> Examples:
    inputs = torch.randn(count, 6, generator=torch.Generator().manual_seed(1))
    return Examples(inputs, (inputs[:, :3]).argmax(1))


def context(**services: Any) -> Context:
    return Context(step="swap", services=Services(data={"calibration": examples()}, **services))


def train(graph: ModelGraph, *, seed: int = 0, hooks: Any = (), **options: Any) -> ModelGraph:
    module = graph.to_module()
    Trainer(module, TrainingOptions(seed=seed, **options), hooks=hooks).fit(examples())
    trained = graph.copy()
    trained.set_tensors(module.state_dict())
    return trained


def result(graph: ModelGraph) -> torch.Tensor:
    found: torch.Tensor = graph.run(examples().inputs).result
    return found


# --- swapping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", CATALOGUE)
def test_everything_in_the_catalogue_takes_the_place_of_a_tanh(new: str) -> None:
    swapped = SwapActivation(old="tanh", new=new, options=CATALOGUE[new]).run(network("tanh"), context()).graph
    assert [node.op for node in swapped.nodes(name="curve*")] == [new, new]
    assert bool(torch.isfinite(result(swapped)).all())


@given(st.sampled_from(sorted(CURVES - {"prelu", "threshold", "xrelu", "xrelu6", "shifted_relu"})))
@settings(max_examples=20)
def test_swapping_back_gives_the_same_bits(new: str) -> None:
    graph = network("gelu")
    if new == "gelu":
        with pytest.raises(NoChangeError):
            SwapActivation(old="gelu", new="gelu").run(graph, context())
        return
    there = SwapActivation(old="gelu", new=new).run(graph, context()).graph
    back = SwapActivation(old=new, new="gelu").run(there, context()).graph
    assert torch.equal(result(back), result(graph))
    assert back.tensors.keys() == graph.tensors.keys()


def test_names_of_other_frameworks_will_do() -> None:
    swapped = SwapActivation(old="GELU", new="HardSwish").run(network("gelu"), context()).graph
    assert [node.op for node in swapped.nodes(name="curve*")] == ["hardswish", "hardswish"]


def test_only_the_selected_nodes_change() -> None:
    swapped = SwapActivation(new="relu", where=Selector(name=("curve1",))).run(network("gelu"), context()).graph
    assert [node.op for node in swapped.nodes(name="curve*")] == ["gelu", "relu"]


def test_an_operator_of_a_plugin_is_an_activation_like_any_other() -> None:
    def execute(run: Run) -> torch.Tensor:
        return torch.ops.aten.mul.Tensor(torch.ops.aten.relu.default(run.operand), 2)

    row = Op(name="doubled_relu", summary="2·relu(x).", infer=lambda call: (call.operand,), execute=execute)
    graph = network("relu").copy()
    ours = ModelGraph("network", standard_ops().with_rows([row]))
    x = ours.add_input("x", ("N", 6))
    h = ours.add("linear", [x], name="fc", tensors={"weight": graph.tensor("fc0.weight")})
    ours.set_outputs([ours.add("relu", [h], name="curve")])
    swapped = SwapActivation(old="relu", new="doubled_relu").run(ours, context()).graph
    assert torch.equal(result(swapped), 2 * result(ours))


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_the_first_positive_share_does_not_change_between_activations_of_the_same_sign() -> None:
    record = SwapActivation(old="relu", new="hardswish").run(network("relu"), context()).record
    rows = {row["node"]: row for row in record.tables["activity"]}
    assert rows["curve0"]["positive_before"] == rows["curve0"]["positive_after"]
    assert 0 < rows["all"]["positive_after"] < 1
    assert {"curve0", "curve1", "all", "mean of layers"} == set(rows)


def test_least_squares_brings_the_new_activation_to_the_size_of_the_old() -> None:
    graph = network("relu", depth=1)
    swapped, scaled = (
        structure(SwapActivation, {"new": "relu2", "rescale": rescale}, "step").run(graph, context()).graph
        for rescale in ("none", "ls")
    )
    old, new = (item.run(examples().inputs, keep="curve0").values["curve0"] for item in (graph, swapped))
    factor = least_squares_factor(old, new)
    assert factor is not None
    assert torch.allclose(scaled.tensor("head.weight"), graph.tensor("head.weight") * factor)
    assert float((old - factor * new).square().sum()) <= float((old - new).square().sum())


def test_a_factor_that_cannot_be_folded_is_told() -> None:
    graph = network("relu", depth=1)
    graph.insert_after("curve0", "sigmoid")
    record = SwapActivation(old="relu", new="relu2", rescale="ls").run(graph, context()).record
    assert any("curve0: not rescaled, it is read by sigmoid" in line for line in record.log)


def test_the_factor_of_the_same_activation_is_one() -> None:
    values = torch.randn(50)
    assert least_squares_factor(values, values) == pytest.approx(1)
    assert least_squares_factor(values, 2 * values) == pytest.approx(0.5)
    assert least_squares_factor(values, torch.zeros(50)) is None


def test_recovered_is_a_share_of_what_was_lost() -> None:
    assert recovered(0.9, 0.5, 0.7) == pytest.approx(0.5)
    assert recovered(0.5, 0.5, 0.7) is None


# --- healing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["at once", "layer by layer", "blended"])
def test_each_way_ends_with_the_new_activation_and_trained_weights(how: str) -> None:
    graph = network("gelu")
    options = {"new": "relu", "how": how, "heal": {"epochs": 3, "batch": 16}}
    healed = structure(SwapActivation, options, "step").run(graph, context(train=train)).graph
    assert [node.op for node in healed.nodes() if node.op in CURVES] == ["relu", "relu"]
    assert set(healed.tensors) == set(graph.tensors)
    assert not torch.equal(healed.tensor("head.weight"), graph.tensor("head.weight"))


@given(st.sampled_from(["linear", "cosine"]), st.floats(0.1, 1.0), st.lists(st.floats(0, 1), min_size=2))
def test_a_blend_rises_from_nothing_to_all(course: Any, until: float, ways: list[float]) -> None:
    blend = Blend(course, until)
    weights = [blend.weight(way) for way in sorted(ways)]
    assert blend.weight(0.0) == 0
    assert blend.weight(until) == blend.weight(1.0) == 1
    assert weights == sorted(weights)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_an_activation_that_there_is_not_gets_a_suggestion() -> None:
    with pytest.raises(PassError, match=r"'hardswich', which is no operator; did you mean 'hardswish'"):
        SwapActivation(new="hardswich").run(network(), context())


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(PassError, match="c"):
        SwapActivation(new="xrelu").run(network(), context())


def test_what_is_no_activation_cannot_be_one() -> None:
    with pytest.raises(PassError, match="does not have one operand"):
        SwapActivation(new="matmul").run(network(), context())
    with pytest.raises(PassError, match="has tensors of its own"):
        SwapActivation(new="linear").run(network(), context())


def test_an_operator_that_does_not_fit_a_place_is_told_with_the_place() -> None:
    with pytest.raises(PassError, match=r"'glu' cannot take the place of 'curve0': node 'fc1'.*choose an activation"):
        SwapActivation(old="gelu", new="glu").run(network(), context())
    with pytest.raises(
        PassError, match=r"'shifted_relu' cannot take the place of 'curve0': .*give a finite number of at"
    ):
        SwapActivation(old="gelu", new="shifted_relu", options={"c": -1}).run(network(), context())


def test_a_factor_of_a_model_of_two_inputs_is_refused_with_the_inputs() -> None:
    graph = network()
    graph.add_input("y", ("N", 3))
    with pytest.raises(PassError, match="rescale = 'ls' needs calibration data; the model has the inputs x, y"):
        SwapActivation(new="relu", rescale="ls").run(graph, context())


def test_an_activation_that_is_not_there_is_an_error_that_says_what_is() -> None:
    with pytest.raises(PassError, match=r"finds no 'tanh' among the selected nodes; the graph has gelu"):
        SwapActivation(old="tanh", new="relu").run(network(), context())


def test_swapping_for_the_same_changes_nothing_and_says_so() -> None:
    with pytest.raises(NoChangeError, match=r"curve0: is '.+' with these options already"):
        SwapActivation(old="gelu", new="gelu").run(network(), context())


def test_going_along_with_training_needs_training() -> None:
    with pytest.raises(OptionError, match="give heal"):
        SwapActivation(how="blended")


def test_rescaling_needs_data() -> None:
    with pytest.raises((PassError, ContextError), match="needs calibration data"):
        SwapActivation(new="relu2", rescale="ls").run(network())
