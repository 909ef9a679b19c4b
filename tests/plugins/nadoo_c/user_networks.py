"""Networks as users have them: blocks of every kind that small models are made of, and inputs for them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TOKENS, LENGTH = 20, 7


class Excited(nn.Module):
    """A block whose channels are weighted by what they hold, with hard functions and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.less, self.more = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.out, self.head = nn.Conv2d(8, 6, 3, stride=2, padding=1), nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.norm(self.conv(x)))
        y = y * F.hardsigmoid(self.more(F.relu(self.less(F.adaptive_avg_pool2d(y, 1)))))
        return F.softmax(self.head(F.relu6(self.out(y)).mean((2, 3))), -1)


class Grouped(nn.Module):
    """Groups, dilation, strides that differ, a kernel of one row, concatenation, and a pool with overlaps."""

    def __init__(self) -> None:
        super().__init__()
        self.dilated = nn.Conv2d(4, 8, 3, groups=2, dilation=2, padding=2)
        self.tall = nn.Conv2d(8, 8, (3, 1), stride=(2, 1), padding=(1, 0))
        self.depthwise, self.point = nn.Conv2d(8, 8, 5, padding=2, groups=8), nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        tall = F.relu(self.tall(F.leaky_relu(self.dilated(x), 0.1)))
        both = torch.cat([tall, torch.sigmoid(self.depthwise(tall))], 1)
        return F.max_pool2d(self.point(both), 3, 2, 1).flatten(1)


class Signal(nn.Module):
    """Convolutions over one axis, with a shortcut, smooth functions and a mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(3, 8, 5, stride=2, padding=2)
        self.wide, self.point = nn.Conv1d(8, 8, 3, dilation=4, padding=4, groups=4), nn.Conv1d(8, 16, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.first(x))
        x = F.elu(self.point(x + torch.tanh(self.wide(x))))
        return self.head(F.avg_pool1d(x, 3, 2).transpose(1, 2)).mean(1)


class Root(nn.Module):
    """A norm by the root mean square, written out."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Attention(nn.Module):
    """A transformer block over embedded tokens, with one of three norms."""

    def __init__(self, norm: Callable[[int], nn.Module], width: int = 16) -> None:
        super().__init__()
        self.embedding, self.places = nn.Embedding(TOKENS, width), nn.Parameter(torch.randn(LENGTH, width) * 0.1)
        self.before, self.between = norm(width), norm(width)
        self.all_three, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down, self.head = nn.Linear(width, 32), nn.Linear(32, width), nn.Linear(width, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens) + self.places
        batch, count, width = x.shape
        q, k, v = self.all_three(self.before(x)).reshape(batch, count, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        weights = F.softmax(q @ k.transpose(-1, -2) / (width // 2) ** 0.5, -1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, count, width))
        return self.head((x + self.down(F.gelu(self.up(self.between(x))))).mean(1))


class Encoder(nn.Module):
    """torch's own transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = (
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, norm_first=True),
            nn.Linear(16, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.head(self.layer(x)[:, 0]), -1)


class Upsampled(nn.Module):
    """Down, up again, and joined with what was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.last = nn.Conv2d(10, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        fine = F.relu(self.first(x))
        coarse = F.interpolate(F.relu(self.down(fine)), scale_factor=2, mode="nearest")
        return self.last(torch.cat([coarse, fine], 1))


class Recurrent(nn.Module):
    """A GRU whose last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.GRU(5, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Shuffled(nn.Module):
    """Channels that change groups, a group norm, a PReLU, and a class for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.point, self.depthwise = nn.Conv2d(4, 8, 1, groups=2), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm, self.slope, self.head = nn.GroupNorm(2, 8), nn.PReLU(8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.point(x)
        batch, channels, height, width = x.shape
        x = x.reshape(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(batch, channels, height, width)
        x = self.slope(self.norm(self.depthwise(x)))
        return self.head(F.adaptive_max_pool2d(x, 1).flatten(1)).argmax(-1)


class Sides(nn.Module):
    """Two inputs, joined across axes, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(6, 8), nn.Linear(4, 8), nn.Linear(10, 3)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        left, right = F.relu(self.left(x)), F.silu(self.right(y))
        joined = torch.cat([left.transpose(1, 2), right.transpose(1, 2)], 2)
        return self.head(joined), (left - right).abs().amax(-1)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[tuple[int, ...], ...]]] = {
    "excited": (Excited, ((3, 12, 12),)),
    "grouped": (Grouped, ((4, 11, 9),)),
    "signal": (Signal, ((3, 33),)),
    "layer norm": (lambda: Attention(nn.LayerNorm), ((),)),
    "rms norm": (lambda: Attention(nn.RMSNorm), ((),)),
    "root": (lambda: Attention(Root), ((),)),
    "encoder": (Encoder, ((6, 16),)),
    "upsampled": (Upsampled, ((2, 8, 8),)),
    "recurrent": (Recurrent, ((7, 5),)),
    "shuffled": (Shuffled, ((4, 6, 6),)),
    "sides": (Sides, ((5, 6), (5, 4))),
}
"""Each network by name, with the shapes of its inputs; () stands for tokens."""


def made(name: str, count: int = 16) -> tuple[nn.Module, list[Tensor]]:
    """A network in evaluation, whose batch norms have seen something, and inputs for it."""
    torch.manual_seed(0)
    module, shapes = NETWORKS[name][0]().eval(), NETWORKS[name][1]
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean = torch.randn(norm.num_features)
            norm.running_var = torch.rand(norm.num_features) + 0.5
    inputs = [torch.randn(count, *shape) if shape else torch.randint(0, TOKENS, (count, LENGTH)) for shape in shapes]
    return module, inputs
