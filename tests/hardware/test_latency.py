"""The latency predictor: published totals, published formulas, and two cores."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.cost import Device, Fact, find_device
from nadoo_core.formulas import gap8_conv_cycles, gap8_depthwise_cycles, gap8_linear_cycles
from nadoo_core.registry import Registry
from nadoo_hardware.analysis.latency import predict
from nadoo_hardware.analysis.layers import Layer
from nadoo_hardware.analysis.mapping import Choice, Precision
from tests.hardware.networks import expansion, mobilenet

TOTALS = {"float32": 4310, "float16": 2155, "int8": 1180, "int4": 729, "int2": 460}
"""Milliseconds of MobileNetV2 with ten classes at 112 pixels, as its authors' coefficients imply."""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.of(installed=True)


def known(value: float) -> Fact[float]:
    return Fact(value, "a test", "measured")


def one(name: str) -> Choice:
    return Choice((Precision(name, name),))


def two(first: str, second: str, share: float | None = None) -> Choice:
    return Choice((Precision(first, first), Precision(second, second)), share)


def everywhere(layers: tuple[Layer, ...], choice: Choice) -> dict[str, Choice]:
    return {layer.name: choice for layer in layers}


TOY = Device(
    name="toy",
    seconds_per_mac={"conv": {"int8": known(4e-9), "int4": known(1e-9)}},
    active_w=known(2.0),
)
LAYER = expansion(32)


@pytest.mark.parametrize(("precision", "milliseconds"), list(TOTALS.items()))
def test_the_published_totals_of_adaptqnet(precision: str, milliseconds: float, registry: Registry) -> None:
    layers = mobilenet(112)
    found = predict(layers, everywhere(layers, one(precision)), find_device("adaptqnet", registry))
    assert found.macs == pytest.approx(80.917e6, abs=1e3)
    assert found.seconds is not None
    assert found.seconds * 1e3 == pytest.approx(milliseconds, abs=0.7)
    assert found.coverage == 1.0


def test_a_mapping_may_differ_from_layer_to_layer(registry: Registry) -> None:
    layers, device = mobilenet(112), find_device("adaptqnet", registry)
    mapping = everywhere(layers, one("int4"))
    mapping[layers[0].name] = one("float32")
    found = predict(layers, mapping, device)
    same = predict(layers, everywhere(layers, one("int4")), device)
    assert found.seconds is not None
    assert same.seconds is not None
    assert found.seconds - same.seconds == pytest.approx(layers[0].macs * (100 - 17.4) * 1e-3 / 2e6)


@pytest.mark.parametrize(
    ("activations", "weights", "rate"),
    [("int8", "int8", 2.1), ("int8", "int2", 2.5), ("int4", "int8", 2.1), ("int2", "int4", 4.0), ("int2", "int2", 6.5)],
)
def test_mpic_has_a_rate_for_every_pair(activations: str, weights: str, rate: float, registry: Registry) -> None:
    choice = Choice((Precision(weights, activations),))
    found = predict([LAYER], {"expand": choice}, find_device("mpic", registry))
    assert found.seconds == pytest.approx(LAYER.macs / rate / 250e6)
    assert found.energy == pytest.approx(LAYER.macs / rate / 250e6 * 5.3825e-3)


def test_gap8_follows_its_formulas(registry: Registry) -> None:
    layers, device = mobilenet(32), find_device("gap8", registry)
    clock = device.require("clock_hz").value
    found = {item.name: item for item in predict(layers, everywhere(layers, one("int8")), device).layers}
    stem, depthwise, head = layers[0], layers[1], layers[-1]
    assert found[stem.name].seconds == gap8_conv_cycles(3, 3, 32, 16, 16) / clock
    assert found[depthwise.name].seconds == gap8_depthwise_cycles(3, 32, 16, 16) / clock
    assert found[head.name].seconds == gap8_linear_cycles(1280, 10) / clock


def test_what_is_not_known_is_unknown_and_says_why(registry: Registry) -> None:
    layers = mobilenet(32)
    found = predict(layers, everywhere(layers, one("int8")), find_device("ch32v203", registry))
    document = found.as_document()
    assert document["latency_s"] is None
    assert document["energy_j"] is None
    assert document["coverage"] == {"macs": 0.0}
    assert any("cycles_per_instruction" in reason for reason in document["unknown"])


def test_a_part_may_be_known() -> None:
    linear = Layer("head", "linear", "linear", 100, 100, 10, 10, (10, 10), 10, (1, 10, 1, 1))
    found = predict([LAYER, linear], {"expand": one("int8"), "head": one("int8")}, TOY)
    assert found.seconds is None
    assert found.coverage == LAYER.macs / (LAYER.macs + 100)


def test_two_cores_share_channels_and_the_slower_one_decides() -> None:
    found = predict([LAYER], {"expand": two("int8", "int4", 0.25)}, TOY, sync=1e-6).layers[0]
    first, second = 0.25 * LAYER.macs * 4e-9, 0.75 * LAYER.macs * 1e-9
    assert found.cores == pytest.approx((first, second))
    assert found.seconds == pytest.approx(max(first, second) + 1e-6)
    assert found.energy == pytest.approx(2.0 * (first + second))


def test_without_a_share_the_fastest_is_found() -> None:
    best = predict([LAYER], {"expand": two("int8", "int4")}, TOY).layers[0]
    assert best.share is not None
    shares = [index / LAYER.channels for index in range(LAYER.channels + 1)]
    times = [predict([LAYER], {"expand": two("int8", "int4", share)}, TOY).layers[0].seconds for share in shares]
    assert best.seconds == pytest.approx(min(time for time in times if time is not None))


def test_an_ensemble_computes_everything_twice() -> None:
    found = predict([LAYER], {"expand": two("int8", "int4")}, TOY, semantics="ensemble").layers[0]
    assert found.cores == pytest.approx((LAYER.macs * 4e-9, LAYER.macs * 1e-9))
    assert found.seconds == pytest.approx(LAYER.macs * 4e-9)


@pytest.mark.parametrize(("share", "precision"), [(0.0, "int4"), (1.0, "int8")])
def test_one_core_that_has_nothing_to_do_needs_no_waiting(share: float, precision: str) -> None:
    shared = predict([LAYER], {"expand": two("int8", "int4", share)}, TOY, sync=1.0)
    alone = predict([LAYER], {"expand": one(precision)}, TOY)
    assert shared.seconds == alone.seconds


@given(st.floats(0, 1), st.floats(0, 1e-3), st.sampled_from(["channel-split", "ensemble"]))
def test_two_cores_are_between_the_slower_one_and_one_after_the_other(
    share: float, sync: float, semantics: Any
) -> None:
    found = predict([LAYER], {"expand": two("int8", "int4", share)}, TOY, sync, semantics).layers[0]
    assert found.seconds is not None
    assert max(found.cores) <= found.seconds <= sum(found.cores) + sync
    assert found.energy == pytest.approx(2.0 * sum(found.cores))
