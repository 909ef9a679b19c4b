"""Convolutional models: every geometry of convolution, and the blocks that image networks are made of."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, normal


class ConvolutionBlock(nn.Module):
    """Convolution, batch norm, activation, pool, and a head: the smallest image classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(4 * 4 * 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.norm(self.conv(x))))
        return self.head(torch.flatten(x, 1))


class InvertedResidual(nn.Module):
    """Expansion, depthwise, linear projection and a residual around the three."""

    def __init__(self) -> None:
        super().__init__()
        self.expand = nn.Sequential(nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.depthwise = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True)
        )
        self.project = nn.Sequential(nn.Conv2d(8, 4, 1, bias=False), nn.BatchNorm2d(4))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(self.depthwise(self.expand(x)))


class SqueezeExcite(nn.Module):
    """Channels weighted by what a small network makes of their averages."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(8, 2, 1)
        self.restore = nn.Conv2d(2, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        average = F.adaptive_avg_pool2d(x, 1)
        return x * F.hardsigmoid(self.restore(F.relu(self.reduce(average))))


class Concatenation(nn.Module):
    """Arms of different widths joined along the channels, one of them the input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(2, 4, 1)
        self.wide = nn.Conv2d(2, 6, 3, padding=1)
        self.mix = nn.Conv2d(12, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(torch.cat([self.narrow(x), self.wide(x), x], dim=1))


class StandardizedWeight(nn.Module):
    """A convolution whose weight is normalized on every call."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight
        mean = weight.mean(dim=(1, 2, 3), keepdim=True)
        deviation = weight.std(dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, (weight - mean) / (deviation + 1e-5), self.conv.bias)


class SharedConvolution(nn.Module):
    """One convolution over maps of two sizes, as a feature pyramid's head does."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(2, 4, 3, padding=1)

    def forward(self, large: Tensor, small: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(large), self.head(small)


def depthwise_separable() -> nn.Module:
    """A depthwise convolution that doubles the channels, then a pointwise one."""
    return nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.ReLU(), nn.Conv2d(8, 6, 1))


def transposed_1d() -> nn.Module:
    """Upsampling of a sequence with output padding, in groups."""
    return nn.Sequential(
        nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        nn.ReLU(),
        nn.ConvTranspose1d(6, 2, 2, bias=False),
    )


def transposed_2d() -> nn.Module:
    """A decoder of images: stride, dilation, and different kernels along the two axes."""
    return nn.Sequential(
        nn.ConvTranspose2d(2, 4, (4, 2), stride=2, padding=(1, 0)),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.ConvTranspose2d(4, 2, 3, dilation=2),
    )


def linear_norm() -> nn.Module:
    """Batch norms after linear layers, one with a bias and one without."""
    return nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5))


def strided() -> nn.Module:
    """Stride, padding and kernel that differ between the axes."""
    return nn.Sequential(nn.Conv2d(2, 4, (3, 5), stride=(2, 1), padding=(0, 2)), nn.Conv2d(4, 2, (1, 3)))


def sequence() -> nn.Module:
    """Convolutions over time with a batch norm over three axes."""
    return nn.Sequential(nn.Conv1d(4, 6, 5, padding=4, dilation=2), nn.BatchNorm1d(6), nn.SiLU(), nn.Conv1d(6, 2, 1))


def volume() -> nn.Module:
    """Convolution, norm and pool over three spatial axes."""
    return nn.Sequential(
        nn.Conv3d(2, 4, 3, padding=1),
        nn.BatchNorm3d(4),
        nn.ReLU(),
        nn.MaxPool3d(2),
        nn.ConvTranspose3d(4, 2, 2),
    )


IMAGE = (BATCH, 2, 8, 8)

CASES = (
    Case("convolution_block", ConvolutionBlock, normal(IMAGE)),
    Case("inverted_residual", InvertedResidual, normal((BATCH, 4, 6, 6))),
    Case("squeeze_excite", SqueezeExcite, normal((BATCH, 8, 5, 5))),
    Case("concatenation", Concatenation, normal(IMAGE)),
    Case("standardized_weight", StandardizedWeight, normal(IMAGE)),
    Case(
        "shared_convolution",
        SharedConvolution,
        normal(IMAGE, (BATCH, 2, 4, 4)),
        notes="one layer, two image sizes",
    ),
    Case("depthwise_separable", depthwise_separable, normal((BATCH, 4, 6, 6))),
    Case("grouped", lambda: nn.Conv2d(4, 6, 3, groups=2), normal((BATCH, 4, 6, 6))),
    Case("dilated", lambda: nn.Conv2d(2, 4, 3, dilation=2, padding=2), normal(IMAGE)),
    Case("strided", strided, normal(IMAGE)),
    Case("dynamic_image", strided, normal(IMAGE), dynamic={"input": (0, 2, 3)}, notes="height and width vary"),
    Case("padding_same", lambda: nn.Conv2d(2, 4, (3, 5), padding="same"), normal(IMAGE)),
    Case("padding_reflected", lambda: nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), normal(IMAGE)),
    Case(
        "padding_circular",
        lambda: nn.Conv1d(2, 4, 3, padding=1, padding_mode="circular"),
        normal((BATCH, 2, 8)),
    ),
    Case("conv1d", sequence, normal((BATCH, 4, 12))),
    Case("conv3d", volume, normal((BATCH, 2, 4, 4, 4))),
    Case("transposed_1d", transposed_1d, normal((BATCH, 4, 5))),
    Case("transposed_2d", transposed_2d, normal((BATCH, 2, 4, 4))),
    Case("linear_norm", linear_norm, normal((BATCH, 8))),
    Case(
        "channels_last",
        lambda: ConvolutionBlock().to(memory_format=torch.channels_last),  # pyright: ignore[reportCallIssue]
        normal(IMAGE),
        notes="the weights are not contiguous",
    ),
)
