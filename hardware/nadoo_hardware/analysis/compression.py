"""The compression calculator: how much smaller a precision for every layer makes a model, and where it lies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from nadoo_core.formulas import compression_ratio
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.node import frozen_mapping
from nadoo_hardware.analysis.layers import Layer, packed_bytes
from nadoo_hardware.analysis.mapping import Choice

FULL_BITS = 32.0
HALF = 0.5


@frozen
class Share:
    """What has one precision: layers, weights and multiply-accumulates."""

    layers: float = 0
    weights: float = 0
    macs: float = 0

    def plus(self, layers: float, weights: float, macs: float) -> "Share":
        """With more of each."""
        return Share(self.layers + layers, self.weights + weights, self.macs + macs)


@frozen
class Compression:
    """The ratio against float32, the sizes, and the histogram of precisions."""

    ratio: float
    weights: int
    before: int
    after: int
    histogram: Mapping[str, Share] = field(converter=frozen_mapping)
    layers: tuple[tuple[str, str, int, int], ...]
    """Name, precision, weights, bytes."""

    def as_document(self) -> dict[str, Any]:
        """Everything, for programs; shares are fractions."""
        sums = summed(self.histogram.values())
        return {
            "ratio": self.ratio,
            "weights": self.weights,
            "bytes_before": self.before,
            "bytes_after": self.after,
            "histogram": {name: histogram_line(share, sums) for name, share in self.histogram.items()},
            "layers": [
                {"name": name, "precision": precision, "weights": weights, "bytes": size}
                for name, precision, weights, size in self.layers
            ],
        }


def histogram_line(share: Share, sums: Share) -> dict[str, float]:
    """The counts of one precision, and what part of the whole they are."""
    return {
        "layers": share.layers,
        "weights": share.weights,
        "macs": share.macs,
        "layer_share": part(share.layers, sums.layers),
        "weight_share": part(share.weights, sums.weights),
        "mac_share": part(share.macs, sums.macs),
    }


def part(count: float, whole: float) -> float:
    """A fraction; nothing of nothing is nothing."""
    return count / whole if whole else 0.0


def summed(shares: Any) -> Share:
    """All together."""
    whole = Share()
    for share in shares:
        whole = whole.plus(share.layers, share.weights, share.macs)
    return whole


def compress(layers: Sequence[Layer], mapping: Mapping[str, Choice], formats: FormatTable) -> Compression:
    """The ratio 32·Σn / Σ(n·bits) over the weights of all layers, biases and norms aside.

    A layer on two cores counts for each precision with its share of the channels, a half where none is given.
    """
    tally: defaultdict[str, Share] = defaultdict(Share)
    bits: list[float] = []
    for layer in layers:
        parts = precision_shares(mapping[layer.name])
        bits.append(sum(share * float(formats[name].bits) for name, share in parts))
        for name, share in parts:
            tally[name] = tally[name].plus(share, share * layer.weights, share * layer.macs)
    counts = [layer.weights for layer in layers]
    sizes = [packed_bytes(layer.weights, width) for layer, width in zip(layers, bits, strict=True)]
    lines = [
        (layer.name, mapping[layer.name].text, layer.weights, size) for layer, size in zip(layers, sizes, strict=True)
    ]
    widest = sorted(tally.items(), key=lambda item: -float(formats[item[0]].bits))
    return Compression(
        ratio=compression_ratio(counts, bits, FULL_BITS),
        weights=sum(counts),
        before=packed_bytes(sum(counts), FULL_BITS),
        after=sum(sizes),
        histogram=dict(widest),
        layers=tuple(lines),
    )


def precision_shares(choice: Choice) -> list[tuple[str, float]]:
    """The formats of the weights of a layer, each with its share of the channels."""
    names = [precision.weights for precision in choice.precisions]
    if len(names) == 1:
        return [(names[0], 1.0)]
    first = HALF if choice.share is None else choice.share
    return [(names[0], first), (names[1], 1.0 - first)]
