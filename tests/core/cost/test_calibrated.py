"""Calibrated costs: written and read, ranges that nobody can narrow, and files that are refused field by field."""

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from nadoo_core.cost import Device, read_device
from nadoo_core.cost.calibrated import (
    Calibrated,
    CalibratedCost,
    LeftOut,
    read_calibration,
    write_calibration,
)
from nadoo_core.cost.calibration import calibrate
from nadoo_core.errors import CalibrationError, DeviceError, OptionError
from nadoo_core.options import unstructure
from nadoo_core.options.toml_text import toml_text
from tests.core.cost.test_calibration import measured, published

CLOCK = {"value": 48_000_000, "source": "sheet", "quality": "datasheet"}


def fitted(**changes: Any) -> CalibratedCost:
    held_out = tuple(LeftOut(model=f"m{place}", measured=100.0 + place, predicted=100.0) for place in range(12))
    given: dict[str, Any] = {
        "unit": "cycles", "source": "counted by a test", "coefficients": {"conv.int8": 3.0, "calls": 50.0},
        "held_out": held_out,
    }  # fmt: skip
    return CalibratedCost(**{**given, **changes})


def calibration(**changes: Any) -> Calibrated:
    given: dict[str, Any] = {"name": "core", "made": "by a test", "latency": fitted()}
    return Calibrated(**{**given, **changes})


def refused(tmp_path: Path, change: dict[str, Any]) -> dict[str, str]:
    """Where a file is refused and why, after some fields of a good one were changed."""
    document = unstructure(calibration())
    document["latency"] |= change
    (tmp_path / "core.toml").write_text(toml_text(document), encoding="utf-8")
    with pytest.raises(DeviceError) as caught:
        read_calibration(tmp_path / "core.toml")
    return {problem.where: problem.message for problem in caught.value.problems}


def test_what_is_written_reads_as_the_same(tmp_path: Path) -> None:
    code = fitted(unit="bytes", coefficients={"program": 600.0, "kernels": 300.5, "calls": 20.0})
    given = calibration(code=code)
    write_calibration(tmp_path / "core.toml", given)
    assert read_calibration(tmp_path / "core.toml") == given
    assert [path.name for path in tmp_path.iterdir()] == ["core.toml"]


def test_the_range_is_that_of_the_models_left_out() -> None:
    found = fitted()
    assert found.interval.samples == 12
    assert found.within(10.0).high == pytest.approx(10.0 * 1.11)
    assert "nine in ten of 12 models left out, mean error" in found.worth
    assert found.summary()["rank_correlation"] is None


def test_a_fit_becomes_a_calibrated_cost_with_its_models() -> None:
    fit = calibrate(measured(20, 0.05, 3))
    found = CalibratedCost.of(fit, "seconds", "drawn by a test")
    assert found.interval == fit.interval
    assert dict(found.coefficients) == dict(fit.coefficients)
    assert found.hold_out.mean_error == fit.mean_error
    assert (found.hold_out.rank_correlation or 0) > 0.9


def test_a_model_that_the_others_do_not_determine_is_not_among_those_held_out() -> None:
    assert [item.model for item in CalibratedCost.of(published(), "cycles", "published").held_out] == [
        "16-96-64", "32-96-64", "48-96-64", "64-96-64",
    ]  # fmt: skip


def test_a_fit_that_hardly_predicts_anything_is_no_calibration() -> None:
    few = calibrate(measured(5, 0.01, 1))
    with pytest.raises(CalibrationError, match="could be predicted by the others; measure 4 or more"):
        CalibratedCost.of(evolve(few, held_out=few.held_out[:3]), "seconds", "drawn by a test")


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        ({"unit": "hours"}, "core.toml: latency.unit", "cycles"),
        ({"coefficients": {"conv.int8": -1.0}}, "core.toml: latency.coefficients['conv.int8']", "of at least 0"),
        ({"coefficients": {}}, "core.toml: latency.coefficients", "at least 1"),
        ({"coefficients": {"konv.int8": 1.0}}, "core.toml: latency", "konv.int8, which is no work"),
        ({"coefficients": {"conv.int8.int4.int2": 1.0}}, "core.toml: latency", "which is no work"),
        ({"held_out": []}, "core.toml: latency.held_out", "at least 4"),
        ({"held_out": [{"model": "a", "measured": 0.0, "predicted": 1.0}] * 4},
         "core.toml: latency.held_out[0].measured", "above 0"),
        ({"held_out": [{"model": "a", "measured": 1.0, "predicted": float("nan")}] * 4},
         "core.toml: latency.held_out[0].predicted", "above 0"),
        ({"below": 0.9}, "core.toml: latency", "'below' is unknown"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_file_and_field(
    tmp_path: Path, change: dict[str, Any], where: str, message: str
) -> None:
    found = refused(tmp_path, change)
    near = {place: text for place, text in found.items() if place.startswith(where.removesuffix(": latency"))}
    assert any(message in text for text in near.values()), found


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latency": None}, "calibrates nothing"),
        ({"latency": fitted(unit="bytes")}, "latency in bytes"),
        ({"code": fitted(unit="cycles", coefficients={"program": 1.0})}, "code in cycles"),
        ({"code": fitted(unit="bytes", coefficients={"kernel": 1.0})}, "did you mean 'kernels'"),
    ],
)
def test_costs_in_units_or_of_work_that_is_not_theirs_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        calibration(**changes)


def test_a_device_file_has_its_calibration_in_a_table_or_beside(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write_calibration(tmp_path / "below" / "core.toml", calibration())
    named = {"name": "named", "clock_hz": CLOCK, "calibration": "below/core.toml"}
    (tmp_path / "named.toml").write_text(toml_text(named), encoding="utf-8")
    table = {"name": "named", "clock_hz": CLOCK, "calibration": unstructure(calibration())}
    (tmp_path / "table.toml").write_text(toml_text(table), encoding="utf-8")
    device = read_device(tmp_path / "named.toml")
    assert device == read_device(tmp_path / "table.toml")
    assert device.calibration == calibration()
    assert device.fingerprint() != evolve(device, calibration=None).fingerprint()


def test_a_calibration_outside_of_the_folder_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write_calibration(tmp_path / "core.toml", calibration())
    for text, message in (("../core.toml", "leads out of the folder"), ("none.toml", "cannot be read")):
        document = {"name": "named", "clock_hz": CLOCK, "calibration": text}
        (tmp_path / "inner" / "named.toml").write_text(toml_text(document), encoding="utf-8")
        with pytest.raises(DeviceError, match=message):
            read_device(tmp_path / "inner" / "named.toml")


def test_cycles_need_a_clock() -> None:
    with pytest.raises(OptionError, match="calibrated in cycles, and clock_hz is not known"):
        Device(name="bare", calibration=calibration())
    assert Device(name="bare", calibration=calibration(latency=fitted(unit="seconds"))).calibration is not None
