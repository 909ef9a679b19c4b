"""The latency predictor: the time of every layer at its precision from a device's table, on one core or on two."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Literal, TypeAlias

from attrs import frozen

from nadoo_core.cost import Device
from nadoo_core.cost.rates import mac_seconds, missing_rate
from nadoo_core.formulas import gap8_conv_cycles, gap8_depthwise_cycles, gap8_linear_cycles
from nadoo_hardware.analysis.layers import Layer
from nadoo_hardware.analysis.mapping import Choice, Precision

Semantics: TypeAlias = Literal["channel-split", "ensemble"]
PICO = 1e-12


@frozen
class LayerTime:
    """One layer: the time on each core, the time of both together, the energy, and why something is not known."""

    name: str
    kind: str
    choice: str
    macs: int
    cores: tuple[float, ...]
    seconds: float | None
    energy: float | None
    share: float | None
    reason: str = ""


@frozen
class Prediction:
    """The times of all layers; a sum is known only where every part of it is."""

    device: str
    layers: tuple[LayerTime, ...]
    energy_reason: str

    @property
    def seconds(self) -> float | None:
        """The time of all layers one after the other."""
        return total([layer.seconds for layer in self.layers])

    @property
    def energy(self) -> float | None:
        """The energy of all layers."""
        return total([layer.energy for layer in self.layers])

    @property
    def macs(self) -> int:
        """The work of all layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def coverage(self) -> float:
        """The share of the work whose time is known."""
        known = sum(layer.macs for layer in self.layers if layer.seconds is not None)
        return known / self.macs if self.macs else 1.0

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a sum is not known."""
        return tuple(dict.fromkeys(layer.reason for layer in self.layers if layer.reason))

    def as_document(self) -> dict[str, Any]:
        """Everything, for programs."""
        return {
            "device": self.device,
            "latency_s": self.seconds,
            "energy_j": self.energy,
            "macs": self.macs,
            "coverage": {"macs": self.coverage},
            "unknown": [*self.reasons, *([self.energy_reason] if self.energy is None and self.energy_reason else [])],
            "layers": [
                {
                    "name": layer.name,
                    "kind": layer.kind,
                    "precision": layer.choice,
                    "macs": layer.macs,
                    "latency_s": layer.seconds,
                    "core_latency_s": list(layer.cores),
                    "share": layer.share,
                    "energy_j": layer.energy,
                }
                for layer in self.layers
            ],
        }


def total(parts: Sequence[float | None]) -> float | None:
    """A sum, unless a part of it is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def predict(
    layers: Sequence[Layer],
    mapping: Mapping[str, Choice],
    device: Device,
    sync: float = 0.0,
    semantics: Semantics = "channel-split",
) -> Prediction:
    """Predict every layer.

    A layer with two precisions runs on two cores: "channel-split" gives the first ⌈share·C⌉ output channels to the
    first core and the rest to the second, "ensemble" computes all of it on both. Its latency is that of the slower
    core and `sync`, its energy that of both.
    """
    times = tuple(layer_time(layer, mapping[layer.name], device, sync, semantics) for layer in layers)
    return Prediction(
        device.name, times, "" if power_of(device) else "neither active_w nor current and volts are known"
    )


def layer_time(layer: Layer, choice: Choice, device: Device, sync: float, semantics: Semantics) -> LayerTime:
    """One layer on one core, or on two."""
    unknown = [item for item in choice.precisions if seconds_of(layer, item, device, layer.channels) is None]
    if unknown:
        reason = missing_rate(device, layer.kind, unknown[0].weights)
        return LayerTime(layer.name, layer.kind, choice.text, layer.macs, (), None, None, choice.share, reason)
    if len(choice.precisions) == 1:
        cores, share = (known_seconds(layer, choice.precisions[0], device, layer.channels),), None
    elif semantics == "ensemble":
        cores, share = tuple(known_seconds(layer, item, device, layer.channels) for item in choice.precisions), None
    else:
        cores, share = split(layer, choice, device)
    seconds = max(cores) + (sync if min(cores) > 0 and len(cores) > 1 else 0.0)
    return LayerTime(
        layer.name, layer.kind, choice.text, layer.macs, cores, seconds, energy_of(device, sum(cores)), share
    )


def split(layer: Layer, choice: Choice, device: Device) -> tuple[tuple[float, ...], float]:
    """The times of both cores, and the share of the first: as it was chosen, or the fastest of all."""
    candidates = range(layer.channels + 1) if choice.share is None else [ceil(choice.share * layer.channels)]
    best = min((parts(layer, choice, device, channels) for channels in candidates), key=lambda times: max(times[0]))
    return best[0], best[1] / max(layer.channels, 1)


def parts(layer: Layer, choice: Choice, device: Device, channels: int) -> tuple[tuple[float, float], int]:
    """The times when the first core has so many output channels."""
    first, second = choice.precisions
    rest = layer.channels - channels
    return (known_seconds(layer, first, device, channels), known_seconds(layer, second, device, rest)), channels


def known_seconds(layer: Layer, precision: Precision, device: Device, channels: int) -> float:
    """The time of some output channels of a layer whose time is known; none take none."""
    return (seconds_of(layer, precision, device, channels) or 0.0) if channels else 0.0


def seconds_of(layer: Layer, precision: Precision, device: Device, channels: int) -> float | None:
    """The time of some output channels of a layer; None where the device does not say."""
    if device.cycle_formula == "gap8":
        cycles = gap8_cycles(layer, channels)
        return None if cycles is None or device.clock_hz is None else cycles / device.clock_hz.value
    rate = mac_seconds(device, layer.kind, precision.weights, precision.activations)
    return None if rate is None else rate.value * layer.macs * channels / max(layer.channels, 1)


def gap8_cycles(layer: Layer, channels: int) -> int | None:
    """The published cycles of GAP8's kernels; there is a formula for convolutions and linear layers."""
    kernel, inputs, height, width = layer.window
    if layer.kind == "depthwise":
        return gap8_depthwise_cycles(kernel, channels, height, width)
    if layer.kind == "conv":
        return gap8_conv_cycles(kernel, inputs, channels, height, width)
    return gap8_linear_cycles(inputs, channels) if layer.kind == "linear" else None


def power_of(device: Device) -> float | None:
    """Watts of one busy core: as they are known, or current × volts at the highest clock."""
    if device.active_w is not None:
        return device.active_w.value
    each = device.energy_pj_per_cycle()
    return None if each is None or device.clock_hz is None else each.value * PICO * device.clock_hz.value


def energy_of(device: Device, seconds: float) -> float | None:
    """The energy of busy seconds."""
    power = power_of(device)
    return None if power is None else power * seconds
