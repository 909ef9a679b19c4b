"""The leaf module of a randomized activation; rows are read without torch, so it stands apart."""

import torch
from torch import Tensor, nn


class RandomizedReLU(nn.Module):
    """Draws the slopes of negative values while its module trains, or always."""

    def __init__(self, lower: float, upper: float, always: bool) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.always = always

    def forward(self, x: Tensor) -> Tensor:
        """Draw from torch's own generator, so that a seed gives what it gave before capture."""
        return torch.ops.aten.rrelu.default(x, self.lower, self.upper, self.training or self.always)
