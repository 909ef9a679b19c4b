"""fold-residual-scale: scales of one and zero, scales that layers take over, and what they are rounded to."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.errors import NoChangeError
from nadoo_core.options import structure
from nadoo_graphs.graph import ModelGraph
from nadoo_residuals.fold_residual_scale import FoldResidualScale
from nadoo_residuals.scale_residual import ScaleResidual
from nadoo_residuals.scales import to_fixed, to_power
from tests.plugins.nadoo_residuals.small import context, perceptron, residual_images, result

IMAGE = (3, 5, 5)


def with_scale(graph: ModelGraph, value: Any, *shape: int, **options: Any) -> ModelGraph:
    scaled = structure(ScaleResidual, options, "step").run(graph, context(*shape)).graph
    for name in [name for name in scaled.tensors if name.endswith("res_scale")]:
        old = scaled.tensor(name)
        scaled.set_tensor(name, torch.as_tensor(value, dtype=old.dtype).expand(old.numel()).reshape(old.shape).clone())
    return scaled


@pytest.mark.parametrize("granularity", ["scalar", "channel"])
def test_the_layer_of_a_shortcut_takes_its_scale_over(granularity: str) -> None:
    value = 0.3 if granularity == "scalar" else torch.tensor([0.1, -0.5, 1.0, 2.0])
    graph = with_scale(residual_images(), value, *IMAGE, granularity=granularity)
    folded = FoldResidualScale().run(graph).graph
    assert not folded.nodes(op="mul")
    assert torch.allclose(result(folded, *IMAGE), result(graph, *IMAGE), atol=1e-5)
    assert "sum.res_scale" not in folded.tensors


def test_a_scale_of_one_is_left_out() -> None:
    graph = with_scale(perceptron(), 1.0, skips="new")
    folded = FoldResidualScale().run(graph).graph
    assert not folded.nodes(op="mul")
    assert len(folded.nodes(op="add")) == 2
    assert torch.equal(result(folded), result(graph))


def test_a_scale_of_zero_takes_its_path_with_it() -> None:
    graph = perceptron()
    folded = FoldResidualScale().run(with_scale(graph, 0.0, skips="new")).graph
    assert not folded.nodes(op="add")
    assert torch.equal(result(folded), result(graph))


def test_a_scale_that_nobody_can_take_over_stays_and_says_why() -> None:
    with pytest.raises(NoChangeError, match="the path comes from 'relu', which has no weights to multiply"):
        FoldResidualScale().run(with_scale(perceptron(), 0.4, skips="new"))


def test_a_scale_that_stays_is_rounded() -> None:
    graph = with_scale(perceptron(), 0.3, skips="new")
    power = FoldResidualScale(rounding="pow2").run(graph).graph
    assert float(power.tensor("relu1.res_scale")) == 0.25
    fixed = FoldResidualScale(rounding="fixed", bits=3).run(graph).graph
    assert float(fixed.tensor("relu1.res_scale")) == 0.25
    tiny = FoldResidualScale(rounding="pow2").run(with_scale(perceptron(), 0.001, skips="new")).graph
    assert not tiny.nodes(op="mul")


@given(st.floats(-1000, 1000))
def test_a_power_of_two_is_the_nearest_by_exponent(scale: float) -> None:
    power = to_power(scale)
    assert to_power(power) == power
    if abs(scale) >= 2**-8:
        assert 2**-0.5 - 1e-9 <= power / scale <= 2**0.5 + 1e-9
    else:
        assert power == 0


@given(st.floats(-1000, 1000), st.integers(1, 16))
def test_a_fixed_point_number_is_within_half_a_step(scale: float, bits: int) -> None:
    fixed = to_fixed(scale, bits)
    assert abs(fixed - scale) <= 2.0 ** -(bits + 1) + 1e-12
    assert to_fixed(fixed, bits) == fixed
