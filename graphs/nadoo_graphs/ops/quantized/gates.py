"""The functions of gates in integers: tables of 257 entries, interpolated between neighbours.

A gate p counts 2⁻¹², from −8 to 8; its function counts 2⁻¹⁵:

    F(p) = T[k] + ((T[k + 1] − T[k])·r + 128 >> 8),    k = (p + 2¹⁵) >> 8,  r = (p + 2¹⁵) & 255
    T[k] = clamp(rne(2¹⁵·f((256·k − 2¹⁵) / 2¹²)), ±32767)
"""

from collections.abc import Callable
from functools import cache

import torch

GATE_UNIT = 1 << 12
FUNCTION_UNIT = 1 << 15
GATE_LIMIT = 1 << 15
PART_LIMIT = 1 << 20
LARGEST_STATE = (1 << 15) - 1
SPACING = 256

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}


@cache
def gate_table(name: str) -> torch.Tensor:
    """The entries of a function, as float64."""
    places = torch.arange(-GATE_LIMIT, GATE_LIMIT + 1, SPACING, dtype=torch.float64) / GATE_UNIT
    return (FUNCTIONS[name](places) * FUNCTION_UNIT).round().clamp(-LARGEST_STATE, LARGEST_STATE)


def gate_value(name: str, gate: torch.Tensor) -> torch.Tensor:
    """The function of gates, all in float64."""
    table = gate_table(name).to(gate.device)
    place = gate + GATE_LIMIT
    entry = (place / SPACING).floor()
    index = entry.long()
    low, high = table[index], table[index + 1]
    return low + ((high - low) * (place - entry * SPACING) / SPACING + 0.5).floor()


def bounded_gate(total: torch.Tensor) -> torch.Tensor:
    """A sum as a gate, within 16 bits."""
    return total.clamp(-GATE_LIMIT, GATE_LIMIT - 1)


def divided(value: torch.Tensor, bits: int) -> torch.Tensor:
    """Integers divided by a power of two, ties upwards; a negative power multiplies."""
    return (value * 2.0**-bits + 0.5).floor() if bits > 0 else value * 2.0**-bits
