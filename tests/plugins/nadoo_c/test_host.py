"""Compiled C against the interpreter, bit for bit: no warnings, no undefined behaviour, nothing beside the arena."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nadoo_c.host import SANITIZERS, WARNINGS, compile_host, host_compiler
from nadoo_c.printing.data import weights_text
from nadoo_c.printing.model import Unit, header_text, model_text
from nadoo_c.verifying import same_bits
from nadoo_graphs.lowered import Program, interpret, lower
from nadoo_graphs.lowered.optimizing import optimize
from nadoo_graphs.lowered.planning import plan
from tests.graphs.lowered.networks import lowered, modules, rows
from tests.graphs.lowered.test_quantized_rules import FORMATS, layer
from tests.graphs.ops.quantized.samples import drawn

STRICT = (*WARNINGS, "-O1", *SANITIZERS)
Array = np.ndarray[Any, Any]


def compiled(program: Program, folder: Path, inputs: list[Array], flags: tuple[str, ...] = STRICT) -> None:
    """Compile, run, and compare."""
    unit = Unit(plan(program), "model")
    folder.mkdir(parents=True)
    (folder / "model.c").write_text(model_text(unit))
    (folder / "model.h").write_text(header_text(unit))
    (folder / "weights.c").write_text(weights_text(unit))
    found, _ = compile_host(unit, folder, folder / "build", flags, "test").run(inputs)
    for one, other, buffer in zip(found, interpret(program, inputs).outputs, unit.outputs, strict=True):
        assert same_bits(one, other.astype(buffer.kind.numpy)).all(), buffer.name


@pytest.mark.parametrize("name", ["perceptron", "image", "lstm", "gru", "moves", "bilinear", "gelu", "layer"])
def test_floats_keep_their_bits(name: str, tmp_path: Path) -> None:
    _, program, samples = lowered(name)
    compiled(optimize(program), tmp_path / name, [rows(samples)])


@pytest.mark.slow
@pytest.mark.parametrize("name", list(modules()))
def test_every_float_rule_keeps_its_bits(name: str, tmp_path: Path) -> None:
    _, program, samples = lowered(name)
    special = rows(samples).copy()
    special[0, :4] = [0.0, -0.0, 1e-40, 30.0]
    for label, made, flags in (("plain", program, STRICT), ("fast", optimize(program), ("-O3",))):
        compiled(made, tmp_path / label, [special], flags)


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_of_codes(seed: int, tmp_path: Path) -> None:
    grower, _ = drawn(600 + seed)
    program = optimize(lower(grower.graph, border="float"))
    compiled(program, tmp_path / "c", [rows(values) for values in grower.inputs])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100))
def test_a_hundred_random_graphs(seed: int, tmp_path: Path) -> None:
    grower, _ = drawn(1000 + seed, side=8)
    program = optimize(lower(grower.graph, border="float"))
    compiled(program, tmp_path / "c", [rows(values) for values in grower.inputs], ("-O2",))


@pytest.mark.parametrize(
    "name", ["int8", "4bitsym", "5bitsym", "ternary", "ternary20", "nf4", "23level", "binary", "fp130"]
)
def test_formats_are_read_from_flash(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    graph = layer(name, "quantized_linear", (5, 37), (37,))
    codes = random.integers(-127, 128, (4, 37)).astype(np.int8)
    codes[0], codes[1] = 127, -127
    compiled(optimize(lower(graph)), tmp_path / "c", [codes])


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_all_formats_are_read_from_flash(name: str, tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(-127, 128, (4, 37)).astype(np.int8)
    compiled(optimize(lower(layer(name, "quantized_linear", (5, 37), (37,)))), tmp_path / "c", [codes])


def test_a_missing_compiler_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import nadoo_c.host as host

    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    monkeypatch.setattr(host, "find_spec", lambda name: None)
    with pytest.raises(host.CompileError, match=r"nadoo\[emulator\]"):
        host_compiler()
