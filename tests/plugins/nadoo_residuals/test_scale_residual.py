"""scale-residual: the four forms, exact beginnings, learned scales, noise, and refusals."""

from functools import partial
from typing import Any, Literal

import numpy as np
import pytest
import torch

from nadoo_core.errors import NoChangeError, OptionError, PassError
from nadoo_core.formulas.residuals import (
    residual_inside,
    residual_outside,
    residual_scaled_inside,
    residual_scaled_outside,
)
from nadoo_core.options import structure
from nadoo_core.passes import Exact, Selector
from nadoo_core.training import TrainingOptions
from nadoo_core.training.options import TrainingChoices
from nadoo_graphs.graph import ModelGraph
from nadoo_residuals.fold_residual_scale import FoldResidualScale
from nadoo_residuals.noise import rounded, signal_to_noise
from nadoo_residuals.scale_residual import ScaleResidual
from tests.plugins.nadoo_residuals.small import context, conv, examples, perceptron, residual_images, result, train

IMAGE = (3, 5, 5)
Form = Literal["inside", "outside"]


def scaled(graph: ModelGraph, *shape: int, **options: Any) -> ModelGraph:
    step = structure(ScaleResidual, options, "step")
    return step.run(graph, context(*shape, train=train)).graph


# --- new skip paths ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["inside", "outside"])
@pytest.mark.parametrize("granularity", ["scalar", "channel"])
def test_a_new_path_of_scale_zero_changes_no_bit(form: str, granularity: str) -> None:
    graph = perceptron()
    found = scaled(graph, skips="new", form=form, granularity=granularity)
    assert torch.equal(result(found), result(graph))
    assert len(found.nodes(op="add")) == 2
    assert {"relu1.res_scale", "relu2.res_scale"} <= set(found.tensors)


def test_a_path_never_starts_at_the_image() -> None:
    found = scaled(perceptron(depth=2), skips="new")
    assert [node.name for node in found.nodes(op="add")] == ["relu1.sum"]


@pytest.mark.parametrize(
    ("form", "scale", "formula"),
    [("inside", 1.0, residual_inside), ("outside", 1.0, residual_outside)],
)
def test_a_fixed_scale_of_one_is_a_plain_sum(form: Form, scale: float, formula: Any) -> None:
    graph = perceptron(depth=2)
    found = scaled(graph, skips="new", form=form, scale=scale, learned=False)
    assert not found.nodes(op="mul")
    compare(graph, found, formula)


@pytest.mark.parametrize(
    ("form", "formula"), [("inside", residual_scaled_inside), ("outside", residual_scaled_outside)]
)
@pytest.mark.parametrize("scale", [0.5, -1.0])
def test_the_scaled_forms_are_the_formulas(form: Form, formula: Any, scale: float) -> None:
    graph = perceptron(depth=2)
    found = scaled(graph, skips="new", form=form, scale=scale)
    compare(graph, found, partial(formula, scale=scale))


def compare(graph: ModelGraph, found: ModelGraph, formula: Any) -> None:
    names = ["relu0", "fc1"]
    values = graph.run(examples().inputs, keep=names).values
    last = found.producer("head").name
    wanted = formula(*(values[name].numpy() for name in names))
    assert np.allclose(found.run(examples().inputs, keep=last).values[last].numpy(), wanted, atol=1e-6)


def test_a_scale_has_the_gradient_of_its_form() -> None:
    found = scaled(perceptron(depth=2), skips="new", scale=0.3)
    module = found.to_module().double()
    inputs = examples().inputs.double()
    scale = dict(module.named_parameters())["relu1.res_scale"]
    module(inputs).sum().backward()
    step = 1e-6
    with torch.no_grad():
        scale += step
        above = module(inputs).sum()
        scale -= 2 * step
        below = module(inputs).sum()
    assert scale.grad is not None
    assert float(scale.grad) == pytest.approx(float(above - below) / (2 * step), rel=1e-5)


# --- new skip paths between shapes that differ -----------------------------------------------------------------------


def widening(seed: int = 0) -> ModelGraph:
    """Two convolutions, of which the second makes more channels of every other place; then two linear layers."""
    generator = torch.Generator().manual_seed(seed)
    graph = ModelGraph("widening")
    h = graph.add_input("x", ("N", *IMAGE))
    h = graph.add("relu", [conv(graph, h, "stem", 3, 4, generator)], name="start")
    h = conv(graph, h, "wide", 4, 6, generator)
    graph.update("wide", stride=(2, 2))
    h = graph.add("relu", [h], name="end")
    h = graph.add("mean", [h], name="mean", dim=(2, 3))
    for name, inputs, outputs in (("hidden", 6, 4), ("head", 4, 3)):
        weight = torch.randn(outputs, inputs, generator=generator)
        h = graph.add("linear", [h], name=name, tensors={"weight": weight})
        h = graph.add("tanh", [h], name=f"{name}.curve") if name == "hidden" else h
    graph.set_outputs([h])
    return graph


@pytest.mark.parametrize("form", ["inside", "outside"])
@pytest.mark.parametrize("granularity", ["scalar", "channel"])
def test_a_path_through_a_projection_of_scale_zero_changes_no_bit(form: str, granularity: str) -> None:
    graph = widening()
    found = scaled(graph, *IMAGE, skips="new", form=form, granularity=granularity, projected=True)
    assert torch.equal(result(found, *IMAGE), result(graph, *IMAGE))
    assert tuple(found.tensor("end.projection").shape) == (6, 4, 1, 1)
    assert tuple(found.tensor("hidden.curve.projection").shape) == (4, 6)
    assert found["end.projection"].attributes["stride"] == (2, 2)


def test_a_projection_begins_as_a_copy_of_channels_or_the_mean_of_some() -> None:
    graph = scaled(widening(), *IMAGE, skips="new", projected=True)
    copied = graph.tensor("end.projection")[:, :, 0, 0]
    assert torch.equal(copied, torch.eye(4)[[0, 1, 2, 3, 0, 1]])
    assert graph.tensor("hidden.curve.projection")[0].tolist() == [0.5, 0, 0, 0, 0.5, 0]


def test_a_scale_behind_a_projection_has_a_gradient() -> None:
    module = scaled(widening(), *IMAGE, skips="new", projected=True).to_module()
    module(examples(*IMAGE).inputs).square().sum().backward()
    held = dict(module.named_parameters())
    gradients = [held[f"{site}.res_scale"].grad for site in ("end", "hidden.curve")]
    assert all(gradient is not None and bool(gradient != 0) for gradient in gradients)


def test_a_projection_that_is_folded_takes_the_scale_and_one_of_zero_goes() -> None:
    graph = widening()
    half = scaled(graph, *IMAGE, skips="new", projected=True, scale=0.5)
    folded = FoldResidualScale().run(half, context(*IMAGE)).graph
    assert not folded.nodes(op="mul")
    assert torch.equal(folded.tensor("end.projection"), 0.5 * half.tensor("end.projection"))
    none = FoldResidualScale().run(scaled(graph, *IMAGE, skips="new", projected=True), context(*IMAGE)).graph
    assert {node.name for node in none.nodes()} == {node.name for node in graph.nodes()}


def test_a_fixed_projection_is_no_parameter() -> None:
    graph = scaled(widening(), *IMAGE, skips="new", projected=True, scale=1.0, learned=False)
    assert graph.tensors["end.projection"].role == "buffer"
    assert not graph.nodes(op="mul")


def test_projections_are_offered_where_no_shape_fits() -> None:
    with pytest.raises(PassError, match="projected = true adds paths where shapes differ"):
        scaled(widening(), *IMAGE, skips="new")
    with pytest.raises(OptionError, match="projected is for new skip paths"):
        ScaleResidual(projected=True)


# --- existing ones ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("granularity", ["scalar", "channel"])
def test_an_existing_path_of_scale_one_changes_no_bit(granularity: str) -> None:
    graph = residual_images()
    found = scaled(graph, *IMAGE, granularity=granularity)
    assert torch.equal(result(found, *IMAGE), result(graph, *IMAGE))
    shape = () if granularity == "scalar" else (4, 1, 1)
    assert tuple(found.tensor("sum.res_scale").shape) == shape
    assert found.producer("sum.scaled").name == "around"


def test_beginnings_that_change_nothing_are_promised_to_be_exact() -> None:
    assert ScaleResidual().promise() == Exact()
    assert ScaleResidual(skips="new").promise() == Exact()
    assert ScaleResidual(skips="new", scale=0.1).promise() != Exact()
    assert ScaleResidual(skips="new", heal=TrainingChoices()).promise() != Exact()


# --- training and noise -----------------------------------------------------------------------------------------------


def test_a_warm_up_moves_the_scales_alone_and_healing_everything() -> None:
    graph = perceptron()
    warm = scaled(graph, skips="new", warm_up={"epochs": 2, "batch": 8, "rate": 0.05})
    assert float(warm.tensor("relu1.res_scale")) != 0
    assert torch.equal(warm.tensor("fc1.weight"), graph.tensor("fc1.weight"))
    healed = scaled(graph, skips="new", heal={"epochs": 1, "batch": 8})
    assert not torch.equal(healed.tensor("fc1.weight"), graph.tensor("fc1.weight"))


def test_bounds_hold_while_training() -> None:
    found = scaled(perceptron(), skips="new", bounds=[0.0, 0.001], warm_up={"epochs": 2, "batch": 8, "rate": 0.1})
    assert 0 <= float(found.tensor("relu1.res_scale")) <= 0.001 + 1e-9
    assert TrainingOptions().epochs == 1


def test_the_record_has_the_noise_at_every_site_before_and_after() -> None:
    step = ScaleResidual(skips="new", scale=1.0, bits=6)
    rows = step.run(perceptron(), context()).record.tables["residuals"]
    assert [row["site"] for row in rows] == ["relu1", "relu2"]
    assert all(row["snr_before_db"] > 10 and row["snr_after_db"] > 10 for row in rows)
    assert rows[0]["snr_before_db"] != rows[0]["snr_after_db"]


def test_noise_is_measured_on_the_grid_of_the_largest_value() -> None:
    value = torch.tensor([1.0, 0.24, -0.26])
    assert rounded(value, 2).tolist() == [1.0, 0.0, 0.0]
    assert signal_to_noise(value, value) == float("inf")
    assert signal_to_noise(value, value * 1.1) == pytest.approx(20)
    assert signal_to_noise(3 * value, 3 * value * 1.1) == pytest.approx(20)


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_second_scale_is_refused() -> None:
    once = scaled(residual_images(), *IMAGE)
    with pytest.raises(NoChangeError, match="has a scale already"):
        scaled(once, *IMAGE)


def test_a_network_without_places_says_what_was_looked_for() -> None:
    with pytest.raises(PassError, match="finds no sum of a branch and a path around it"):
        scaled(perceptron())
    with pytest.raises(PassError, match="finds no layer that reads an activation and gives one of the same shape"):
        scaled(perceptron(depth=1), skips="new")


def test_a_sum_of_two_branches_is_no_residual() -> None:
    graph = residual_images()
    graph.rewire("sum", 1, "conv2")
    graph.remove("around")
    with pytest.raises(NoChangeError, match="is no sum of a branch and a path around it"):
        scaled(graph, *IMAGE)


def test_options_that_change_nothing_or_contradict_each_other_are_refused() -> None:
    with pytest.raises(OptionError, match="a fixed scale of 0 changes nothing for new skip paths"):
        ScaleResidual(skips="new", learned=False)
    with pytest.raises(OptionError, match="outside of the bounds"):
        ScaleResidual(skips="new", bounds=(0.5, 1.0))


def test_only_selected_sites_get_a_path() -> None:
    found = scaled(perceptron(), skips="new", where=Selector(name=("relu2",)))
    assert [node.name for node in found.nodes(op="add")] == ["relu2.sum"]
