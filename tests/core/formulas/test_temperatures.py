"""Temperatures cool and never heat, and a softmax decides as they fall."""

import numpy as np
import pytest
from hypothesis import given, strategies
from numpy.typing import NDArray

from nadoo_core.formulas import Temperature, softmax, temperatures
from tests.core.formulas.drawn import elements, vectors

PROGRESS = strategies.floats(0, 1)
LOGITS = (0.1, 0.3, 1.0, 0.5, 0.2)
"""The preference for int8 at the start, in the order fp32, fp16, int8, int4, int2."""
COOLED = strategies.builds(
    lambda cooling, ends: Temperature(cooling, max(ends), min(ends)),
    strategies.sampled_from(sorted(temperatures())),
    strategies.tuples(strategies.floats(1e-3, 100), strategies.floats(1e-3, 100)),
)


@pytest.mark.parametrize(
    ("cooling", "expected"),
    [
        ("exponential", (5, 2.36711, 1.12342, 0.53594, 0.25844)),
        ("geometric", (5, 1.05737, 0.22361, 0.04729, 0.01)),
        ("cosine", (5, 4.26923, 2.505, 0.74077, 0.01)),
        ("linear", (5, 3.7525, 2.505, 1.2575, 0.01)),
        ("quadratic", (5, 2.81688, 1.2575, 0.32188, 0.01)),
        ("cubic", (5, 2.11516, 0.63375, 0.08797, 0.01)),
        ("step", (5, 5, 2.5, 0.5, 0.01)),
    ],
)
def test_the_reference_temperatures(cooling: str, expected: tuple[float, ...]) -> None:
    temperature = Temperature(cooling)
    found = [temperature.at(progress) for progress in (0, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx(expected, abs=5.1e-6)


def test_a_temperature_is_geometric_unless_said_otherwise() -> None:
    assert Temperature() == Temperature("geometric", 5.0, 0.01)


@given(COOLED, PROGRESS, PROGRESS)
def test_every_way_cools_within_its_ends(temperature: Temperature, first: float, second: float) -> None:
    """end ≤ T(p) ≤ start, non-increasing in p, start at p = 0."""
    before, after = sorted((first, second))
    assert temperature.end <= temperature.at(after) <= temperature.at(before) * (1 + 1e-12)
    assert temperature.at(before) <= temperature.start == temperature.at(0)


@given(COOLED.filter(lambda temperature: temperature.cooling != "exponential"))
def test_every_way_but_the_exponential_one_arrives(temperature: Temperature) -> None:
    """T(1) = end; the exponential one still has e⁻³ of the way to go."""
    assert temperature.at(1) == pytest.approx(temperature.end, rel=1e-12)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [
        (5, (0.187, 0.195, 0.224, 0.203, 0.191)),
        (1, (0.137, 0.168, 0.338, 0.205, 0.152)),
        (0.1, (0, 0.001, 0.992, 0.007, 0.0003)),
    ],
)
def test_the_first_choice_of_the_reference(temperature: float, expected: tuple[float, ...]) -> None:
    assert softmax(LOGITS, temperature).tolist() == pytest.approx(expected, abs=6e-4)


@given(vectors(), strategies.floats(1e-3, 1e3), elements())
def test_a_softmax_is_a_distribution_that_ignores_a_shift(
    logits: NDArray[np.float64], temperature: float, shift: float
) -> None:
    """Sums to 1, and only differences of logits count."""
    chances = softmax(logits, temperature)
    assert chances.sum() == pytest.approx(1)
    assert (chances >= 0).all()
    np.testing.assert_allclose(softmax(logits + shift, temperature), chances, atol=1e-8)


@given(strategies.lists(strategies.integers(-5, 5), min_size=1, max_size=6, unique=True))
def test_a_cold_softmax_decides_and_a_hot_one_does_not(logits: list[int]) -> None:
    """One-hot as T → 0, equal shares as T → ∞."""
    assert softmax(logits, 1e-300).tolist() == [float(logit == max(logits)) for logit in logits]
    np.testing.assert_allclose(softmax(logits, 1e9), np.full(len(logits), 1 / len(logits)), rtol=1e-6)
