"""The leaf module that a recurrent layer becomes; rows are read without torch, so it stands apart."""

from typing import Any

import torch
from attrs import frozen
from torch import Tensor, nn


@frozen
class Layout:
    """How a recurrent layer is stacked: what torch's recurrent operators take beside the tensors."""

    has_biases: bool
    layers: int
    dropout: float
    bidirectional: bool
    batch_first: bool


class Recurrent(nn.Module):
    """Runs a stack of recurrent layers, with dropout between them only while its module trains."""

    def __init__(self, overload: Any, roles: tuple[str, ...], layout: Layout) -> None:
        super().__init__()
        self.overload = overload
        self.roles = roles
        self.layout = layout

    def forward(self, x: Tensor, *states: Tensor, **tensors: Tensor) -> tuple[Tensor, ...]:
        """The outputs of all steps, then the last states; an LSTM takes its two states as one list."""
        layout = self.layout
        start = states[0] if len(states) == 1 else list(states)
        weights = [tensors[role] for role in self.roles]
        options = (layout.has_biases, layout.layers, layout.dropout, self.training)
        run = plain if torch.compiler.is_exporting() else uncompiled
        return run(self.overload, x, start, weights, *options, layout.bidirectional, layout.batch_first)


def plain(overload: Any, *arguments: Any) -> Any:
    """The plain call."""
    return overload(*arguments)


# Compiling the gradient of aten.lstm fails inside torch, which leaves its own recurrent modules uncompiled too.
uncompiled: Any = torch.compiler.disable(plain)
