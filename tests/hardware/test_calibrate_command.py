"""`nadoo calibrate`: from measurements of a user or of this machine to a device whose ranges were seen."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import nadoo_core as nadoo
from nadoo_core.cost import read_device
from nadoo_core.options.toml_text import toml_text
from nadoo_hardware.calibrating.drawing import Drawing
from nadoo_hardware.commands import calibrate
from nadoo_hardware.estimators.terms import latency_terms
from nadoo_hardware.estimators.work import graph_work
from tests.core.command_line.calling import call

CYCLES = {"linear.float32": 4.0, "calls": 300.0}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with perceptrons, and with what they took on a board that is off by a few hundredths."""
    folder = tmp_path_factory.mktemp("board")
    draw = np.random.default_rng(1)
    rows: list[dict[str, object]] = []
    for number in range(12):
        wide, deep = int(draw.integers(8, 200)), int(draw.integers(1, 6))
        drawing = Drawing(f"net-{number}", 0)
        drawing.begin(wide)
        for _ in range(deep):
            drawing.linear(wide)
            drawing.activate()
        graph = drawing.done()
        graph.save(folder / f"net-{number}")
        terms = latency_terms(graph_work(graph), ("calls",))
        cycles = sum(CYCLES[name] * many for name, many in terms.items()) * float(np.exp(0.03 * draw.standard_normal()))
        rows.append({"model": f"net-{number}", "cycles": cycles})
    document = {"source": "a made-up board, DWT counter", "terms": ["calls"], "measurement": rows}
    (folder / "board.toml").write_text(toml_text(document), encoding="utf-8")
    return folder


def test_measurements_of_a_user_become_a_device_whose_ranges_were_seen(board: Path) -> None:
    target = board / "my-board.toml"
    answer = call("calibrate", "stm32f746", "--measurements", board / "board.toml", "--write", target, "--json")
    assert answer.code == 0
    document = answer.document
    assert document["coefficients"] == pytest.approx(CYCLES, rel=0.1)
    assert document["mean_error"] < 0.05
    assert document["rank_correlation"] > 0.9
    assert len(document["held_out"]) == 12
    device = read_device(target)
    assert (device.name, device.aliases) == ("my-board", ())
    assert device.clock_hz is not None
    estimate = call("estimate", board / "net-3", "--device", f"{target},stm32f746", "--json").document
    assert estimate[0]["ranges"]["latency_s"].startswith("calibration 'my-board', nine in ten of 12 models left out")
    assert estimate[0]["latency_s_high"] / estimate[0]["latency_s"] == pytest.approx(document["above"])
    assert "assumed" in estimate[1]["ranges"]["latency_s"]
    assert estimate[0]["calibration"]["latency"]["rank_correlation"] == document["rank_correlation"]
    assert estimate[0]["fingerprint"] == device.fingerprint()
    assert estimate[1]["calibration"]["latency"] is None, "only code is calibrated there"
    text = call("devices", target).text
    assert "12 models left out" in text


def test_what_people_read_names_errors_ranges_and_order(board: Path) -> None:
    target = board / "read.toml"
    asked = ("calibrate", "stm32f401", "--measurements", board / "board.toml")
    text = call(*asked).text
    words = ("linear.float32", "models left out", "nine in ten", "rank correlation", "largest errors", "is written")
    assert [word for word in words if word not in text] == []
    assert f"written: {target}" in call(*asked, "--write", target).text
    assert "calibration 'read'" in call("estimate", board / "net-3", "--device", target).text


def test_this_machine_is_calibrated_and_predicts_without_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nadoo_hardware.calibrating import measuring
    from tests.hardware.calibrating.test_measuring import machine

    monkeypatch.setattr(measuring, "measure", machine)
    target = tmp_path / "my-host.toml"
    answer = call("calibrate", "host", "--networks", 21, "--write", target)
    assert answer.code == 0, answer.errors
    assert "use it as --device" in answer.text
    device = read_device(target)
    assert device.calibration is not None
    assert device.calibration.latency is not None
    assert len(device.calibration.latency.held_out) == 21
    graph = nadoo.capture(nn.Linear(64, 64), torch.zeros(2, 64))
    graph.save(tmp_path / "graph")
    (cost,) = call("estimate", tmp_path / "graph", "--device", target, "--json").document
    assert cost["estimators"]["latency_s"] == "analytic"
    assert cost["latency_s_low"] < cost["latency_s"] < cost["latency_s_high"]


def test_a_machine_that_follows_no_model_is_refused_and_nothing_is_written(board: Path, tmp_path: Path) -> None:
    answer = call(
        "calibrate", "stm32f401", "--measurements", board / "board.toml", "--worst", "0.1 %",
        "--write", tmp_path / "a.toml",
    )  # fmt: skip
    assert answer.code == 1
    assert "on average on models left out" in answer.errors
    assert not (tmp_path / "a.toml").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measurement": []}, "at least 1"),
        ({"measurement": [{"model": "net-1"}]}, "gives neither of seconds and cycles"),
        ({"measurement": [{"model": "net-1", "seconds": 1.0}, {"model": "net-2", "cycles": 5.0}]},
         "give all in one unit"),
        ({"measurement": [{"model": "net-1", "cycles": -5.0}]}, "above 0"),
        ({"terms": ["call"]}, "did you mean 'calls'"),
        ({"measurement": [{"model": "net-99", "cycles": 5.0}]}, "is not there"),
        ({"measurement": [{"model": "net-1", "cycles": 5.0}, {"model": "net-2", "cycles": 7.0}]},
         "could be predicted by the others"),
    ],
)  # fmt: skip
def test_bad_measurements_are_refused_by_field(board: Path, change: dict[str, object], message: str) -> None:
    document = {"source": "a made-up board", "terms": ["calls"], "measurement": [], **change}
    (board / "bad.toml").write_text(toml_text(document), encoding="utf-8")
    answer = call("calibrate", "stm32f401", "--measurements", board / "bad.toml")
    assert answer.code in {1, 2}
    assert message in answer.errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stm32f401",), "give --measurements with what models took there"),
        (("host", "--write", "here.json"), "is no .toml file"),
        (("host", "--write", "nowhere/here.toml"), "there is no folder 'nowhere'"),
        (("hots",), "did you mean"),
        (("host", "--worst", "much"), "--worst"),
    ],
)
def test_bad_requests_are_refused_before_anything_runs(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "fit_here", None)
    answer = call("calibrate", *arguments)
    assert answer.code == 2
    assert message in answer.errors
