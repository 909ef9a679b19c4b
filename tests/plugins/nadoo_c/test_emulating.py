"""Exported folders on emulated cores: counts of one sample, by function, class and kernel, and all memory."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from nadoo_c.emulating import Target, emulate_folder, target_of
from nadoo_c.errors import ExportError, VerificationError
from nadoo_c.export_c import ExportC
from nadoo_c.exporting import Options, export
from nadoo_core.errors import NadooError
from nadoo_core.registry import Registry
from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from tests.core.command_line.calling import call


def perceptron() -> ModelGraph:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 6), nn.Sigmoid(), nn.Linear(6, 3))
    return capture(module, (torch.randn(1, 8),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model, measured on a device."""
    path = tmp_path_factory.mktemp("c")
    ExportC(name="net", emulate=("stm32f401", "m0"))(perceptron(), path)
    return path


def test_the_report_has_counts_by_function_class_and_kernel(folder: Path) -> None:
    emulated = json.loads((folder / "report.json").read_text())["emulated"]
    assert list(emulated) == ["stm32f401", "m0"]
    for found in emulated.values():
        kernels, total = [kernel["instructions"] for kernel in found["kernels"]], found["instructions"]
        assert abs(sum(found["functions"].values()) - total) <= len(found["functions"])
        assert abs(sum(found["classes"].values()) - total) <= len(found["classes"])
        assert 0.9 * total < sum(kernels) < total
        assert all(kernels)
    layers = [kernel["layer"] for kernel in emulated["m0"]["kernels"]]
    assert len(layers) == 2  # linear with sigmoid, linear


def test_a_device_gives_cycles_and_a_core_says_why_it_does_not(folder: Path) -> None:
    emulated = json.loads((folder / "report.json").read_text())["emulated"]
    assert emulated["stm32f401"]["core"] == "m4"
    assert emulated["stm32f401"]["cycles"] > emulated["stm32f401"]["instructions"]
    inside = sum(kernel["cycles"] for kernel in emulated["stm32f401"]["kernels"])
    assert 0 < inside < emulated["stm32f401"]["cycles"]
    assert emulated["m0"]["cycles"] is None
    assert emulated["m0"]["cycles_unknown"] == "unknown because no device was named"


def test_flash_is_what_was_linked_without_the_test_and_ram_has_the_stack(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    found, memory = report["emulated"]["stm32f401"], report["memory"]
    assert found["flash_bytes"] == found["code_bytes"] + memory["constants_bytes"]
    assert 100 < found["code_bytes"] < 3000
    assert found["ram_bytes"] == memory["arena_bytes"] + memory["border_bytes"] + found["stack_bytes"]
    more = emulate_folder(folder, "m4", samples=8)
    assert more["samples"] == 8
    assert more["flash_bytes"] == found["flash_bytes"]


@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc"])
def test_counts_say_the_compiler_that_was_asked_for(compiler: str, folder: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    found, own = emulate_folder(folder, "m4", compiler=compiler), emulate_folder(folder, "m4")
    assert (found["compiler"], own["compiler"]) == (compiler, "zig")
    assert found["instructions"] != own["instructions"]
    assert "-O3" in found["flags"]


def test_verification_measures_devices_as_the_export_does(folder: Path) -> None:
    document = call("verify", str(folder), "--core", "stm32f401", "--json").document
    assert document["measured"] == {
        "stm32f401": json.loads((folder / "report.json").read_text())["emulated"]["stm32f401"]
    }
    assert document["emulated"] == ["stm32f401"]


def test_results_that_differ_on_a_core_are_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    text = (copy / "weights.c").read_text()
    changed = text.replace("= {\n    0x", "= {\n    -0x", 1).replace("= {\n    -0x-", "= {\n    0x", 1)
    changed = changed if changed != text else text.replace("= {\n    -", "= {\n    ", 1)
    assert changed != text
    (copy / "weights.c").write_text(changed)
    with pytest.raises(VerificationError, match="on m4: element"):
        emulate_folder(copy, "m4")


def test_targets_are_cores_and_devices_that_are_emulated(tmp_path: Path) -> None:
    registry = Registry.of()
    assert target_of("m3", registry) == Target("m3", "m3")
    assert target_of("stm32f103", registry).core == "m3"
    with pytest.raises(ExportError, match="device 'esp32': has Xtensa LX6, which is not emulated; there are m0"):
        target_of("esp32", registry)
    with pytest.raises(NadooError, match="'m5' is neither a core"):
        ExportC(emulate=("m5",))(perceptron(), tmp_path)
    with pytest.raises(NadooError, match="'m5' is no core"):
        export(perceptron(), tmp_path, Options(emulate=("m5",)))
