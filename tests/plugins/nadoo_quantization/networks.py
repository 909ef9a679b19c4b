"""Small networks with the operators that quantization meets, and calibration data for them."""

import torch
from torch import nn
from torch.nn import functional as F

import nadoo_core as nadoo
from nadoo_core.data import Examples
from nadoo_core.passes import CALIBRATED, Context, Services
from nadoo_graphs.graph import ModelGraph


class Residual(nn.Module):
    """Convolutions with a shortcut, a depthwise one, pools, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, padding=1)
        self.inner = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.point = nn.Conv2d(8, 8, 1, bias=False)
        self.head = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A block and a head."""
        x = F.relu(self.first(x))
        x = F.relu(self.point(F.relu6(self.inner(x))) + x)
        return self.head(F.max_pool2d(x, 2).mean((2, 3)))


class Mixed(nn.Module):
    """Padding, concatenation, functions, a norm, attention-like products and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 8), nn.Linear(6, 8)
        self.norm = nn.LayerNorm(16)
        self.out = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens to tokens."""
        x = F.pad(x, (1, 1))
        a, b = F.gelu(self.one(x)), torch.tanh(self.two(x)) * 0.5
        weights = torch.softmax(a @ b.transpose(1, 2), -1)
        return self.out(self.norm(torch.cat([weights @ a, b * a], -1)))


def seeded(module: nn.Module, *example: torch.Tensor) -> ModelGraph:
    """The graph of a module whose weights are the same every time."""
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        bound = 1.5 / max(parameter[0].numel(), 1) ** 0.5
        parameter.data = (torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound
    return nadoo.capture(module.eval(), *example)


def images(count: int = 64, seed: int = 0) -> torch.Tensor:
    """Smooth images, so that neighbouring pixels are alike as in photographs."""
    noise = torch.randn(count, 2, 8, 8, generator=torch.Generator().manual_seed(seed))
    return F.avg_pool2d(noise, 3, 1, 1) * 3


def residual() -> ModelGraph:
    """The residual network."""
    return seeded(Residual(), images(2))


def tokens(count: int = 64, seed: int = 0) -> torch.Tensor:
    """Sequences of four features."""
    return torch.randn(count, 3, 4, generator=torch.Generator().manual_seed(seed))


def mixed() -> ModelGraph:
    """The network of many operators."""
    return seeded(Mixed(), tokens(2))


def perceptron(bias: bool = True, width: int = 16) -> ModelGraph:
    """Three layers and two relus."""
    layers = [nn.Linear(8, width, bias=bias), nn.ReLU(), nn.Linear(width, width, bias=bias), nn.ReLU()]
    return seeded(nn.Sequential(*layers, nn.Linear(width, 4, bias=bias)), torch.rand(2, 8))


def correlated(count: int = 512, seed: int = 0) -> torch.Tensor:
    """Vectors whose features follow from few causes."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(3, 8, generator=torch.Generator().manual_seed(99))
    return torch.randn(count, 3, generator=generator) @ mixing + 0.3 * torch.randn(count, 8, generator=generator)


def context(inputs: torch.Tensor, *, calibrated: bool = False, **services: object) -> Context:
    """A context with calibration data."""
    held = frozenset({CALIBRATED.name}) if calibrated else frozenset[str]()
    return Context(
        step="quantize",
        services=Services(data={"calibration": Examples(inputs)}, **services),  # type: ignore[arg-type]
        properties=held,
    )


def decibels(wanted: torch.Tensor, found: torch.Tensor) -> float:
    """The signal-to-noise ratio of outputs."""
    return float(10 * torch.log10(wanted.square().sum() / (wanted - found).square().sum()))
