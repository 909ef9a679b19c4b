"""Pools and resampling, with the options that change the size or the divisor of a window."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, normal

Module = Callable[[], nn.Module]


def after_convolution(build: Module) -> nn.Module:
    """Put a pool where pools stand."""
    return nn.Sequential(nn.Conv2d(2, 4, 1), build())


class Unpooled(nn.Module):
    """A pool that also tells where its maxima were, and its inverse, which needs that."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 1)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        maxima, positions = self.pool(self.conv(x))
        return self.unpool(maxima, positions)


class FeaturePyramid(nn.Module):
    """A small map grown to the size that a larger one happens to have."""

    def __init__(self) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(2, 4, 1)
        self.top = nn.Conv2d(2, 4, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        large, small = self.lateral(x), self.top(x)
        return large + F.interpolate(small, size=large.shape[-2:], mode="nearest")


class Sequences(nn.Module):
    """The pools and the resampling of one axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.conv(x)
        pools = (
            F.max_pool1d(x, 3, 2),
            F.avg_pool1d(x, 2),
            F.adaptive_avg_pool1d(x, 5),
            F.adaptive_max_pool1d(x, 3),
        )
        return (*pools, F.interpolate(x, scale_factor=2), F.interpolate(x, size=17, mode="linear"))


class Sampled(nn.Module):
    """Pixels read at places that a layer computes."""

    def __init__(self) -> None:
        super().__init__()
        self.locate = nn.Linear(4, 6)

    def forward(self, x: Tensor, hint: Tensor) -> Tensor:
        grid = F.affine_grid(self.locate(hint).view(-1, 2, 3), [x.shape[0], 2, 4, 4], align_corners=False)
        return F.grid_sample(x, grid, align_corners=False)


class Function(nn.Module):
    """A function of one tensor as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def area() -> nn.Module:
    """Build the resampling by area, for which torch has no module."""
    return Function(partial(F.interpolate, size=3, mode="area"))


POOLS: dict[str, Module] = {
    "max_pool": partial(nn.MaxPool2d, 3, stride=2, padding=1),
    "max_pool_ceiling": partial(nn.MaxPool2d, 2, stride=3, ceil_mode=True),
    "max_pool_dilated": partial(nn.MaxPool2d, (2, 3), stride=1, dilation=2),
    "average_pool": partial(nn.AvgPool2d, 3, stride=2, padding=1),
    "average_pool_inside": partial(nn.AvgPool2d, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    "average_pool_divisor": partial(nn.AvgPool2d, 2, divisor_override=3),
    "average_pool_global": partial(nn.AdaptiveAvgPool2d, 1),
    "average_pool_adaptive": partial(nn.AdaptiveAvgPool2d, (3, None)),
    "max_pool_adaptive": partial(nn.AdaptiveMaxPool2d, (3, 2)),
    "power_pool": partial(nn.LPPool2d, 2, 2),
    "upsample_nearest": partial(nn.Upsample, scale_factor=2),
    "upsample_nearest_size": partial(nn.Upsample, size=(11, 6)),
    "upsample_bilinear": partial(nn.Upsample, scale_factor=(2.0, 1.5), mode="bilinear"),
    "upsample_bilinear_corners": partial(nn.Upsample, size=(5, 12), mode="bilinear", align_corners=True),
    "upsample_bicubic": partial(nn.Upsample, scale_factor=2, mode="bicubic"),
    "upsample_area": area,
}


IMAGE = normal((BATCH, 2, 8, 8))

CASES = (
    *(Case(name, partial(after_convolution, build), IMAGE) for name, build in POOLS.items()),
    Case("max_pool_indices", lambda: after_convolution(lambda: nn.MaxPool2d(2, return_indices=True)), IMAGE),
    Case("max_pool_inverted", Unpooled, IMAGE),
    Case(
        "feature_pyramid",
        FeaturePyramid,
        IMAGE,
        dynamic={"x": (0, 2, 3)},
        notes="the size is read from a map",
    ),
    Case("pools_1d", Sequences, normal((BATCH, 4, 10))),
    Case("sampled", Sampled, normal((BATCH, 2, 6, 6), (BATCH, 4))),
)
