"""Every activation between two layers, and those that overwrite their input."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, Draw

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "gelu": nn.GELU,
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
    "leaky_relu": partial(nn.LeakyReLU, 0.0625),
    "elu": partial(nn.ELU, 0.7),
    "selu": nn.SELU,
    "celu": partial(nn.CELU, 1.3),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "hardtanh": partial(nn.Hardtanh, -0.5, 1.5),
    "softplus": partial(nn.Softplus, beta=2.0, threshold=4.0),
    "softsign": nn.Softsign,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "log_sigmoid": nn.LogSigmoid,
    "tanhshrink": nn.Tanhshrink,
    "hardshrink": nn.Hardshrink,
    "softshrink": nn.Softshrink,
    "threshold": partial(nn.Threshold, 0.1, -0.2),
    "randomized_relu": nn.RReLU,
    "prelu": nn.PReLU,
    "prelu_channels": partial(nn.PReLU, 6),
    "softmax": partial(nn.Softmax, dim=-1),
    "softmin": partial(nn.Softmin, dim=1),
    "log_softmax": partial(nn.LogSoftmax, dim=1),
    "glu": nn.GLU,
}

OVERWRITING: dict[str, Callable[[], nn.Module]] = {
    "relu": partial(nn.ReLU, inplace=True),
    "relu6": partial(nn.ReLU6, inplace=True),
    "leaky_relu": partial(nn.LeakyReLU, inplace=True),
    "elu": partial(nn.ELU, inplace=True),
    "selu": partial(nn.SELU, inplace=True),
    "silu": partial(nn.SiLU, inplace=True),
    "mish": partial(nn.Mish, inplace=True),
    "hardswish": partial(nn.Hardswish, inplace=True),
    "hardsigmoid": partial(nn.Hardsigmoid, inplace=True),
    "hardtanh": partial(nn.Hardtanh, inplace=True),
    "threshold": partial(nn.Threshold, 0.1, -0.2, inplace=True),
}


class SquaredRelus(nn.Module):
    """The activations that are products of a ReLU, written as users write them; one value feeds a product twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.layer(x)
        positive = F.relu(x)
        return positive * positive, x * F.relu6(x + 3) / 6, F.relu(x + 0.5) - 0.5


class EveryActivation(nn.Module):
    """All elementwise activations one after the other, each seen by two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 6)
        self.activations = nn.ModuleDict({name: build() for name, build in ACTIVATIONS.items() if name != "glu"})

    def forward(self, x: Tensor) -> list[Tensor]:
        hidden = self.first(x)
        return [activation(hidden) for activation in self.activations.values()]


def between_layers(build: Callable[[], nn.Module]) -> nn.Module:
    """Put an activation where activations stand."""
    activation = build()
    return nn.Sequential(nn.Linear(8, 6), activation, nn.Linear(3 if isinstance(activation, nn.GLU) else 6, 4))


ROWS = Draw(((BATCH, 8),), scale=4.0)
"""Wide enough that every piece of a piecewise function is met."""

CASES = (
    *(Case(f"activation_{name}", partial(between_layers, build), ROWS) for name, build in ACTIVATIONS.items()),
    *(Case(f"overwriting_{name}", partial(between_layers, build), ROWS) for name, build in OVERWRITING.items()),
    Case("squared_relus", SquaredRelus, ROWS),
    Case("every_activation", EveryActivation, ROWS),
)
