"""Small networks, one for each way in which channels can hang together."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """A residual block with a batch norm, whose shortcut is the identity."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(F.relu(x + self.norm(self.inner(x))).mean((2, 3)))


class PaddedShortcut(nn.Module):
    """A shortcut that subsamples and pads channels with zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, 2, 1), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        return self.head(F.relu(self.inner(F.relu(x)) + short).mean((2, 3)))


class SqueezeExcite(nn.Module):
    """Channels that are scaled by what a small network makes of their means."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down, self.up = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        gate = torch.sigmoid(self.up(F.silu(self.down(x.mean((2, 3), keepdim=True)))))
        return self.head(x * gate)


class Branches(nn.Module):
    """Values that are laid side by side, taken apart again and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.mix = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 6, 1), nn.Conv2d(5, 4, 1)
        self.head = nn.Linear(9 * 4, 2)

    def forward(self, x: Tensor) -> Tensor:
        whole = torch.cat([self.one(x), self.two(x)], 1)
        first, second = whole.chunk(2, 1)
        mixed = self.mix(F.relu(first) * torch.tanh(second))
        tail = whole[:, 4:9]
        return self.head(torch.flatten(torch.cat([mixed, tail], 1), 1))


class Shuffle(nn.Module):
    """Grouped convolutions with a channel shuffle between them, and a split as ShuffleNet has."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(3, 12, 1), nn.Conv2d(12, 12, 3, padding=1, groups=2)
        self.second, self.head = nn.Conv2d(12, 24, 1, groups=2), nn.Conv2d(24, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(self.stem(x)))
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.head(F.relu(self.second(x)))


class Depthwise(nn.Module):
    """An inverted residual with a depthwise convolution, group norm and instance norm."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.expand = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 12, 1)
        self.depth, self.shrink = nn.Conv2d(12, 24, 3, padding=1, groups=12), nn.Conv2d(24, 6, 1)
        self.norm, self.instance = nn.GroupNorm(6, 12), nn.InstanceNorm2d(24, affine=True)
        self.head = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.instance(self.depth(F.relu6(self.norm(self.expand(x)))))
        return self.head(x + self.shrink(y))


class FusedAttention(nn.Module):
    """Queries, keys and values from one layer, in heads; no norm over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.qkv, self.out, self.head = (
            nn.Linear(5, 12), nn.Linear(12, 36), nn.Linear(12, 12), nn.Linear(12, 2)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, 3, 4).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, c)
        return self.head(x + self.out(y))


class ManualAttention(nn.Module):
    """Attention written out as two products, with keys and values of their own layers."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = nn.Linear(5, 12), nn.Linear(5, 12), nn.Linear(5, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        n, t, _ = x.shape
        q, k, v = (f(x).view(n, t, 3, 4).transpose(1, 2) for f in (self.q, self.k, self.v))
        weights = torch.softmax(q @ k.transpose(-2, -1) / 2.0, -1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, 12))


class Module(nn.Module):
    """torch's own multi-head attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attention, self.head = (
            nn.Linear(5, 12), nn.MultiheadAttention(12, 3, batch_first=True), nn.Linear(12, 2)
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        return self.head(x + self.attention(x, x, x)[0])


class Recurrent(nn.Module):
    """Two layers of a bidirectional LSTM, then a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 6, num_layers=2, bidirectional=True, batch_first=True)
        self.gru, self.head = nn.GRU(12, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(self.lstm(x)[0])[0][:, -1])


class Projected(nn.Module):
    """An LSTM that projects its state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(5, 6, proj_size=4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0])


class Tied(nn.Module):
    """One weight for two layers, which then lose the same channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(F.gelu(self.second(F.gelu(self.first(x))))))


class Transposed(nn.Module):
    """Down and up again, with a gated linear unit, a repeated and a mirrored value."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, 2, 1), nn.ConvTranspose2d(4, 6, 2, 2, groups=2)
        self.last, self.slope = nn.Conv2d(24, 2, 1), nn.PReLU(6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.slope(self.up(F.glu(self.down(x), 1)))
        y = torch.cat([y.repeat(1, 2, 1, 1), y.flip(1), F.interpolate(y, scale_factor=1.0)], 1)
        return self.last(y)


IMAGE, SEQUENCE = (2, 3, 8, 8), (2, 7, 5)
NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, IMAGE),
    "padded-shortcut": (PaddedShortcut, IMAGE),
    "squeeze-excite": (SqueezeExcite, IMAGE),
    "branches": (Branches, (2, 3, 2, 2)),
    "shuffle": (Shuffle, IMAGE),
    "depthwise": (Depthwise, IMAGE),
    "fused-attention": (FusedAttention, SEQUENCE),
    "manual-attention": (ManualAttention, SEQUENCE),
    "module-attention": (Module, SEQUENCE),
    "recurrent": (Recurrent, SEQUENCE),
    "projected": (Projected, SEQUENCE),
    "tied": (Tied, SEQUENCE),
    "transposed": (Transposed, IMAGE),
}
EXPECTED_GROUPS: Mapping[str, Mapping[str, int]] = {
    "residual": {"stem": 6},
    "padded-shortcut": {"stem": 4, "inner": 4},
    "squeeze-excite": {"stem": 8, "down": 4},
    "shuffle": {"stem": 6, "first": 3, "second": 12},
    "depthwise": {"stem": 6, "expand": 6},
    "fused-attention": {"embed": 12, "qkv": 3},
    "manual-attention": {"q": 3},
    "module-attention": {"embed": 12, "attention.linear": 3},
    "recurrent": {"lstm": 6, "gru": 4},
    "projected": {"lstm": 4},
    "tied": {"first": 8},
}
"""How many units each group has that is named after a node."""
