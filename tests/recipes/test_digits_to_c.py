"""From training to C in one recipe: the folder is verified, and accuracy in C is that of the graph."""

import json
from pathlib import Path

import pytest

from nadoo_c.exporting import verify
from nadoo_core.runs import run


@pytest.mark.slow
def test_digits_become_c(tmp_path: Path) -> None:
    result = run("digits-to-c", out=tmp_path / "out", store=tmp_path / "store")
    (export,) = result.ledger["exports"]
    folder = tmp_path / "out" / export["folder"]
    report = json.loads((folder / "report.json").read_text())
    assert result.ledger["result"]["test"]["accuracy"]["value"] > 0.95
    assert report["inputs"][0]["type"] == "int8_t"
    assert report["verified"]["samples"] >= 64
    assert {row["operator"] for row in report["kernels"]} >= {"quantized_conv2d", "quantized_linear"}
    assert verify(folder)["samples"] == report["verified"]["samples"]
