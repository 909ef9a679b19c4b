"""Small networks for calibrating with the emulator: random layers and sizes, quantized after training or in float."""

import math
from collections.abc import Callable

import numpy as np
import torch
from attrs import frozen
from torch import nn

from nadoo_core.data import Examples
from nadoo_core.passes import Context, LayerTable, Services
from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.estimators.work import graph_work
from nadoo_quantization.quantize import Quantize

FORMATS = ("int8", "float32", "int4", "int8", "ternary", "float32", "int8", "4bitsym")
"""The formats of weights in turn; activations are int8 but beside float32."""
FEWEST_MACS, MOST_MACS = 2_000, 250_000
EXAMPLES = 64
CLASSES = (2, 10, 12)


@frozen
class Network:
    """A graph by name, with the format of its weights."""

    name: str
    format: str
    graph: ModelGraph


class Residual(nn.Module):
    """A convolution beside a path that goes round it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum of both paths."""
        return torch.relu(x + self.conv(x))


def name_of(place: int) -> str:
    """The name of a network by its number: families and formats in turn."""
    families = tuple(FAMILIES)
    form = FORMATS[place // len(families) % len(FORMATS)]
    return f"{families[place % len(families)]}-{place}-{form}"


def network(place: int, seed: int) -> Network:
    """The network of a number; the same seed draws the same one."""
    name = name_of(place)
    family, _, form = name.split("-")
    return Network(name, form, drawn(FAMILIES[family], seed + place, form))


def drawn(
    draw: Callable[["np.random.Generator"], tuple[nn.Module, tuple[int, ...]]], seed: int, form: str
) -> ModelGraph:
    """The first network of a family that is neither too small nor too large."""
    for attempt in range(1000):
        torch.manual_seed(seed)
        module, shape = draw(np.random.default_rng([seed, attempt]))
        examples = torch.randn(EXAMPLES, *shape)
        graph = capture(module.eval(), (examples[:2],))
        if FEWEST_MACS <= graph_work(graph).macs <= MOST_MACS:
            return graph if form == "float32" else quantized(graph, examples, form)
    message = f"seed {seed} draws nothing between {FEWEST_MACS} and {MOST_MACS} multiply-accumulates"
    raise ValueError(message)


def quantized(graph: ModelGraph, examples: torch.Tensor, form: str) -> ModelGraph:
    """The graph over codes of 8 bits, with weights in a format."""
    context = Context(step="quantize", seed=0, services=Services(data={"calibration": Examples(examples)}))
    step = Quantize(weights=LayerTable({"*": form}), rounding="nearest", report="weights", allow_degenerate=True)
    return step.run(graph, context).graph


def log_uniform(chance: "np.random.Generator", low: int, high: int) -> int:
    """A whole number between two, each doubling as likely as any other."""
    return round(math.exp(chance.uniform(math.log(low), math.log(high))))


def activation(chance: "np.random.Generator") -> nn.Module:
    """Mostly ReLU, sometimes one that is bounded above."""
    return nn.ReLU6() if chance.random() < 1 / 5 else nn.ReLU()


def perceptron(chance: "np.random.Generator") -> tuple[nn.Module, tuple[int, ...]]:
    """Linear layers after each other."""
    size = given = log_uniform(chance, 16, 512)
    layers: list[nn.Module] = []
    for _ in range(int(chance.integers(1, 4))):
        wide = log_uniform(chance, 8, 192)
        layers += [nn.Linear(size, wide), activation(chance)]
        size = wide
    return nn.Sequential(*layers, nn.Linear(size, int(chance.choice(CLASSES)))), (given,)


def convolutional(chance: "np.random.Generator") -> tuple[nn.Module, tuple[int, ...]]:
    """Convolutions and pools, then a linear layer."""
    side, channels = int(chance.choice((8, 12, 16, 20))), int(chance.choice((1, 2, 3)))
    layers: list[nn.Module] = []
    shape, given = side, (channels, side, side)
    for _ in range(int(chance.integers(1, 4))):
        wide, kernel = log_uniform(chance, 4, 32), int(chance.choice((1, 3, 3, 5)))
        stride = int(chance.choice((1, 1, 2)))
        layers += [nn.Conv2d(channels, wide, kernel, stride, padding=kernel // 2), activation(chance)]
        channels, shape = wide, -(-shape // stride)
        if shape >= 4 and chance.random() < 1 / 2:
            layers.append(nn.MaxPool2d(2) if chance.random() < 2 / 3 else nn.AvgPool2d(2))
            shape //= 2
    return headed(chance, layers, channels, shape), given


def headed(chance: "np.random.Generator", layers: list[nn.Module], channels: int, side: int) -> nn.Module:
    """Layers with a head: everything flattened, or the mean of each channel."""
    if chance.random() < 1 / 2:
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, int(chance.choice(CLASSES))))
    pool = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(channels, int(chance.choice(CLASSES))))


def separable(chance: "np.random.Generator") -> tuple[nn.Module, tuple[int, ...]]:
    """Depthwise and pointwise convolutions by turns."""
    side, wide = int(chance.choice((8, 10, 12, 16))), log_uniform(chance, 4, 24)
    layers: list[nn.Module] = [nn.Conv2d(1, wide, 3, padding=1, stride=int(chance.choice((1, 2)))), activation(chance)]
    shape = -(-side // int(layers[0].stride[0]))  # type: ignore[index]
    for _ in range(int(chance.integers(1, 4))):
        stride, out = int(chance.choice((1, 1, 2))), log_uniform(chance, 4, 40)
        kernel = int(chance.choice((3, 3, 5)))
        layers += [nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide), activation(chance)]
        layers += [nn.Conv2d(wide, out, 1), activation(chance)]
        wide, shape = out, -(-shape // stride)
    return headed(chance, layers, wide, shape), (1, side, side)


def residual(chance: "np.random.Generator") -> tuple[nn.Module, tuple[int, ...]]:
    """Blocks with a path round them."""
    side, wide = int(chance.choice((6, 8, 12))), log_uniform(chance, 4, 14)
    layers: list[nn.Module] = [nn.Conv2d(1, wide, 3, padding=1), nn.ReLU()]
    layers += [Residual(wide) for _ in range(int(chance.integers(1, 4)))]
    return headed(chance, layers, wide, side), (1, side, side)


def signal(chance: "np.random.Generator") -> tuple[nn.Module, tuple[int, ...]]:
    """Convolutions along one axis."""
    length, channels = int(chance.choice((16, 32, 64, 100))), int(chance.choice((1, 3, 6, 9)))
    layers: list[nn.Module] = []
    shape, given = length, (channels, length)
    for _ in range(int(chance.integers(1, 4))):
        wide, kernel, stride = log_uniform(chance, 4, 32), int(chance.choice((3, 5, 7))), int(chance.choice((1, 2)))
        layers += [nn.Conv1d(channels, wide, kernel, stride, kernel // 2), activation(chance)]
        channels, shape = wide, -(-shape // stride)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * shape, int(chance.choice(CLASSES)))), given


FAMILIES = {
    "perceptron": perceptron,
    "convolutional": convolutional,
    "separable": separable,
    "residual": residual,
    "signal": signal,
}
