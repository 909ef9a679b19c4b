"""Exporting whole folders: what a firmware engineer gets, and what happens when something is not right."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nadoo_c.errors import ExportError, VerificationError
from nadoo_c.export_c import ExportC
from nadoo_c.exporting import Artifact, Options, compile_unit, export, verify
from nadoo_c.host import WARNINGS, compile_host
from nadoo_c.kernels import KernelTable, WrittenKernel
from nadoo_c.vectors import drawn_samples
from nadoo_core.data import Examples
from nadoo_core.errors import OptionError, PluginError
from nadoo_core.passes import Context, Services
from nadoo_core.registry import Registry
from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import Kernel, check, lower
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.planning import plan
from nadoo_quantization.quantize import Quantize
from tests.core.command_line.calling import call
from tests.graphs.lowered.test_quantized_rules import layer
from tests.graphs.lowered.test_sparse_layers import pruned
from tests.graphs.ops.quantized.samples import Grower

FILES = {
    "model.h", "model.c", "weights.c", "test_vectors.h", "test_vectors.c", "test_model.c", "CMakeLists.txt",
    "Makefile", "README.md", "report.json", "program.txt", "vectors.npz",
}  # fmt: skip


def perceptron() -> ModelGraph:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))
    return capture(module, (torch.randn(1, 8),))


def exported(folder: Path, graph: ModelGraph | None = None) -> Artifact:
    folder.mkdir()
    return export(graph or perceptron(), folder, Options(name="net"), [torch.randn(20, 8)])


def test_the_folder_tests_itself(tmp_path: Path) -> None:
    artifact = exported(tmp_path / "c")
    assert {path.name for path in (tmp_path / "c").iterdir()} == FILES
    done = subprocess.run(["make", "test"], cwd=tmp_path / "c", capture_output=True, text=True, check=True)
    assert "4 vectors, all equal bit for bit" in done.stdout
    assert artifact.report["verified"]["samples"] == 28
    assert artifact.report["memory"]["arena_bytes"] == artifact.unit.program.arena_bytes == 24
    assert "#define NET_ARENA_BYTES 24" in (tmp_path / "c" / "model.h").read_text()
    assert json.loads((tmp_path / "c" / "report.json").read_text()) == artifact.report


def test_verification_is_repeated_from_the_folder_alone(tmp_path: Path) -> None:
    exported(tmp_path / "c")
    assert verify(tmp_path / "c")["samples"] == 28


def test_outputs_whose_batch_is_not_the_first_axis_are_compared_by_sample(tmp_path: Path) -> None:
    module, inputs = nn.LSTM(3, 4, bidirectional=True, batch_first=True).eval(), torch.randn(6, 5, 3)
    graph = capture(module, (inputs[:2],))
    agreement = export(graph, tmp_path, Options(name="net"), [inputs]).report["verified"]["against_graph"]
    assert agreement.count("on 6 samples") == 3


def test_without_data_drawn_inputs_are_compared_with_the_graph(tmp_path: Path) -> None:
    agreement = export(perceptron(), tmp_path, Options(name="net")).report["verified"]["against_graph"]
    assert "on 4 samples" in agreement


def test_without_data_drawn_codes_are_compared_with_the_graph(tmp_path: Path) -> None:
    inputs = torch.rand(32, 8)
    given = Context(step="quantize", services=Services(data={"calibration": Examples(inputs)}))
    graph = Quantize().run(perceptron(), given).graph
    artifact = export(graph, tmp_path, Options(name="net"))
    assert "on 4 samples" in artifact.report["verified"]["against_graph"]
    (codes,) = drawn_samples(graph, artifact.unit)
    assert codes.shape == (4, 8) and codes.min() < codes.max()


def test_without_data_a_program_that_is_not_its_graph_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = perceptron()
    other.set_tensor("2.bias", other.tensor("2.bias") + 1)
    monkeypatch.setattr("nadoo_c.exporting.compile_unit", lambda *given: compile_unit(other, *given[1:]))
    with pytest.raises(VerificationError, match="more than"):
        export(perceptron(), tmp_path, Options(name="net"))


def test_indices_are_not_drawn(tmp_path: Path) -> None:
    """A graph refuses those that it has no row for."""
    graph = capture(nn.Sequential(nn.Embedding(7, 3), nn.Flatten()), (torch.tensor([[1, 2]]),))
    assert export(graph, tmp_path, Options(name="net")).report["verified"]["against_graph"] is None


def test_a_changed_weight_is_found_and_its_layer_named(tmp_path: Path) -> None:
    exported(tmp_path / "c")
    path = tmp_path / "c" / "model.c"
    text = path.read_text()
    changed = text.replace("total = total + x", "total = total - x", 1)
    assert changed != text
    path.write_text(changed)
    with pytest.raises(VerificationError, match=r"layer '0 \+ 1', element \[0, \d\] of sample \d+ is"):
        verify(tmp_path / "c")


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    exported(tmp_path / "c")
    (tmp_path / "c" / "vectors.npz").write_bytes(b"nothing")
    with pytest.raises(ExportError, match=r"vectors.npz'.*export the model again"):
        verify(tmp_path / "c")
    (tmp_path / "c" / "weights.c").unlink()
    with pytest.raises(ExportError, match=r"lacks weights.c"):
        verify(tmp_path / "c")


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    exported(tmp_path / "c")
    vectors = (tmp_path / "c" / "vectors.npz").read_bytes()
    (tmp_path / "c" / "vectors.npz").write_bytes(vectors[:100])
    with pytest.raises(ExportError, match=r"vectors.npz'.*export the model again"):
        verify(tmp_path / "c")
    (tmp_path / "c" / "program.txt").write_bytes(b"\xff")
    with pytest.raises(ExportError, match=r"program.txt'.*export the model again"):
        verify(tmp_path / "c")


def test_layers_may_have_any_name(tmp_path: Path) -> None:
    module = nn.Sequential()
    for name in ("int", '*/ evil /*/ "x" %d', "main"):
        module.add_module(name, nn.Linear(4, 4))
    graph = capture(module.eval(), (torch.randn(2, 4),))
    artifact = export(graph, tmp_path, Options(name="net"))
    compile_host(artifact.unit, tmp_path, tmp_path / "build", WARNINGS, "strict")


def test_codes_at_the_border_say_what_they_mean(tmp_path: Path) -> None:
    grower = Grower(5)
    grower.finish(grower.linear(grower.flat(grower.input(2, 3, 3))))
    folder = tmp_path / "c"
    folder.mkdir()
    artifact = export(grower.graph, folder, Options(name="coded"), grower.inputs)
    assert artifact.report["inputs"][0]["scale"] is not None
    assert "CODED_INPUT_SCALE" in (folder / "model.h").read_text()
    assert "equal in every code of 2 samples" in artifact.report["verified"]["against_graph"]


class Sides(nn.Module):
    """Two inputs, one of which nobody needs for long, and two outputs."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        both = (x.relu() + y).softmax(-1)
        return both.amax(-1, keepdim=True), x * both


def test_inputs_and_outputs_may_lie_in_the_arena(tmp_path: Path) -> None:
    layers = nn.Sequential(nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    for name, module, given in (("layers", layers, (32,)), ("sides", Sides(), (16, 16))):
        samples = [torch.randn(6, size) for size in given]
        graph = capture(module, tuple(value[:1] for value in samples))
        reports: list[dict[str, int]] = []
        for inside in (False, True):
            folder = tmp_path / f"{name}_{inside}"
            folder.mkdir()
            report = export(graph, folder, Options(name="net", border_in_arena=inside), samples).report
            reports.append(report["memory"])
            subprocess.run(["make", "test"], cwd=folder, capture_output=True, check=True)
        assert verify(folder)["samples"] == 14
        apart, inside_it = reports
        assert apart["ram_bytes"] == apart["arena_bytes"] + apart["border_bytes"]
        assert inside_it["ram_bytes"] == inside_it["arena_bytes"] <= apart["ram_bytes"]
        assert "net_place_of_in" in (folder / "model.h").read_text()
        assert "The arena has room" in (folder / "README.md").read_text()
    assert "#define NET_OUTPUT_1_OFFSET" in (folder / "model.h").read_text()


def test_hidden_layers_use_the_bytes_of_the_input(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    program = lower(capture(module, (torch.randn(1, 32),)))
    found = plan(optimize(program), border=True)
    check(found)
    assert found.arena_bytes == (32 + 8) * 4, "the input and the first hidden layer; all else follows in their place"


def test_pruned_layers_take_the_flash_of_what_is_left(tmp_path: Path) -> None:
    graph = pruned("quantized_conv2d", (6, 24, 3, 3), (24, 6, 6), 0.9, padding=(1, 1))
    sizes: list[int] = []
    for optimized in (False, True):
        folder = tmp_path / str(optimized)
        folder.mkdir()
        report = export(
            graph, folder, Options(name="net", optimized=optimized), (), KernelTable.of(Registry.of())
        ).report
        sizes.append(report["memory"]["constants_bytes"])
        subprocess.run(["make", "test"], cwd=folder, capture_output=True, check=True)
    assert report["kernels"][0]["operator"] == "sparse_quantized_conv2d"
    assert sizes[1] < 0.4 * sizes[0]


def test_options_are_checked_all_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        ExportC(border="bits", core="m5", samples=-1)
    assert len(caught.value.problems) == 3
    assert all(name in str(caught.value) for name in ("border is", "core is", "samples is"))


def test_floats_can_be_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="computes in float32; quantize it"):
        ExportC(unquantized="refuse")(perceptron(), tmp_path)


class Right:
    """A kernel of its own that computes what the plain one does."""

    sign = ""

    def fits(self, kernel: Kernel) -> bool:
        return kernel.attributes["outputs"] == 5

    def write(self, kernel: Kernel) -> WrittenKernel:
        assert kernel.integers is not None
        rows = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in kernel.integers.tolist())
        body = (
            f"static const int16_t table[5][37] = {{{rows}}};\n"
            "for (int32_t o = 0; o < 5; o++) {\n"
            f"    int32_t total = {self.sign}net_quantized_linear_bias[o];\n"
            "    for (int32_t k = 0; k < 37; k++) {\n        total += x[k] * table[o][k];\n    }\n    y[o] = total;\n}"
        )
        return WrittenKernel(body=body)


class Wrong(Right):
    """A kernel that does not."""

    sign = "-"


def table_of(row: object) -> KernelTable:
    from nadoo_c.kernels import Row

    return KernelTable((Row("quantized_linear", "4bitsym", "any", lambda: row),))


def test_kernels_of_plugins_are_chosen_and_verified(tmp_path: Path) -> None:
    graph = layer("4bitsym", "quantized_linear", (5, 37), (37,))
    for folder, row in (("right", Right), ("wrong", Wrong)):
        (tmp_path / folder).mkdir()
        if row is Right:
            artifact = export(graph, tmp_path / folder, Options(name="net"), (), table_of(row))
            assert artifact.report["kernels"][0]["written_by"] == "a kernel of its own"
            continue
        with pytest.raises(VerificationError, match="layer 'quantized_linear'"):
            export(graph, tmp_path / folder, Options(name="net"), (), table_of(row))


def test_a_wrong_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "from nadoo_core.registry import Plugin, hookimpl\n\n\n@hookimpl\ndef nadoo_plugin():\n"
        '    return Plugin(api=1, kernels={"linear/m4": "a:b"})\n'
    )
    with pytest.raises(PluginError, match="operator/format/instruction set"):
        KernelTable.of(Registry.of(installed=False, files=[tmp_path / "p.py"]))


def test_the_command_writes_verifies_and_refuses_to_overwrite(tmp_path: Path) -> None:
    perceptron().save(tmp_path / "graph")
    arguments = ["export", tmp_path / "graph", "--to", "c", "--out", tmp_path / "c", "--set", "name=net"]
    first = call(*arguments)
    assert first.code == 0, first.errors
    assert "verified bit for bit" in first.text
    assert call("verify", tmp_path / "c").code == 0
    again = call(*arguments)
    assert again.code == 2
    assert "is there already" in again.errors
    inside = call(*arguments[:5], ".", "--force")
    assert inside.code == 2
    assert "the folder that you are in" in inside.errors
    assert call(*arguments, "--force", "--json").document["name"] == "net"


def test_data_sets_have_options(tmp_path: Path) -> None:
    torch.manual_seed(0)
    graph = capture(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), (torch.randn(2, 1, 8, 8),))
    graph.save(tmp_path / "graph")
    arguments = ["export", tmp_path / "graph", "--to", "c", "--out", tmp_path / "c", "--set", "samples=5"]
    found = call(*arguments, "--dataset", "digits", "--data", "mean=0.5", "--data", "sdt=2")
    assert found.code == 2
    assert "'sdt'" in found.errors
    assert "did you mean 'std'" in found.errors
    assert "give --dataset NAME too" in call(*arguments, "--data", "mean=0.5").errors
    assert "is not KEY=VALUE" in call(*arguments, "--dataset", "digits", "--data", "mean").errors
    assert call(*arguments, "--dataset", "digits", "--json").document["verified"]["samples"] == 13
    narrow = capture(nn.Sequential(nn.Flatten(), nn.Linear(49, 3)), (torch.randn(2, 1, 7, 7),))
    narrow.save(tmp_path / "narrow")
    other = ["export", tmp_path / "narrow", "--to", "c", "--out", tmp_path / "d", "--dataset", "digits"]
    assert "has samples of the shape [1, 8, 8], the model takes [1, 7, 7]" in call(*other).errors


def test_nothing_is_left_behind_by_a_failed_export(tmp_path: Path) -> None:
    graph = ModelGraph("bad")
    graph.set_outputs([graph.add("sin", [graph.add_input("x", ("N", 4))])])
    graph.save(tmp_path / "graph")
    found = call("export", tmp_path / "graph", "--to", "c", "--out", tmp_path / "c")
    assert found.code != 0
    assert "has no kernel" in found.errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph"]


def test_samples_of_large_models_are_not_all_interpreted() -> None:
    from nadoo_c.verifying import chosen_rows

    assert list(chosen_rows(100, 10)) == [*range(92, 100), 0, 1]
    assert np.array_equal(chosen_rows(3, 3), [0, 1, 2])


def test_the_plain_kernels_are_rows_like_any_other() -> None:
    from nadoo_c.plain import PLAIN_OPERATORS
    from nadoo_graphs.lowered import standard_rules

    assert sorted(PLAIN_OPERATORS) == sorted(standard_rules())
