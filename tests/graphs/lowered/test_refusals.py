"""What cannot be lowered is named, all of it at once; what would be undefined in C is an error of the interpreter."""

import numpy as np
import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Buffer, Kernel, Kind, LoweredError, Program, Slice, interpret, lower
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.expressions import Term


class Unknown(nn.Module):
    """Two operators without a kernel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x) + torch.cos(x)


def test_every_node_without_a_kernel_is_named() -> None:
    with pytest.raises(LoweredError) as caught:
        lower(capture(Unknown(), (torch.randn(1, 4),)))
    assert len(caught.value.problems) == 2
    assert "has no kernel: replace it" in str(caught.value)


def test_operators_without_a_row_are_named_as_torch_names_them() -> None:
    with pytest.raises(LoweredError, match=r"\(aten.pixel_shuffle.default\): has no kernel: no row describes"):
        lower(capture(nn.PixelShuffle(2), (torch.randn(1, 4, 3, 3),)))


def test_float64_is_refused() -> None:
    with pytest.raises(LoweredError, match="float64"):
        lower(capture(nn.ReLU(), (torch.randn(1, 4, dtype=torch.float64),)))


def test_an_open_size_is_refused() -> None:
    graph = ModelGraph("open")
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N", "T"))])])
    with pytest.raises(LoweredError, match="open sizes T"):
        lower(graph)


def test_an_unknown_border_is_refused() -> None:
    with pytest.raises(LoweredError, match="'codes' or 'float'"):
        lower(capture(nn.ReLU(), (torch.randn(1, 4),)), border="bits")


def one_kernel(index: Term, value: Term, kind: Kind = Kind.I32) -> Program:
    body = Body()
    body.store(Place("y", kind), index, value)
    kernel = Kernel("k", "test", "i32", {"y": Slice("y", 0, 2)}, body.statements)
    return Program("p", {"y": Buffer("y", "output", kind, 2)}, (kernel,), (), ("y",))


def test_an_index_outside_is_an_error() -> None:
    with pytest.raises(LoweredError, match="element 2 of 'y', which has 2"):
        interpret(one_kernel(2, 1), [])


def test_a_value_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(LoweredError, match="outside i8"):
        interpret(one_kernel(0, 128, Kind.I8), [])


def test_inputs_of_the_wrong_shape_are_refused() -> None:
    program = lower(capture(nn.ReLU(), (torch.randn(1, 4),)))
    with pytest.raises(LoweredError, match=r"give \[3, 4\]"):
        interpret(program, [np.zeros((3, 5), np.float32)])
    with pytest.raises(LoweredError, match="takes 1 inputs"):
        interpret(program, [])
