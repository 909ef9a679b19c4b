"""Calibration: published cycles are fitted, synthetic coefficients recovered, and held-out measurements fall inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.cost.calibration import Calibration, Sample, calibrate
from nadoo_core.errors import DeviceError

PUBLISHED = [
    ((51_264, 4_096, 3_552), 686_490),
    ((51_264, 6_144, 6_784), 785_123),
    ((102_528, 12_288, 6_784), 1_434_667),
    ((153_792, 18_432, 6_784), 2_083_568),
    ((205_056, 24_576, 6_784), 2_736_250),
]
CLASSES = ("conv", "2-bit", "4-bit")


def published() -> list[Sample]:
    return [
        Sample(str(index), dict(zip(CLASSES, map(float, work), strict=True)), float(cycles))
        for index, (work, cycles) in enumerate(PUBLISHED)
    ]


def test_the_five_published_networks_are_fitted_without_a_constant() -> None:
    found = calibrate(published(), relative=False)
    assert found.coefficients["conv"] == pytest.approx(10.690, abs=5e-4)
    assert found.coefficients["2-bit"] == pytest.approx(16.637, abs=5e-4)
    assert found.coefficients["4-bit"] == pytest.approx(19.801, abs=5e-4)
    assert found.worst_residual == pytest.approx(0.00072, abs=5e-6)
    assert calibrate(published()).worst_residual < found.worst_residual
    assert found.correlation == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_coefficients_are_recovered_where_there_is_no_noise(seed: int) -> None:
    random = np.random.default_rng(seed)
    true = dict(zip(("a", "b", "c"), random.uniform(0.1, 10, 3), strict=True))
    samples = synthetic(true, 9, random, noise=0.0)
    found = calibrate(samples)
    assert all(found.coefficients[name] == pytest.approx(value, rel=1e-6) for name, value in true.items())
    assert found.usable


def synthetic(true: dict[str, float], count: int, random: np.random.Generator, noise: float) -> list[Sample]:
    samples: list[Sample] = []
    for index in range(count):
        work = {name: float(random.uniform(1, 1000)) for name in true}
        factor = float(np.exp(noise * random.standard_normal()))
        samples.append(Sample(f"m{index}", work, sum(true[name] * amount for name, amount in work.items()) * factor))
    return samples


def test_nine_new_measurements_in_ten_fall_inside_the_range() -> None:
    random, inside, total = np.random.default_rng(3), 0, 0
    for _ in range(60):
        true = dict(zip(("a", "b"), random.uniform(0.5, 5, 2), strict=True))
        samples = synthetic(true, 30, random, noise=0.05)
        found = calibrate(samples[:20])
        for sample in samples[20:]:
            number = found.predict(sample.work)
            inside += (number.low or 0) <= sample.measured <= (number.high or float("inf"))
            total += 1
    assert inside / total >= 0.9


def test_what_goes_together_everywhere_is_named() -> None:
    samples = [Sample(f"m{n}", {"conv": 2.0 * n, "bytes": float(n), "calls": 1.0}, 3.0 * n + 1) for n in range(1, 8)]
    with pytest.raises(DeviceError, match="cannot tell bytes and conv apart"):
        calibrate(samples)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([Sample("a", {"x": 1.0}, 1.0)], "has 1 samples for 1 coefficients; measure at least 3"),
        ([Sample("a", {"x": 1.0}, 0.0)] * 4, "measured 0.0; give a positive number"),
        ([Sample("a", {"x": 1.0}, float("nan"))] * 4, "measured nan"),
        ([Sample("a", {"x": -1.0}, 1.0)] * 4, "has -1.0 of x"),
        ([Sample("a", {"x": 0.0}, 1.0)] * 4, "has 0 samples for 0 coefficients"),
    ],
)
def test_measurements_that_fit_nothing_are_refused(samples: list[Sample], message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        calibrate(samples)


def test_a_class_that_was_not_fitted_is_unknown_and_a_bad_fit_unusable() -> None:
    found = calibrate(published())
    assert not found.predict({"conv": 1.0, "lstm": 5.0}).known
    noisy = [Sample(f"m{n}", {"x": float(n)}, float(n) * (1 if n % 2 else 3)) for n in range(1, 9)]
    bad: Calibration = calibrate(noisy)
    assert not bad.usable
    assert bad.document()["usable"] is False
