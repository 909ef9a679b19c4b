"""Models that behave differently in training in ways that no layer records: a capture in eval mode loses them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, normal


class StochasticDepth(nn.Module):
    """Residual blocks that training skips at random, example by example."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(8, 8) for _ in range(2)])
        self.survival = 0.5

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + self.drop(torch.tanh(block(x)))
        return x

    def drop(self, branch: Tensor) -> Tensor:
        """Zero whole examples of a branch in training and rescale the rest."""
        if not self.training:
            return branch
        kept = torch.bernoulli(torch.full((branch.shape[0], 1), self.survival))
        return branch * kept / self.survival


class AuxiliaryHead(nn.Module):
    """A second head that only training uses; its parameters stay in the state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(8, 6)
        self.head = nn.Linear(6, 4)
        self.auxiliary = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.trunk(x))
        return self.head(hidden) + (0.3 * self.auxiliary(hidden) if self.training else 0)


class NoisyInput(nn.Module):
    """Noise added to the input in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = x + 0.1 * torch.randn_like(x)
        return self.layer(x)


class FunctionalDropout(nn.Module):
    """Dropouts called as functions, which no module of their own owns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(x, 0.25, training=self.training)
        return F.dropout(self.layer(x), 0.5, self.training, inplace=True)


class AlwaysDropping(nn.Module):
    """A dropout that stays on in eval, for an ensemble drawn from one model."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(self.layer(x), 0.5, training=True)


def channel_dropout() -> nn.Module:
    """Dropout of whole channels."""
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.Dropout2d(0.5), nn.ReLU(), nn.Conv2d(4, 2, 1))


ROWS = normal((BATCH, 8))

CASES = (
    Case("stochastic_depth", StochasticDepth, ROWS, train_only=True),
    Case("auxiliary_head", AuxiliaryHead, ROWS, train_only=True, notes="two parameters train and never infer"),
    Case("noisy_input", NoisyInput, ROWS, train_only=True),
    Case("functional_dropout", FunctionalDropout, ROWS),
    Case("always_dropping", AlwaysDropping, ROWS, notes="random in eval too"),
    Case("channel_dropout", channel_dropout, normal((BATCH, 2, 6, 6))),
)
