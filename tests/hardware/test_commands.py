"""`nadoo devices` and `nadoo analyze`: answers for people and programs, exit codes, refusals."""

import json
from pathlib import Path

import pytest

from tests.core.command_line.calling import call
from tests.hardware.networks import residual_block

MODELS = """
from torch import nn

def net(): return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8))
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a saved graph, a file with a model, mappings and a device."""
    monkeypatch.chdir(tmp_path)
    residual_block().save(tmp_path / "graph")
    (tmp_path / "models.py").write_text(MODELS, encoding="utf-8")
    for name, mapping in {"one": {"*": "int8"}, "two": {"first": ["int8", "int4"], "*": "int8"}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(mapping), encoding="utf-8")
    device = 'name = "mine"\nsram_bytes = { value = 1024, source = "me", quality = "measured" }\n'
    (tmp_path / "mine.toml").write_text(device, encoding="utf-8")
    return tmp_path


def test_the_list_of_devices() -> None:
    document = call("devices", "--json").document
    named = {device["name"]: device for device in document}
    assert named["stm32f401"]["sram_bytes"] == 96 * 1024
    assert named["apple-m2"]["aliases"] == ["mac_studio"]
    assert named["apple-m2"]["clock_hz"] is None
    text = call("devices").text
    assert "84 MHz" in text
    assert "2 × Cortex-M0+ at 133 MHz" in text


def test_one_device_shows_facts_sources_and_what_is_not_known() -> None:
    document = call("devices", "cortex_m4", "--json").document
    assert document["name"] == "stm32f401"
    assert document["facts"]["clock_hz"]["quality"]
    assert "dram_bytes" in document["unknown"]
    text = call("devices", "ch32v003").text
    assert "has_mul" in text
    assert "48 MHz" in text
    assert "not known" in text


def test_a_device_of_ones_own_is_shown_by_its_path() -> None:
    assert call("devices", "mine.toml", "--json").document["facts"]["sram_bytes"]["value"] == 1024


def test_an_unknown_device_is_refused_with_the_nearest() -> None:
    answer = call("devices", "stm32f410")
    assert answer.code == 2
    assert "'stm32f411'" in answer.errors


def test_the_memory_filter_of_a_saved_graph() -> None:
    answer = call("analyze", "memory", "graph", "--limit", "1KiB", "--json")
    assert answer.code == 0
    assert {layer["name"]: layer["allowed"] for layer in answer.document["layers"]} == {
        "first": ["float16", "int8", "int4", "int2"],
        "second": ["int8", "int4", "int2"],
    }
    assert (
        "2 of 2 layers fit into 1 KiB (live, N = 1)" in call("analyze", "memory", "graph", "--device", "mine.toml").text
    )


def test_a_layer_that_fits_nowhere_ends_with_exit_code_1() -> None:
    answer = call("analyze", "memory", "graph", "--limit", "100", "--formats", "float32,fp16", "--json")
    assert answer.code == 1
    assert answer.document["infeasible"] == ["first", "second"]
    assert (
        "no format fits: first, second"
        in call("analyze", "memory", "graph", "--limit", "100", "--formats", "fp16").text
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "either --limit"),
        (("--limit", "1KiB", "--device", "stm32f401"), "either --limit"),
        (("--limit", "512KB"), "512 KiB"),
        (("--limit", "0"), "at least one byte"),
        (("--limit", "1KiB", "--formats", "int8,int9"), "'int9'"),
        (("--device", "adaptqnet"), "sram_bytes is not known"),
        (("--limit", "1KiB", "--input-size", "16"), "--input-size"),
    ],
)
def test_a_wrong_question_about_memory_is_refused(options: tuple[str, ...], message: str) -> None:
    answer = call("analyze", "memory", "graph", *options)
    assert answer.code == 2
    assert message in answer.errors


def test_a_module_is_captured_at_the_size_that_is_asked_for() -> None:
    options = ("models.py:net", "--trust", "--input-size", "16", "--limit", "1MiB", "--json")
    layers = call("analyze", "memory", *options).document["layers"]
    assert [layer["input_elements"] for layer in layers] == [3 * 256, 8 * 256]


def test_the_latency_of_a_mapping() -> None:
    document = call("analyze", "latency", "graph", "--mapping", "one.json", "--json").document
    assert document["device"] == "adaptqnet"
    assert document["sizes"] == {"N": 1}
    assert document["latency_s"] == pytest.approx(2 * 4 * 4 * 9 * 64 * 28e-3 / 2e6)
    assert document["energy_j"] is None
    assert "active_w" in document["unknown"][0]
    text = call("analyze", "latency", "graph", "--mapping", "one.json", "--device", "stm32u585").text
    assert "µJ" in text
    assert "100.0% with a known time, N = 1" in text


def test_two_cores_where_there_are_two() -> None:
    options = ("graph", "--mapping", "two.json", "--json")
    alone = call("analyze", "latency", *options).document["layers"][0]
    waiting = call("analyze", "latency", *options, "--sync", "1ms").document["layers"][0]
    assert len(alone["core_latency_s"]) == 2
    assert waiting["latency_s"] == pytest.approx(alone["latency_s"] + 1e-3)
    refused = call("analyze", "latency", "graph", "--mapping", "two.json", "--device", "stm32f401")
    assert refused.code == 2
    assert "one core" in refused.errors


def test_the_compression_of_a_mapping() -> None:
    document = call("analyze", "compression", "graph", "--mapping", "one.json", "--json").document
    assert document["ratio"] == 4.0
    assert document["bytes_after"] == 2 * 4 * 4 * 9
    assert "ratio    4.00" in call("analyze", "compression", "graph", "--mapping", "one.json").text


@pytest.mark.parametrize("tool", ["latency", "compression"])
def test_a_layer_that_there_is_not_is_refused_with_the_nearest(tool: str, home: Path) -> None:
    (home / "wrong.json").write_text('{"frist": "int8", "*": "int8"}', encoding="utf-8")
    answer = call("analyze", tool, "graph", "--mapping", "wrong.json")
    assert answer.code == 2
    assert "did you mean 'first'?" in answer.errors
