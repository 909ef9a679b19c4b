"""How much of the noise of low precision a sum of two paths keeps: its signal-to-noise ratio at a number of bits."""

from collections.abc import Sequence
from math import inf, log10
from typing import Any

import torch
from torch import Tensor

from nadoo_graphs.execution.interpreter import Interpreter
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

DECIBEL = 10.0


def rounded(value: Tensor, bits: int) -> Tensor:
    """A value on the grid of so many bits that its largest magnitude spans."""
    if not value.is_floating_point() or not value.numel():
        return value
    step = float(value.abs().amax()) / (2.0 ** (bits - 1) - 1)
    return torch.round(value / step) * step if step else value


class RoundedRun(Interpreter):
    """A run in which everything that flows is rounded to so many bits."""

    def __init__(self, graph: ModelGraph, names: Sequence[str], bits: int) -> None:
        super().__init__(graph, names)
        self.bits = bits

    def store(self, node: Node, results: Sequence[Any]) -> None:
        """Keep the rounded outputs."""
        super().store(node, [rounded(value, self.bits) for value in results])


def signal_to_noise(signal: Tensor, noisy: Tensor) -> float:
    """The ratio of powers in dB; infinite without noise.

    Law: unchanged when both are multiplied by one number.
    """
    power = float(signal.double().square().sum())
    noise = float((noisy.double() - signal.double()).square().sum())
    if not noise:
        return inf
    return DECIBEL * log10(power / noise) if power else -inf


def site_ratios(graph: ModelGraph, inputs: Tensor, names: Sequence[str], bits: int) -> list[float]:
    """The ratio at some nodes when everything that flows is rounded to so many bits."""
    exact, noisy = Interpreter(graph, names), RoundedRun(graph, names, bits)
    with torch.no_grad():
        for run in (exact, noisy):
            run.compute([inputs])
    return [signal_to_noise(exact.kept[name], noisy.kept[name]) for name in names]
