"""Hidden units that an activation with kinks leaves on one straight piece for everything that calibration data shows.

Such a unit is α·x + β of what it reads, so it needs no unit: its part of the second layer is a linear path beside.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import torch
from attrs import frozen
from torch import Tensor

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node
from nadoo_low_rank.pairs import NOTHING, Pair

Kinks: TypeAlias = Callable[[Node], tuple[float, ...]]


def number(node: Node, name: str) -> float:
    """An attribute that is a number."""
    return float(str(node.attributes[name]))


KINKS: Mapping[str, Kinks] = MappingProxyType(
    {
        "relu": lambda node: (0.0,),
        "relu6": lambda node: (0.0, 6.0),
        "leaky_relu": lambda node: (0.0,),
        "hardtanh": lambda node: (number(node, "min_val"), number(node, "max_val")),
        "shifted_relu": lambda node: (-number(node, "c"),),
    }
)
"""Activations that are straight between their kinks."""


@frozen(eq=False)
class StraightUnits:
    """Which units are straight, and the slope α of each of them."""

    chosen: Tensor
    slopes: Tensor

    @property
    def sloping(self) -> Tensor:
        """The straight units that are no constants, which a path beside has to replace."""
        return self.chosen & (self.slopes != 0)


def straight_units(graph: ModelGraph, pair: Pair, given: Tensor, made: Tensor) -> StraightUnits:
    """The units of which all that the activation reads, [rows, units], lies between two neighbouring kinks."""
    chosen, slopes = torch.zeros(given.shape[1], dtype=torch.bool), torch.zeros(given.shape[1], dtype=given.dtype)
    curves = [graph[name] for name in pair.between if graph[name].op not in NOTHING]
    if len(curves) != 1 or curves[0].op not in KINKS:
        return StraightUnits(chosen, slopes)
    (least, low), (most, high) = ends(given, made, largest=False), ends(given, made, largest=True)
    chosen = torch.ones_like(chosen)
    for kink in KINKS[curves[0].op](curves[0]):
        chosen &= (least >= kink) | (most <= kink)
    spread = most - least
    slopes = torch.where(spread > 0, (high - low) / spread.clamp(min=torch.finfo(spread.dtype).tiny), 0.0)
    return StraightUnits(chosen, slopes)


def ends(given: Tensor, made: Tensor, *, largest: bool) -> tuple[Tensor, Tensor]:
    """The largest or smallest number that each unit reads, and what becomes of it."""
    found = given.max(0) if largest else given.min(0)
    return found.values, made.gather(0, found.indices.unsqueeze(0))[0]
