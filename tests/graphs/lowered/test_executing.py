"""What loops execute, counted without running them: margins exactly, data as if conditions held."""

import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.lowered import lower
from nadoo_graphs.lowered.executing import executed


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"), [(6, 3, 1, 1), (5, 5, 2, 2), (7, 3, 2, 1), (4, 1, 1, 0)]
)
def test_products_of_a_convolution_leave_its_margin_out(side: int, kernel: int, stride: int, padding: int) -> None:
    module = nn.Conv2d(2, 3, kernel, stride, padding, bias=False)
    graph = capture(module, (torch.randn(2, 2, side, side),))
    counts = executed(lower(graph).kernels[0])
    ones = nn.functional.conv2d(
        torch.ones(1, 1, side, side), torch.ones(1, 1, kernel, kernel), stride=stride, padding=padding
    )
    assert counts["mul.f32"] == pytest.approx(float(ones.sum()) * 2 * 3)
    assert counts["store.f32"] == ones.numel() * 3


def test_a_linear_layer_executes_each_product_once() -> None:
    counts = executed(lower(capture(nn.Linear(7, 5), (torch.randn(2, 7),))).kernels[0])
    assert counts["mul.f32"] == 35
    assert counts["turns.outer"] == 5
    assert counts["load.f32"] == 35 * 2 + 5
