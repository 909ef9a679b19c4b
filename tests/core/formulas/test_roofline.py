"""The roofline of a device and where it bends, with the published figures of devices as plain numbers."""

from math import inf

import pytest
from hypothesis import given, strategies

from nadoo_core.formulas import crossover_batch, linear_intensity, linear_traffic, ridge_intensity, roofline_time

RATES = strategies.floats(1e3, 1e15)
WORK = strategies.integers(0, 10**12)
V100, A100, H200 = (125e12, 900e9), (312e12, 1555e9), (989e12, 4.8e12)


@pytest.mark.parametrize(
    ("flops", "bandwidth", "ridge"),
    [
        (15.7e12, 900e9, 17.4),
        (*V100, 138.9),
        (*A100, 200.6),
        (*H200, 206.0),
        (1979e12, 4.8e12, 412.3),
        (48e9, 12.8e9, 3.75),
        (153.6e9, 17.07e9, 9.0),
    ],
)
def test_the_ridges_of_known_devices(flops: float, bandwidth: float, ridge: float) -> None:
    assert ridge_intensity(flops / 2, bandwidth) == pytest.approx(ridge, abs=0.051)


@pytest.mark.parametrize(
    ("batch", "microseconds"), [(1, (2.33, 1.35, 0.44)), (256, (4.29, 2.02, 0.66)), (4096, (68.7, 27.5, 8.69))]
)
def test_the_times_of_a_linear_layer_of_1024(batch: int, microseconds: tuple[float, ...]) -> None:
    for (flops, bandwidth), expected in zip((V100, A100, H200), microseconds, strict=True):
        traffic = linear_traffic(batch, 1024, 1024, 2)
        time = roofline_time(batch * 1024 * 1024, traffic, flops / 2, bandwidth)
        assert time * 1e6 == pytest.approx(expected, rel=0.01)


def test_the_batches_at_which_arithmetic_becomes_the_bound() -> None:
    assert crossover_batch(200.6, 1024) == pytest.approx(330, abs=0.5)
    assert crossover_batch(206.0, 1024) == pytest.approx(345, abs=0.5)
    assert crossover_batch(206.0, 256) == inf


@given(WORK, WORK, RATES, RATES, strategies.floats(0, 1))
def test_the_time_is_bounded_by_each_term(
    macs: int, traffic: int, peak: float, bandwidth: float, overhead: float
) -> None:
    """t ≥ arithmetic + overhead, t ≥ memory + overhead, and equal to one of them."""
    time = roofline_time(macs, traffic, peak, bandwidth, overhead=overhead)
    assert time == max(macs / peak, traffic / bandwidth) + overhead
    assert time >= roofline_time(macs, 0, peak, bandwidth, overhead=overhead)
    assert time >= roofline_time(0, traffic, peak, bandwidth, overhead=overhead)


@given(WORK, WORK, RATES, RATES, strategies.floats(1, 100))
def test_more_work_is_never_faster_and_a_better_device_never_slower(
    macs: int, traffic: int, peak: float, bandwidth: float, more: float
) -> None:
    """Non-decreasing in macs and bytes, non-increasing in P, BW and utilisation."""
    time = roofline_time(macs, traffic, peak, bandwidth)
    assert roofline_time(macs * more, traffic, peak, bandwidth) >= time
    assert roofline_time(macs, traffic * more, peak, bandwidth) >= time
    assert roofline_time(macs, traffic, peak * more, bandwidth) <= time
    assert roofline_time(macs, traffic, peak, bandwidth * more) <= time
    assert roofline_time(macs, traffic, peak, bandwidth, utilisation=1 / more) >= time
    assert roofline_time(macs, traffic, peak, bandwidth, cost_per_mac=more) >= time


@given(WORK, WORK, RATES, RATES, strategies.integers(-10, 10))
def test_a_device_twice_as_fast_takes_half_the_time(
    macs: int, traffic: int, peak: float, bandwidth: float, power: int
) -> None:
    """Multiplying P and BW by k divides the time without the overhead by k."""
    factor = 2.0**power
    faster = roofline_time(macs, traffic, peak * factor, bandwidth * factor)
    assert faster == roofline_time(macs, traffic, peak, bandwidth) / factor


@given(strategies.integers(1, 10**6), RATES, RATES)
def test_at_the_ridge_both_terms_are_equal(traffic: int, peak: float, bandwidth: float) -> None:
    """2P/BW operations a byte take arithmetic as long as memory."""
    macs = ridge_intensity(peak, bandwidth) * traffic / 2
    assert roofline_time(macs, 0, peak, bandwidth) == pytest.approx(roofline_time(0, traffic, peak, bandwidth))


@given(strategies.integers(1, 4096), strategies.integers(1, 4096), strategies.sampled_from([0.5, 1, 2, 4]))
def test_the_intensity_rises_with_the_batch_below_its_limit(inputs: int, outputs: int, element: float) -> None:
    """2·B·in·out/bytes is increasing in B and below 2·in·out/((in + out)·bytes an element)."""
    few, many = (linear_intensity(batch, inputs, outputs, element) for batch in (1, 1000))
    assert few < many < 2 * inputs * outputs / ((inputs + outputs) * element)


@given(strategies.floats(0.5, 1000), strategies.integers(1, 8192), strategies.sampled_from([1.0, 2.0, 4.0]))
def test_at_the_crossover_the_intensity_is_the_ridge(ridge: float, width: int, element: float) -> None:
    """The two integer batches around the crossover have intensities around the ridge; none reaches an infinite one."""
    batch = crossover_batch(ridge, width, element)
    if batch == inf:
        assert linear_intensity(10**9, width, width, element) <= ridge
    else:
        assert linear_intensity(int(batch) + 1, width, width, element) >= ridge * (1 - 1e-9)
        assert batch < 1 or linear_intensity(int(batch), width, width, element) <= ridge * (1 + 1e-9)
