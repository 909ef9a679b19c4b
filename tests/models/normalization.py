"""Every normalization, with the options that change which tensors it has and what training does to them."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, normal


class FunctionalBatchNorm(nn.Module):
    """A batch norm called as a function on tensors of the model's own."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.full((4,), 0.25))
        self.register_buffer("variance", torch.full((4,), 2.0))
        self.scale = nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.variance, self.scale, None, self.training, 0.2, 1e-3)


class FrozenBatchNorm(nn.Module):
    """A batch norm that stays in eval mode while the rest of the model trains."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 1)
        self.norm = nn.BatchNorm2d(4)

    def train(self, mode: bool = True) -> Self:
        """Keep the statistics still whatever the mode is."""
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class WrittenOutNorm(nn.Module):
    """A root-mean-square norm made of elementary operators."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.randn(8))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.scale


class UnitLength(nn.Module):
    """Rows of unit length after a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.layer(x), dim=-1)


def after_convolution(norm: nn.Module) -> nn.Module:
    """Put a norm of four channels where norms stand."""
    return nn.Sequential(nn.Conv2d(2, 4, 3), norm, nn.ReLU())


def after_linear(norm: nn.Module) -> nn.Module:
    """Put a norm of eight features where norms stand."""
    return nn.Sequential(nn.Linear(8, 8), norm, nn.Linear(8, 4))


IMAGE = normal((BATCH, 2, 6, 6))
ROWS = normal((BATCH, 8))
SEQUENCE = normal((BATCH, 5, 8))

CASES = (
    Case("batch_norm_1d", lambda: after_linear(nn.BatchNorm1d(8)), ROWS),
    Case("batch_norm_sequence", lambda: nn.BatchNorm1d(4), normal((BATCH, 4, 6))),
    Case("batch_norm_2d", lambda: after_convolution(nn.BatchNorm2d(4, eps=1e-3, momentum=0.3)), IMAGE),
    Case(
        "batch_norm_cumulative",
        lambda: after_convolution(nn.BatchNorm2d(4, momentum=None)),
        IMAGE,
        notes="the momentum is one over the count of batches, which training reads",
    ),
    Case("batch_norm_plain", lambda: after_convolution(nn.BatchNorm2d(4, affine=False)), IMAGE),
    Case(
        "batch_norm_untracked",
        lambda: after_convolution(nn.BatchNorm2d(4, track_running_stats=False)),
        IMAGE,
        notes="normalizes by the batch in eval too",
    ),
    Case("batch_norm_functional", FunctionalBatchNorm, normal((BATCH, 4, 6))),
    Case(
        "batch_norm_frozen",
        FrozenBatchNorm,
        IMAGE,
        train_only=True,
        notes="training must not move the statistics, though the model is in train mode",
    ),
    Case("layer_norm", lambda: after_linear(nn.LayerNorm(8)), SEQUENCE),
    Case("layer_norm_two_axes", lambda: nn.LayerNorm([5, 8], bias=False), SEQUENCE),
    Case("layer_norm_plain", lambda: after_linear(nn.LayerNorm(8, elementwise_affine=False)), SEQUENCE),
    Case("group_norm", lambda: after_convolution(nn.GroupNorm(2, 4)), IMAGE),
    Case("group_norm_plain", lambda: after_convolution(nn.GroupNorm(4, 4, affine=False)), IMAGE),
    Case("instance_norm", lambda: after_convolution(nn.InstanceNorm2d(4)), IMAGE),
    Case(
        "instance_norm_tracked",
        lambda: after_convolution(nn.InstanceNorm2d(4, affine=True, track_running_stats=True)),
        IMAGE,
    ),
    Case("rms_norm", lambda: after_linear(nn.RMSNorm(8, eps=1e-6)), SEQUENCE),
    Case("rms_norm_plain", lambda: after_linear(nn.RMSNorm(8, elementwise_affine=False)), SEQUENCE),
    Case("rms_norm_written_out", WrittenOutNorm, SEQUENCE),
    Case("local_response_norm", lambda: after_convolution(nn.LocalResponseNorm(3)), IMAGE),
    Case("unit_length", UnitLength, ROWS),
)
