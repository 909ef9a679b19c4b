"""The tensor memory filter: which formats each layer's activations may have under a limit of working memory."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from nadoo_graphs.node import frozen_mapping
from nadoo_hardware.analysis.layers import Layer, packed_bytes

Mode: TypeAlias = Literal["live", "sum", "max"]
MODES: tuple[Mode, ...] = ("live", "sum", "max")


@frozen
class LayerMemory:
    """One layer: the bytes that it needs in each format, which formats fit, and which pairs fit on two cores."""

    name: str
    op: str
    inputs: int
    outputs: int
    sizes: Mapping[str, int] = field(converter=frozen_mapping)
    allowed: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    @property
    def feasible(self) -> bool:
        """Whether any format fits."""
        return bool(self.allowed)


@frozen
class MemoryFilter:
    """What fits where, and the layers that fit nowhere."""

    mode: Mode
    limit: int
    formats: tuple[str, ...]
    layers: tuple[LayerMemory, ...]

    @property
    def infeasible(self) -> tuple[LayerMemory, ...]:
        """The layers that no format makes small enough."""
        return tuple(layer for layer in self.layers if not layer.feasible)

    def as_document(self) -> dict[str, Any]:
        """Everything, for programs and for a search that reads the allowed sets."""
        return {
            "mode": self.mode,
            "limit_bytes": self.limit,
            "formats": list(self.formats),
            "feasible": not self.infeasible,
            "infeasible": [layer.name for layer in self.infeasible],
            "layers": [
                {
                    "name": layer.name,
                    "op": layer.op,
                    "input_elements": layer.inputs,
                    "output_elements": layer.outputs,
                    "bytes": dict(layer.sizes),
                    "allowed": list(layer.allowed),
                    "pairs": [list(pair) for pair in layer.pairs],
                }
                for layer in self.layers
            ],
        }


def filter_memory(
    layers: Sequence[Layer], limit: int, formats: Mapping[str, float], mode: Mode = "live"
) -> MemoryFilter:
    """Judge every layer in formats of so many bits; a size of exactly the limit fits.

    Modes: "live" is the peak of everything that is in memory while the layer runs, residuals too, as if the model
    had this format everywhere; "sum" is its input and output; "max" the larger of the two. What fits live fits as a
    sum, and what fits as a sum fits as a maximum. A pair fits on two cores if the sizes of both together do.
    """
    judged = tuple(judge(layer, limit, formats, mode) for layer in layers)
    return MemoryFilter(mode, limit, tuple(formats), judged)


def judge(layer: Layer, limit: int, formats: Mapping[str, float], mode: Mode) -> LayerMemory:
    """One layer."""
    sizes = {name: needed(layer, bits, mode) for name, bits in formats.items()}
    allowed = tuple(name for name in formats if sizes[name] <= limit)
    pairs = tuple(pair for pair in combinations(formats, 2) if sizes[pair[0]] + sizes[pair[1]] <= limit)
    return LayerMemory(layer.name, layer.op, layer.inputs, layer.outputs, sizes, allowed, pairs)


def needed(layer: Layer, bits: float, mode: Mode) -> int:
    """The bytes that a layer needs when an element has so many bits."""
    own = (packed_bytes(layer.inputs, bits), packed_bytes(layer.outputs, bits))
    if mode == "max":
        return max(own)
    return sum(own) if mode == "sum" else max(sum(own), sum(packed_bytes(size, bits) for size in layer.live))
