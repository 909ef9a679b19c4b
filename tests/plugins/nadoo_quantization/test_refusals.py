"""What quantize refuses: by name, with what would be allowed, everything at once, and nothing changed."""

import pytest
import torch

from nadoo_core.errors import ContextError, OptionError, PassError
from nadoo_core.passes import Context, LayerTable, Pass, Selector, check_flow
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.calibrate import Calibrate
from nadoo_quantization.quantize import Quantize
from tests.plugins.nadoo_quantization.networks import context, correlated, perceptron


def refusal(step: Pass, graph: ModelGraph, given: Context | None = None) -> str:
    """The message of a step that is refused, which leaves the graph as it is."""
    before = graph.fingerprint()
    with pytest.raises(PassError) as caught:
        step.run(graph, given or context(correlated()))
    assert graph.fingerprint() == before
    assert caught.value.__cause__ is None
    return str(caught.value)


def with_weight(value: float, name: str = "2.weight") -> ModelGraph:
    """A perceptron of which one weight is a number everywhere."""
    graph = perceptron()
    graph.set_tensor(name, torch.full_like(graph.tensor(name), value))
    return graph


def test_all_zero_weights_are_named() -> None:
    message = refusal(Quantize(), with_weight(0.0))
    assert "'2.weight'" in message
    assert "allow_degenerate" in message
    for name in ("int8", "int4"):
        step = Quantize(allow_degenerate=True, weights=LayerTable({"*": name}))
        assert step.run(with_weight(0.0), context(correlated())).record.changed


def test_weights_that_are_no_numbers_are_named_all_at_once() -> None:
    graph = with_weight(float("nan"))
    broken = graph.tensor("4.weight").clone()
    broken[0, 0] = float("inf")
    graph.set_tensor("4.weight", broken)
    message = refusal(Quantize(), graph)
    assert "'2.weight'" in message
    assert "1 NaN or infinite of 64" in message


@pytest.mark.parametrize("name", ["4bitsym", "2bitsym", "binarysym", "fp130"])
def test_a_format_without_a_zero_would_undo_pruning(name: str) -> None:
    graph = perceptron()
    weight = graph.tensor("0.weight").clone()
    weight[:, ::2] = 0
    graph.set_tensor("0.weight", weight)
    message = refusal(Quantize(weights=LayerTable({"*": name})), graph)
    assert "'0.weight'" in message
    assert "as after pruning" in message
    assert "int4" in message
    assert "ternary" in message
    assert Quantize(weights=LayerTable({"*": "int4"})).run(graph, context(correlated())).record.changed


def test_zeros_stay_zero_in_a_format_that_has_one() -> None:
    graph = perceptron()
    weight = graph.tensor("0.weight").clone()
    weight[:, ::2] = 0
    graph.set_tensor("0.weight", weight)
    step = Quantize(weights=LayerTable({"*": "int4"}), rounding="nearest")
    found = step.run(graph, context(correlated())).graph
    assert bool((found.tensor("0.weight")[:, ::2] == 0).all())


NOTHING = LayerTable({"*": "none"})


def test_the_quantized_is_not_quantized_again() -> None:
    once = Quantize().run(perceptron(), context(correlated())).graph
    for step in (Quantize(), Quantize(where=Selector(op=("quantized_linear",))), Quantize(activations=NOTHING)):
        message = refusal(step, once)
        assert (
            "needs the property 'unquantized' (nothing is quantized already); give all formats to one step" in message
        )


def test_two_steps_that_quantize_are_refused_before_anything_runs() -> None:
    (problem,) = check_flow([("first", Quantize()), ("second", Quantize(weights=LayerTable({"*": "int4"})))])
    assert problem.where == "step 'second'"
    assert problem.message.endswith("which step 'first' breaks; give all formats to one step, as a table of layers")


def test_a_batch_norm_is_to_be_folded_first() -> None:
    graph = perceptron()
    tensors = {"running_mean": torch.zeros(16), "running_var": torch.ones(16)}
    graph.insert_after("0", "batch_norm", name="norm", tensors=tensors)
    message = refusal(Quantize(), graph)
    assert "'norm'" in message
    assert '"fold-batch-norm"' in message


def test_without_data_it_says_what_to_add() -> None:
    with pytest.raises(ContextError, match="calibration = 256"):
        Quantize().run(perceptron())
    with pytest.raises(ContextError, match="calibration = 256"):
        Calibrate().run(perceptron())
    with pytest.raises(ContextError, match="adaptive"):
        Quantize(activations=LayerTable({"*": "none"}), rounding="adaptive").run(perceptron())


def test_unknown_formats_and_rules_name_the_nearest() -> None:
    assert "did you mean '4bitsym'" in refusal(Quantize(weights=LayerTable({"*": "4bitsim"})), perceptron())
    assert "octav" in refusal(Quantize(clip=LayerTable({"*": "octave"})), perceptron())
    assert "beta" in refusal(
        Quantize(clip_options={"octav": {"betta": 1}}, clip=LayerTable({"*": "octav"})), perceptron()
    )
    assert "at most 16 bits" in refusal(Quantize(activations=LayerTable({"*": "float16"})), perceptron())
    assert "memory" in refusal(Quantize(ranges="moving-average", range_options={"memry": 1}), perceptron())


def test_options_of_a_rule_that_no_layer_has_are_checked_too() -> None:
    assert "betta" in refusal(Quantize(clip_options={"octav": {"betta": 1}}), perceptron())
    assert "octave" in refusal(Quantize(clip_options={"octave": {"beta": 1}}), perceptron())


@pytest.mark.parametrize("name", ["uint8", "uint4", "u23level"])
def test_a_format_without_negative_levels_would_cut_weights_off(name: str) -> None:
    message = refusal(Quantize(weights=LayerTable({"*": name})), perceptron())
    assert "'0.weight'" in message
    assert "below zero" in message
    assert "int8" in message
    positive = perceptron()
    for layer in ("0", "2", "4"):
        positive.set_tensor(f"{layer}.weight", positive.tensor(f"{layer}.weight").abs())
    assert Quantize(weights=LayerTable({"*": name})).run(positive, context(correlated())).record.changed


@pytest.mark.parametrize("activations", ["int8", "none"])
def test_biases_that_are_no_numbers_are_named(activations: str) -> None:
    graph = with_weight(float("nan"), "2.bias")
    assert "'2.bias'" in refusal(Quantize(activations=LayerTable({"*": activations})), graph)


def test_a_value_without_a_range_is_named() -> None:
    graph = perceptron()
    graph.insert_after("0", "log", name="logarithm")
    assert "'logarithm'" in refusal(Quantize(), graph)
    assert "'logarithm'" in refusal(Calibrate(), graph)


def test_choices_that_do_not_go_together() -> None:
    with pytest.raises(OptionError, match="alone"):
        Quantize(activations=LayerTable({"*": "none", "0": "int8"}))
    with pytest.raises(OptionError, match="has no scales"):
        Quantize(activations=LayerTable({"*": "none"}), activation_scale="token")
    with pytest.raises(OptionError, match="smaller number first"):
        Quantize(input_range=(1.0, 0.0))


def test_tied_weights_have_one_format() -> None:
    graph = ModelGraph("tied")
    h = graph.add_input("x", ("N", 6))
    name = graph.add_tensor("shared", torch.randn(6, 6))
    for layer in ("one", "two"):
        h = graph.add("linear", [h], name=layer, tensors={"weight": name})
    graph.set_outputs([h])
    message = refusal(Quantize(weights=LayerTable({"one": "int4", "two": "int8"})), graph, context(torch.rand(9, 6)))
    assert "'shared'" in message
    assert "one format" in message


def test_half_precision_holds_no_codes() -> None:
    graph = ModelGraph("half")
    x = graph.add_input("x", ("N", 4), "float16")
    graph.set_outputs([graph.add("linear", [x], name="fc", tensors={"weight": torch.ones(2, 4).half()})])
    assert "convert it to float32" in refusal(Quantize(), graph, context(torch.rand(8, 4)))
