"""Norms over everything, in little memory: computed once for the largest and once more for the codes, bit for bit."""

import numpy as np
import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Program, check, interpret, lower
from nadoo_graphs.lowered.optimizing import OPTIMIZATIONS, optimize
from nadoo_graphs.lowered.optimizing.recomputing import LEAST_SAVED, computed_again, statistic_of
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.work import work_of

UNIT = torch.ones(())


def network(
    channels: int,
    side: int = 12,
    *,
    pool: int = 2,
    stride: int = 0,
    granularity: str = "sample",
    shift: int | None = None,
) -> ModelGraph:
    """Convolution, depthwise convolution and pool, with relu-norms between them."""
    random = torch.Generator().manual_seed(channels)
    graph = ModelGraph("norms")
    value = graph.add_input("x", ("N", 1, side, side))
    value = graph.add("quantize", [value], format="int8", tensors={"scale": torch.tensor(0.02)})
    raw = {"weight_format": "int8", "output_format": "int32", "requantize": "none"}
    for name, groups in (("conv", 1), ("depthwise", channels)):
        tensors = {"weight": torch.randn(channels, 1, 3, 3, generator=random), "weight_scale": torch.tensor(0.03)}
        value = graph.add(
            "quantized_conv2d", [value], name=name, groups=groups, tensors={**tensors, "input_scale": UNIT}, **raw
        )
        value = graph.add("relu_norm", [value], name=f"{name}_norm", granularity=granularity, shift=shift)
    if pool:
        value = graph.add("max_pool2d", [value], name="pool", kernel_size=(pool, pool), stride=(stride or pool,) * 2)
    graph.set_outputs([value])
    return graph


def codes(count: int, length: int) -> np.ndarray:
    return np.random.default_rng(count).integers(-127, 128, (count, length))


def given_by(graph: ModelGraph, program: Program, inputs: np.ndarray) -> bool:
    """Whether a program gives the graph's own codes."""
    side = graph.inputs[0].type.shape[-1]
    values = torch.from_numpy(inputs.astype(np.float32) * 0.02).reshape(len(inputs), 1, side, side)
    wanted = graph.run(values).outputs[0].reshape(len(inputs), -1).numpy()
    return np.array_equal(interpret(program, [inputs]).outputs[0], wanted)


@pytest.mark.parametrize(("channels", "pool"), [(1, 2), (3, 0), (24, 2), (24, 0)])
def test_the_shift_is_the_same_however_it_is_computed(channels: int, pool: int) -> None:
    graph = network(channels, pool=pool)
    inputs = codes(3, 144)
    for program in (lower(graph), optimize(lower(graph))):
        check(plan(program))
        assert given_by(graph, program, inputs)


def test_a_chain_of_channels_runs_in_little_memory() -> None:
    program = lower(network(24))
    again = optimize(program)
    arena, dense = plan(again).arena_bytes, 24 * 10 * 10 * 4
    assert arena < dense / 4
    assert work_of(again) < 3 * work_of(program)
    operators = [kernel.operator for kernel in again.kernels]
    assert operators.count("quantized_conv2d") > 2, "some convolution is there twice"


def test_time_may_be_worth_more_than_memory() -> None:
    program = lower(network(24))
    quick = optimize(program, without=["compute-again"])
    assert not any("_for_" in kernel.name for kernel in quick.kernels)
    assert work_of(quick) < work_of(optimize(program))


def test_little_is_not_computed_twice() -> None:
    program = lower(network(2))
    assert plan(program).arena_bytes < 2 * LEAST_SAVED
    assert OPTIMIZATIONS["compute-again"](program) is program


def test_only_what_leads_to_the_statistic_is_there_twice() -> None:
    program = lower(network(24, pool=0))
    names = [kernel.name for kernel in program.kernels if statistic_of(program, kernel)]
    assert names == ["run_conv_norm_peaks", "run_depthwise_norm_peaks"]
    twice = computed_again(program, names[1])
    made = [kernel.name for kernel in twice.kernels]
    for_norm = [name for name in made if name.endswith("_for_depthwise_norm_peaks")]
    assert for_norm == ["run_conv_norm_for_depthwise_norm_peaks", "run_depthwise_for_depthwise_norm_peaks"]
    assert made.index(for_norm[1]) < made.index("run_depthwise_norm_shift") < made.index("run_depthwise")
    check(plan(twice))
    both = computed_again(computed_again(program, names[0]), names[1])
    assert sum(kernel.operator == "quantized_conv2d" for kernel in both.kernels) == 5
    check(plan(both))


class Pooled(nn.Module):
    """Scores that are read twice: for their largest, and as they are; a softmax reads its own result meanwhile."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = torch.softmax(x * 3, -1)
        return scores / scores.amax((1, 2), keepdim=True)


def test_a_kernel_that_reads_its_own_result_is_copied_whole() -> None:
    program = lower(capture(Pooled(), (torch.randn(1, 16, 32),)))
    name = next(kernel.name for kernel in program.kernels if statistic_of(program, kernel))
    assert name == "run_amax"
    twice = computed_again(program, name)
    made = [kernel.name for kernel in twice.kernels]
    assert made == ["run_mul_for_amax", "run_softmax_for_amax", "run_amax", "run_mul", "run_softmax", "run_div"]
    check(plan(twice))
    given = np.random.default_rng(0).normal(size=(2, 512)).astype(np.float32)
    one, other = (interpret(made, [given]).outputs[0] for made in (program, twice))
    assert np.array_equal(one.view(np.uint8), other.view(np.uint8))


def test_tokens_have_shifts_of_their_own() -> None:
    graph = network(4, pool=0, granularity="token")
    program = lower(graph)
    assert all(not kernel.name.endswith("_peaks") for kernel in program.kernels)
    assert given_by(graph, optimize(program), codes(2, 144))


@pytest.mark.parametrize(("pool", "stride", "exchanged"), [(2, 0, True), (3, 2, False), (2, 3, False), (3, 1, True)])
def test_a_pool_comes_first_where_it_sees_everything(pool: int, stride: int, exchanged: bool) -> None:
    graph = network(3, pool=pool, stride=stride)
    program = lower(graph)
    order = [kernel.layer for kernel in program.kernels]
    assert (order.index("pool") < order.index("depthwise_norm")) == exchanged
    assert graph.producer("pool").op == "relu_norm", "the graph that was given stays as it is"
    assert given_by(graph, program, codes(3, 144))
    assert given_by(graph, optimize(program), codes(3, 144))


def test_a_fixed_shift_needs_no_largest_value_and_comes_behind_any_pool() -> None:
    graph = network(16, pool=2, stride=3, shift=7)
    program = lower(graph)
    assert not any(statistic_of(program, kernel) for kernel in program.kernels)
    order = [kernel.layer for kernel in program.kernels]
    assert order.index("pool") < order.index("depthwise_norm")
    small = optimize(program)
    assert plan(small).arena_bytes <= plan(optimize(lower(network(16, pool=2, stride=3)))).arena_bytes
    for each in (program, small):
        assert given_by(graph, each, codes(3, 144))
