"""When writes in place may be read as functional calls, and when they must not."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nadoo_graphs.capture.functional import hazards


class Body(nn.Module):
    """A function as a model."""

    def __init__(self, body: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x * 1)


def view_read_later(x: Tensor) -> Tensor:
    view = x.t()
    x.add_(1)
    return view @ x


def written_through_a_view(x: Tensor) -> Tensor:
    x[0].zero_()
    return x


def view_read_before(x: Tensor) -> Tensor:
    before = x.t() * 2
    x.add_(1)
    return before @ x


def chain(x: Tensor) -> Tensor:
    return x.relu_().mul_(2).add_(1)


def view_of_a_view(x: Tensor) -> Tensor:
    view = x.view(-1)[1:]
    x.mul_(2)
    return view.sum() + x.sum()


def piece_of_a_split(x: Tensor) -> Tensor:
    first, second = x.chunk(2)
    first.mul_(3)
    return x.sum() + second.sum()


def in_place_dropout(x: Tensor) -> Tensor:
    return nn.functional.dropout(x, 0.5, training=False, inplace=True).relu_()


@pytest.mark.parametrize("body", [view_read_later, written_through_a_view, view_of_a_view, piece_of_a_split])
def test_an_alias_that_is_read_later_is_a_hazard(body: Callable[[Tensor], Tensor]) -> None:
    program = torch.export.export(Body(body), (torch.randn(4, 4),), strict=False)
    assert hazards(program.graph, [])


@pytest.mark.parametrize("body", [view_read_before, chain, in_place_dropout])
def test_a_chain_that_nobody_else_reads_is_none(body: Callable[[Tensor], Tensor]) -> None:
    program = torch.export.export(Body(body), (torch.randn(4, 4),), strict=False)
    assert hazards(program.graph, []) == []


def test_a_write_to_a_tensor_of_the_model_is_a_hazard() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.count.add_(1)
            return x

    program = torch.export.export(Counts(), (torch.randn(2),), strict=False)
    assert hazards(program.graph, list(program.graph_signature.inputs_to_buffers))
