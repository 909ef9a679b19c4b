"""Layers of mostly zeros: the same integers from fewer bytes and fewer products, and dense ones stay as they are."""

from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nadoo_graphs.formats import standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Program, check, interpret, lower
from nadoo_graphs.lowered.optimizing import OPTIMIZATIONS, optimize
from nadoo_graphs.lowered.optimizing.sparse_layers import Lists
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.work import work_of

SPARSELY = OPTIMIZATIONS["store-sparsely"]


def pruned(op: str, shape: tuple[int, ...], inputs: tuple[int, ...], share: float, **options: Any) -> ModelGraph:
    """A layer over codes with a share of its weights zero, and an input whose zero point is not 0."""
    random = np.random.default_rng(prod(shape))
    graph = ModelGraph("pruned")
    point = torch.tensor(options.pop("point", -7), dtype=torch.int32)
    codes = graph.add(
        "quantize", [graph.add_input("x", ("N", *inputs))], format="int8",
        tensors={"scale": torch.tensor(0.05), "zero_point": point},
    )  # fmt: skip
    weight = random.normal(size=shape) * (random.random(shape) >= share)
    name = options.pop("weights", "int8")
    tensors = {
        "weight": torch.from_numpy(weight.astype(np.float32)),
        "weight_scale": torch.tensor(float(standard_formats()[name].scale_of(2.0))),
        "bias": torch.from_numpy(random.normal(size=shape[:1]).astype(np.float32)),
        "input_scale": torch.tensor(0.05), "input_zero_point": point, "output_scale": torch.tensor(0.1),
    }  # fmt: skip
    mode = {"output_format": "int8", "requantize": "double", "weight_format": name}
    graph.set_outputs([graph.add(op, [codes], tensors=tensors, **mode, **options)])
    return graph


def same(one: Program, other: Program, length: int) -> bool:
    """Whether two programs give the same codes, extremes among the inputs."""
    drawn = np.random.default_rng(1).integers(-128, 128, (6, length))
    drawn[:2] = [[-128], [127]]
    found = [interpret(program, [drawn]).outputs[0] for program in (one, other)]
    return np.array_equal(*found)


CASES = {
    "linear": ("quantized_linear", (9, 300), (300,), {}),
    "rows": ("quantized_linear", (9, 40), (3, 40), {}),
    "one output": ("quantized_linear", (1, 64), (2, 64), {}),
    "int4": ("quantized_linear", (9, 200), (200,), {"weights": "int4"}),
    "padded": ("quantized_conv2d", (6, 24, 3, 3), (24, 6, 5), {"padding": (1, 1), "stride": (2, 1)}),
    "not padded": ("quantized_conv2d", (6, 24, 3, 3), (24, 6, 5), {"dilation": (2, 1)}),
    "pointwise": ("quantized_conv2d", (12, 48, 1, 1), (48, 4, 4), {}),
    "grouped": ("quantized_conv2d", (6, 32, 1, 3), (64, 4, 5), {"groups": 2, "padding": (0, 1)}),
    "signal": ("quantized_conv1d", (6, 24, 5), (24, 17), {"padding": (2,), "stride": (3,)}),
}


@pytest.mark.parametrize("case", CASES)
def test_sparse_layers_give_the_same_codes_from_less(case: str) -> None:
    op, shape, inputs, options = CASES[case]
    program = lower(pruned(op, shape, inputs, 0.9, **options))
    better = SPARSELY(program)
    check(plan(better))
    assert better.kernels[0].operator == f"sparse_{op}"
    assert better.kernels[0].integers is not None, "kernels of plugins may repack them"
    assert better.flash_bytes < program.flash_bytes
    assert work_of(better) < work_of(program)
    assert same(program, better, prod(inputs))
    assert same(program, optimize(program), prod(inputs))


@pytest.mark.parametrize(("share", "options"), [(0.2, {}), (0.6, {"weights": "int4"}), (0.9, {"weights": "4bitsym"})])
def test_what_does_not_pay_stays_dense(share: float, options: Any) -> None:
    program = lower(pruned("quantized_linear", (8, 200), (200,), share, **options))
    assert SPARSELY(program) is program


def test_a_layer_of_nothing_but_zeros_has_no_lists() -> None:
    program = lower(pruned("quantized_linear", (8, 200), (200,), 1.0))
    assert SPARSELY(program) is program


def test_depthwise_layers_have_no_lists() -> None:
    graph = pruned("quantized_conv2d", (8, 1, 3, 3), (8, 6, 6), 0.9, groups=8)
    program = lower(graph)
    assert SPARSELY(program) is program


def test_what_follows_is_fused_to_a_sparse_layer_too() -> None:
    graph = pruned("quantized_conv2d", (6, 24, 3, 3), (24, 6, 6), 0.9, padding=(1, 1))
    pooled = graph.add("max_pool2d", [graph.outputs[0]], kernel_size=(2, 2))
    graph.set_outputs([pooled])
    program = lower(graph)
    better = optimize(program)
    assert [kernel.operator for kernel in better.kernels] == ["sparse_quantized_conv2d"]
    assert same(program, better, 24 * 36)


@settings(max_examples=30, deadline=None)
@given(arrays.arrays(np.int32, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.integers(-2, 2)))
def test_lists_hold_every_weight_once(matrix: np.ndarray) -> None:
    lists = Lists.of(matrix, matrix.shape[1])
    found = np.zeros_like(matrix)
    for row in range(len(matrix)):
        for entry in range(lists.starts[row], lists.starts[row + 1]):
            found[row, lists.places[entry]] += lists.values[entry]
    assert np.array_equal(found, matrix)
    assert 0 not in lists.values
