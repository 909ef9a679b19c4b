"""Calibration: published cycle counts, what is recovered, what is refused, and what the interval promises."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_core.cost.calibration import Calibration, Errors, Sample, calibrate
from nadoo_core.cost.intervals import interval_of
from nadoo_core.errors import CalibrationError

CNNS = (  # published for a CH32V002 at 48 MHz, models named by their widths
    ("16-64-48", 51264, 4096, 3552, 686490),
    ("16-96-64", 51264, 6144, 6784, 785123),
    ("32-96-64", 102528, 12288, 6784, 1434667),
    ("48-96-64", 153792, 18432, 6784, 2083568),
    ("64-96-64", 205056, 24576, 6784, 2736250),
)
TRUE = {"conv.int8": 2e-9, "linear.int8": 1e-9, "bytes": 3e-10, "calls": 2e-6}


def published(errors: Errors = "relative") -> Calibration:
    work = ((name, cycles, {"conv": conv, "two": two, "four": four}) for name, conv, two, four, cycles in CNNS)
    return calibrate([Sample(*parts) for parts in work], errors)


def measured(count: int, noise: float, seed: int, true: Mapping[str, float] = TRUE) -> list[Sample]:
    draw = np.random.default_rng(seed)
    samples: list[Sample] = []
    for number in range(count):
        work = {name: float(many) for name, many in zip(true, 10 ** draw.uniform(4, 7, len(true)), strict=True)}
        work["calls"] = float(draw.integers(1, 60))
        time = sum(true[name] * many for name, many in work.items()) * float(np.exp(noise * draw.standard_normal()))
        samples.append(Sample(f"model {number}", time, work))
    return samples


def test_five_published_networks_fit_without_a_constant() -> None:
    found = published("absolute")
    assert dict(found.coefficients) == pytest.approx({"conv": 10.690, "two": 16.637, "four": 19.801}, abs=5e-4)
    assert found.worst_residual == pytest.approx(0.00072, abs=5e-6)
    assert published().worst_residual < 0.0006


def test_convolutions_and_two_bit_layers_are_told_apart_by_one_network_only() -> None:
    found = published()
    assert {"conv", "two"} <= set(found.weak)
    assert found.held_out[0].predicted is None
    assert found.document()["undetermined"] == ["16-64-48"]
    assert all(abs(item.error or 1.0) < 0.01 for item in found.held_out[1:])


def test_exact_measurements_give_the_coefficients_back() -> None:
    found = calibrate(measured(12, 0.0, 1))
    assert dict(found.coefficients) == pytest.approx(TRUE, rel=1e-6)
    assert found.mean_error == pytest.approx(0.0, abs=1e-9)
    assert found.condition < 30


def test_nine_new_measurements_in_ten_fall_into_the_interval() -> None:
    inside: list[bool] = []
    for seed in range(8):
        found = calibrate(measured(30, 0.08, seed)).accept()
        for sample in measured(50, 0.08, 1000 + seed):
            number = found.predict(sample.work)
            inside.append((number.low or 0) <= sample.time <= (number.high or 0))
    assert 0.86 <= np.mean(inside) <= 0.99


def test_few_models_make_a_wider_interval_than_many() -> None:
    few, many = (interval_of([1.05, 0.95] * count) for count in (2, 20))
    assert few is not None
    assert many is not None
    assert few.above > many.above == pytest.approx(1 / 0.95)
    assert interval_of([1.1]) is None


def test_tied_coefficients_are_named() -> None:
    samples = [
        Sample(str(n), n + 1.0, {"conv": n * 3.0 + 3, "bytes": n * 6.0 + 6, "calls": n * n + 1.0}) for n in range(6)
    ]
    with pytest.raises(CalibrationError, match="do not tell bytes and conv apart"):
        calibrate(samples)


def test_fewer_samples_than_coefficients_are_refused() -> None:
    with pytest.raises(CalibrationError, match="a and b"):
        calibrate([Sample("one", 1.0, {"a": 1.0, "b": 2.0})])


def test_a_model_of_other_things_is_refused() -> None:
    draw = np.random.default_rng(3)
    samples = [Sample(str(n), float(10 ** draw.uniform(0, 2)), {"macs": float(draw.uniform(1, 2))}) for n in range(12)]
    with pytest.raises(CalibrationError, match="on models left out, and 15% is allowed"):
        calibrate(samples).accept()


def test_every_wrong_sample_is_named_at_once() -> None:
    wrong = [
        Sample("a", 0.0, {"x": 1.0}),
        Sample("b", 1.0, {"x": -1.0}),
        Sample("c", 1.0, {}),
        Sample("d", 1.0, {"x": 1.0}),
    ]
    with pytest.raises(CalibrationError) as raised:
        calibrate(wrong)
    assert len(raised.value.problems) == 3
    with pytest.raises(CalibrationError, match="has no sample"):
        calibrate([])


def test_work_of_a_new_kind_has_no_predicted_time() -> None:
    number = calibrate(measured(12, 0.01, 5)).predict({"conv.int4": 100.0})
    assert number.reasons == ("no coefficient of conv.int4 was calibrated",)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.5), st.floats(1e-3, 1e3))
def test_coefficients_are_never_negative_and_follow_the_unit_of_time(seed: int, noise: float, factor: float) -> None:
    samples = measured(10, noise, seed)
    one = calibrate(samples)
    other = calibrate([Sample(item.model, item.time * factor, item.work) for item in samples])
    assert all(value >= 0 for value in one.coefficients.values())
    for name, value in one.coefficients.items():
        assert other.coefficients[name] == pytest.approx(value * factor, rel=1e-6, abs=1e-15 * factor)
    assert other.residuals == pytest.approx(one.residuals, abs=1e-8)


def test_errors_in_the_middle_do_not_follow_what_is_far_off() -> None:
    samples = measured(40, 0.02, seed=5)
    wild = [
        Sample(item.model, item.time / (10 if place % 10 == 0 else 1), item.work) for place, item in enumerate(samples)
    ]
    found = {errors: calibrate(wild, errors).hold_out.median_error or 1.0 for errors in ("middle", "relative")}
    assert found["middle"] < min(0.05, found["relative"] / 2)
    coefficients = calibrate(wild, "middle").coefficients
    for name in ("conv.int8", "linear.int8"):
        assert coefficients[name] == pytest.approx(TRUE[name], rel=0.05)
