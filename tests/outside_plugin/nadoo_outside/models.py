"""A model with something to strip."""

import torch
from torch import nn


class ScaledNetwork(nn.Module):
    """A small network that multiplies by 1 on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 8)
        self.last = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of two classes."""
        return self.last(torch.tanh(self.first(x) * 1.0))


def scaled_network() -> nn.Module:
    """The network with the weights that the seed of the run gives."""
    return ScaledNetwork()
