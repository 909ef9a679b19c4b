"""Drawing: layers put one after the other into a graph, with weights that neither let values grow nor vanish."""

from collections.abc import Mapping, Sequence
from math import exp, log, prod, sqrt
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
import torch

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value

Choice = TypeVar("Choice")
ACTIVATIONS = ("relu", "relu6", "hardswish", "silu")
INPUT = "x"


class Drawing:
    """A graph that grows at one end, and the chances that decide how; the same seed draws the same network."""

    def __init__(self, name: str, seed: int, dtype: str = "float32") -> None:
        self.chance = np.random.default_rng([seed, crc32(name.encode())])
        self.generator = torch.Generator().manual_seed(seed)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.graph = ModelGraph(name)
        self.end = Value(INPUT)
        self.normed = self.chance.random() < 1 / 2
        self.activation = self.choice(ACTIVATIONS)

    def begin(self, *shape: int) -> None:
        """The input, of an open batch."""
        self.end = self.graph.add_input(INPUT, ("N", *shape), str(self.dtype).removeprefix("torch."))

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes at the end, without the batch."""
        return tuple(size for size in self.graph.type(self.end).shape[1:] if isinstance(size, int))

    def choice(self, choices: Sequence[Choice]) -> Choice:
        """One of some things."""
        return choices[int(self.chance.integers(len(choices)))]

    def whole(self, low: int, high: int) -> int:
        """A whole number between two, both included."""
        return int(self.chance.integers(low, high + 1))

    def log_uniform(self, low: float, high: float, multiple: int = 1) -> int:
        """A whole number between two, each doubling as likely as any other, rounded to a multiple."""
        value = exp(self.chance.uniform(log(low), log(high)))
        return max(round(value / multiple), 1) * multiple

    def weight(self, *shape: int) -> torch.Tensor:
        """Random weights that neither let values grow nor vanish."""
        spread = sqrt(2 / max(prod(shape[1:]), 1))
        return (torch.randn(shape, generator=self.generator) * spread).to(self.dtype)

    def vector(self, size: int, value: float) -> torch.Tensor:
        """The same number many times."""
        return torch.full((size,), value, dtype=self.dtype)

    def add(
        self, op: str, *others: Value, tensors: Mapping[str, torch.Tensor | str] | None = None, **attributes: Any
    ) -> Value:
        """A node that reads the end, and is the new end."""
        self.end = self.graph.add(op, (self.end, *others), tensors=dict(tensors or {}), **attributes)
        return self.end

    def conv(self, out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        """A convolution, with a batch norm behind it or a bias in it."""
        tensors = {"weight": self.weight(out, self.shape[0] // groups, kernel, kernel)}
        if not self.normed:
            tensors["bias"] = self.vector(out, 0.0)
        padding = (kernel // 2, kernel // 2)
        self.add("conv2d", tensors=tensors, stride=(stride, stride), padding=padding, groups=groups)
        if self.normed:
            self.batch_norm()

    def batch_norm(self) -> None:
        """A batch norm that leaves its input as it is."""
        size = self.shape[0]
        held = {"weight": self.vector(size, 1.0), "bias": self.vector(size, 0.0)}
        statistics = {"running_mean": self.vector(size, 0.0), "running_var": self.vector(size, 1.0)}
        names = {role: f"norm{len(self.graph)}.{role}" for role in statistics}
        for role, value in statistics.items():
            self.graph.add_tensor(names[role], value, "buffer")
        self.add("batch_norm", tensors={**held, **names})

    def layer_norm(self) -> None:
        """A layer norm over the last axis."""
        size = self.shape[-1]
        tensors = {"weight": self.vector(size, 1.0), "bias": self.vector(size, 0.0)}
        self.add("layer_norm", tensors=tensors, normalized_shape=(size,))

    def linear(self, out: int) -> None:
        """A linear layer over the last axis."""
        self.add("linear", tensors={"weight": self.weight(out, self.shape[-1]), "bias": self.vector(out, 0.0)})

    def activate(self) -> None:
        """The activation of this network."""
        self.add(self.activation)

    def head(self, classes: int) -> None:
        """What ends a network over images."""
        self.add("adaptive_avg_pool2d", output_size=(1, 1))
        self.add("flatten")
        self.linear(classes)

    def done(self) -> ModelGraph:
        """The graph, which returns the end."""
        self.graph.set_outputs([self.end])
        return self.graph
