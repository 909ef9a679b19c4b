"""`nadoo estimate`: tables for people, one object a device for programs, and exit codes."""

from pathlib import Path

import pytest
import torch
from torch import nn

import nadoo_core as nadoo
from tests.core.command_line.calling import call

KEYS = ("macs", "flash_bytes", "peak_ram_bytes", "latency_s", "energy_j")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estimate") / "graph"
    nadoo.capture(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 4)), torch.zeros(2, 64)).save(folder)
    return folder


def test_programs_get_one_object_a_device(saved: Path) -> None:
    documents = call("estimate", saved, "--device", "stm32f401,ch32v003,raspberry_pi", "--json").document
    assert [document["device"] for document in documents] == ["stm32f401", "ch32v003", "raspberry-pi-4"]
    for document in documents:
        assert {f"{key}{end}" for key in KEYS for end in ("", "_low", "_high")} <= document.keys()
        assert set(document["coverage"]) == {"macs", "bytes"}
        assert {"unknown", "nodes"} <= document.keys()
        assert {"name", "op", *KEYS} <= document["nodes"][0].keys()
    assert documents[1]["latency_s"] is None
    assert any("latency_s is unknown, because" in text for text in documents[1]["unknown"])


def test_a_budget_that_is_exceeded_ends_with_1_and_says_where_to_cut(saved: Path) -> None:
    answer = call("estimate", saved, "--device", "cortex_m4", "--budget", "flash=1 KiB", "--budget", "macs=1000000")
    assert answer.code == 1
    assert "the budget is exceeded in flash on stm32f401" in answer.text
    assert call("estimate", saved, "--device", "cortex_m4", "--budget", "flash=1 MiB").code == 0


def test_a_model_is_costed_as_if_its_weights_were_in_other_formats(saved: Path) -> None:
    plain, narrow = (
        call("estimate", saved, "--device", "stm32f401", "--json", *more).document[0]["flash_bytes"]
        for more in ((), ("--format", "*=int4"))
    )
    assert narrow < plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device", "stm32f40"), "did you mean"),
        (("--device", "stm32f401", "--format", "nowhere=int8"), "fits no layer with weights"),
        (("--device", "stm32f401", "--format", "0=int9"), "is no format"),
        (("--device", "stm32f401", "--budget", "flash=2 KB"), "could be a thousand or 1024"),
    ],
)
def test_what_is_wrong_is_named(saved: Path, arguments: tuple[str, ...], message: str) -> None:
    answer = call("estimate", saved, *arguments)
    assert answer.code == 2
    assert message in answer.errors
