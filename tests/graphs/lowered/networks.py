"""Small networks with something of every operator, and how a program is compared with its graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Program, interpret, lower

ELEMENT_WISE = {
    "relu": nn.ReLU(), "relu6": nn.ReLU6(), "gelu": nn.GELU(), "gelu_tanh": nn.GELU("tanh"),
    "leaky": nn.LeakyReLU(0.125), "hardswish": nn.Hardswish(), "hardsigmoid": nn.Hardsigmoid(),
    "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "silu": nn.SiLU(), "mish": nn.Mish(), "softplus": nn.Softplus(),
    "elu": nn.ELU(), "selu": nn.SELU(), "celu": nn.CELU(1.5), "hardtanh": nn.Hardtanh(), "prelu": nn.PReLU(5),
    "threshold": nn.Threshold(0.1, 0.2), "hardshrink": nn.Hardshrink(), "softshrink": nn.Softshrink(),
    "log_sigmoid": nn.LogSigmoid(), "glu": nn.GLU(), "softmax": nn.Softmax(1), "log_softmax": nn.LogSoftmax(1),
    "rms": nn.RMSNorm(6), "layer": nn.LayerNorm(6), "group": nn.GroupNorm(5, 5), "instance": nn.InstanceNorm1d(5),
}  # fmt: skip


class First(nn.Module):
    """A recurrent layer of which only the outputs are wanted."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


class Moves(nn.Module):
    """Rows that move, fold and combine."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        attended = nn.functional.scaled_dot_product_attention(x, x * 2, x + 1, is_causal=True)
        joined = torch.cat([x, x[:, :1]], 1).permute(0, 3, 1, 2) + 1
        padded = nn.functional.pad(x, (1, 2, 0, 1), value=0.5)
        powered = (x.std(-1) ** 3).clamp(max=2)
        chosen = torch.where(x > 0, x.abs().sqrt(), torch.maximum(x, x.flip(-1)))
        return (
            attended.transpose(1, 2).flatten(2), joined, padded, powered, chosen, x.roll(2, -1).flip(1),
            x.argmax(-1), x.amax((1, 2)), x.mean(1), x @ x.transpose(-1, -2), torch.stack([x, x], 1),
            x.unfold(-1, 3, 2), x.repeat(1, 2, 1, 1), x.var((1, 2)), x.exp().log1p(), x.round() + x.floor() - x.ceil(),
        )  # fmt: skip


def modules() -> dict[str, tuple[nn.Module, tuple[int, ...]]]:
    """Networks by name, each with the shape of one sample."""
    torch.manual_seed(0)
    image = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=1, groups=2), nn.Conv2d(6, 3, 1),
        nn.AvgPool2d(2, 1, 1, count_include_pad=False), nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(),
        nn.Linear(18, 5), nn.Softmax(-1),
    )  # fmt: skip
    signal = nn.Sequential(
        nn.Conv1d(3, 4, 3, padding="same"), nn.Tanh(), nn.AvgPool1d(3, 2, 1), nn.AdaptiveMaxPool1d(3),
        nn.Conv1d(4, 2, 2, dilation=2),
    )  # fmt: skip
    return {
        "perceptron": (nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)), (8,)),
        "image": (image, (2, 12, 12)),
        "signal": (signal, (3, 11)),
        "lstm": (First(nn.LSTM(5, 4, 2, batch_first=True, bidirectional=True)), (6, 5)),
        "gru": (First(nn.GRU(5, 4, batch_first=True)), (6, 5)),
        "rnn": (First(nn.RNN(5, 4, batch_first=True, nonlinearity="relu")), (6, 5)),
        "bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), (2, 3, 4)),
        "nearest": (nn.Upsample(size=(5, 7)), (2, 3, 4)),
        "reflect": (nn.ReflectionPad2d((1, 3, 2, 0)), (2, 4, 5)),
        "replicate": (nn.ReplicationPad1d((3, 1)), (2, 4)),
        "circular": (nn.CircularPad2d((2, 3, 1, 4)), (2, 4, 5)),
        "moves": (Moves(), (2, 5, 6)),
        **{name: (module, (5, 6)) for name, module in ELEMENT_WISE.items()},
    }


def captured(name: str) -> tuple[ModelGraph, tuple[int, ...]]:
    """The graph of a network and the shape of one sample."""
    module, shape = modules()[name]
    return capture(module.eval(), (torch.randn(1, *shape),)), shape


def samples_of(shape: Sequence[int], count: int = 3, seed: int = 0) -> torch.Tensor:
    """Random inputs."""
    return torch.from_numpy(np.random.default_rng(seed).normal(0, 2, (count, *shape)).astype(np.float32))


def rows(values: torch.Tensor) -> np.ndarray[Any, Any]:
    """Values as a row a sample."""
    return values.detach().reshape(len(values), -1).numpy()


def outputs_of(program: Program, *inputs: torch.Tensor) -> tuple[np.ndarray[Any, Any], ...]:
    """What the interpreter gives."""
    return interpret(program, [rows(values) for values in inputs]).outputs


def lowered(name: str) -> tuple[ModelGraph, Program, torch.Tensor]:
    """A graph, its program and samples."""
    graph, shape = captured(name)
    return graph, lower(graph), samples_of(shape)
