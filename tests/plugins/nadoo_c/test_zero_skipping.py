"""Layers that skip zeros: packed as they are read, equal to the plain loops bit for bit, and much cheaper."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nadoo_c.exporting import Artifact, Options, compile_unit, export
from nadoo_c.host import SANITIZERS, WARNINGS, compile_host
from nadoo_c.kernels import KernelTable
from nadoo_c.printing.data import weights_text
from nadoo_c.printing.model import Unit, header_text, model_text
from nadoo_c.verifying import same_bits
from nadoo_c.zero_skipping.columns import Columns
from nadoo_c.zero_skipping.rows import FORMATS, zero_skipping_kernels
from nadoo_core.registry import Registry
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import interpret

NAMES = [name for names in FORMATS.values() for name in names]
TABLE = KernelTable.of(Registry.of())
BY = "a kernel of its own"


def network(name: str, features: int = 37, outputs: int = 13, **options: Any) -> ModelGraph:
    """Codes with a zero point into a layer; `given` is their format, `mode` how sums become codes."""
    random = np.random.default_rng(features + outputs)
    graph = ModelGraph(f"{name}_{features}_{outputs}")
    value = graph.add_input("x", ("N", *options.get("rows", ()), features))
    point = {} if options.get("point") is None else {"zero_point": torch.tensor(options["point"], dtype=torch.int32)}
    codes = graph.add(
        "quantize", [value], format=options.get("given", "int8"), tensors={"scale": torch.tensor(0.05), **point}
    )
    scale = float(standard_formats()[name].scale_of(2.0))
    scales = torch.from_numpy(random.uniform(0.5, 1.5, outputs).astype(np.float32)) * scale
    tensors = {
        "weight": torch.from_numpy(random.normal(size=(outputs, features)).astype(np.float32)),
        "weight_scale": scales if options.get("per_output") else torch.tensor(scale),
        "bias": torch.from_numpy(random.normal(size=outputs).astype(np.float32)),
        "input_scale": torch.tensor(0.05),
    } | {f"input_{role}": tensor for role, tensor in point.items()}
    mode = options.get("mode", "none")
    made: dict[str, Any] = {"output_format": "int32", "requantize": "none"}
    if mode != "none":
        tensors |= {"output_scale": torch.tensor(0.1), "output_zero_point": torch.tensor(3, dtype=torch.int32)}
        made = {"output_format": "uint8", "requantize": mode, "minimum": 3}
    graph.set_outputs([graph.add("quantized_linear", [codes], tensors=tensors, weight_format=name, **made)])
    return graph


def exported(graph: ModelGraph, folder: Path, **options: Any) -> Artifact:
    """A verified folder: the interpreter and the C at two levels agree on samples and extremes."""
    folder.mkdir()
    return export(graph, folder, Options(name="net", **options), table=TABLE)


matrices = arrays.arrays(np.int32, st.tuples(st.integers(1, 20), st.integers(1, 9)), elements=st.integers(0, 15))


@settings(max_examples=30, deadline=None)
@given(matrices, st.integers(-20, 20), st.integers(1, 5))
def test_columns_hold_every_level_where_it_is_read(levels: Any, offset: int, step: int) -> None:
    integers = offset + step * levels
    columns = Columns.of(integers, 4)
    assert columns is not None
    assert np.array_equal(columns.offset + columns.step * columns.levels, integers)
    outputs, features = integers.shape
    words = columns.packed(4).reshape(columns.groups, features)
    for output in range(outputs):
        read = (words[output // 8] >> (output % 8 * 4)) & 15
        assert np.array_equal(read, columns.levels[output])
    product = 127 * int(columns.levels.max())
    assert columns.turns(127) * product <= 65535
    assert not product or (columns.turns(127) + 1) * product > 65535


def test_levels_that_lie_unevenly_have_no_columns() -> None:
    assert Columns.of(np.array([[1, 2, 4, 8, 32]]), 4) is None
    assert Columns.of(np.array([[-7, -5, 9]]), 4) is not None
    assert Columns.of(np.array([[5, 5]]), 2) is not None


@pytest.mark.parametrize("name", NAMES)
def test_every_format_is_equal_bit_for_bit(name: str, tmp_path: Path) -> None:
    artifact = exported(network(name, point=-20), tmp_path / "c")
    assert artifact.report["kernels"][0]["written_by"] == BY
    assert len(zero_skipping_kernels()) == len(NAMES)


@pytest.mark.parametrize(
    "options",
    [
        {"given": "uint8", "point": 0, "mode": "double"},
        {"given": "uint8", "point": 200, "mode": "single", "per_output": True},
        {"given": "int8", "point": -128, "mode": "double", "per_output": True},
        {"given": "int8", "point": None, "mode": "shift", "rows": (3,)},
        {"given": "int4", "point": 7, "mode": "double", "features": 150, "outputs": 8},
        {"given": "uint8", "point": 0, "mode": "double", "features": 256, "outputs": 9},
        {"given": "uint8", "point": 0, "mode": "double", "features": 257, "outputs": 9},
        {"given": "int8", "point": None, "mode": "single", "features": 300, "outputs": 4},
    ],
)
def test_inputs_and_requantizations_are_equal_without_undefined_behaviour(options: Any, tmp_path: Path) -> None:
    graph = network("4bitsym", **options)
    unit = compile_unit(graph, Options(name="model"), TABLE)
    assert unit.written
    for name, text in (("model.c", model_text), ("model.h", header_text), ("weights.c", weights_text)):
        (tmp_path / name).write_text(text(unit))
    random = np.random.default_rng(0)
    buffer = unit.inputs[0]
    low, high = buffer.kind.bounds
    inputs = random.integers(low, high, (12, buffer.length), endpoint=True).astype(buffer.kind.numpy)
    inputs[:6][random.random((6, buffer.length)) < 0.7] = options["point"] or 0
    flags = (*WARNINGS, "-O1", *SANITIZERS)
    found, _ = compile_host(unit, tmp_path, tmp_path / "build", flags, "test").run([inputs])
    wanted = interpret(unit.program, [inputs]).outputs[0].astype(unit.outputs[0].kind.numpy)
    assert same_bits(found[0], wanted).all()


@pytest.mark.parametrize(
    "graph",
    [
        network("nf4"),
        network("4bitsym", given="int16"),
        network("4bitsym", features=1025),
        network("4bitsym", outputs=3),
        network("int8"),
    ],
)
def test_what_does_not_fit_is_left_to_the_plain_loops(graph: ModelGraph) -> None:
    assert not compile_unit(graph, Options(), TABLE).written


def test_what_follows_a_layer_does_not_keep_it_from_skipping() -> None:
    graph = network("4bitsym")
    graph.set_outputs([graph.add("dequantize", [graph.outputs[0]], tensors={"scale": torch.tensor(0.1)})])
    unit = compile_unit(graph, Options(border="float"), TABLE)
    assert set(unit.written) == {"run_quantized_linear"}
    assert [kernel.operator for kernel in unit.program.kernels] == ["quantize", "quantized_linear", "dequantize"]
    plain = compile_unit(graph, Options(border="float", core="plain"), TABLE)
    assert plain.program.kernels[-1].attributes["fused"] == ("dequantize",)


def test_plain_kernels_can_be_asked_for() -> None:
    assert not compile_unit(network("4bitsym"), Options(core="plain"), TABLE).written
    unit = compile_unit(network("4bitsym"), Options(core="m4"), TABLE)
    assert {buffer.name for buffer in unit.flash} == {
        "run_quantized_linear_columns", "run_quantized_linear_starts"
    }  # fmt: skip
    assert unit.program.arena_bytes == 76, "two bytes for each of 37 inputs, in words"
    assert compile_unit(network("4bitsym", features=257), Options(), TABLE).program.arena_bytes == 4 * 257


def counted(unit_graph: ModelGraph, folder: Path, core: str, kernels: str, share: float) -> int:
    """Instructions of one inference on a core, with a share of the inputs not zero."""
    samples = torch.zeros(2, 256)
    samples[:, : round(256 * share)] = torch.arange(1, 1 + round(256 * share)) % 6 + 0.35
    folder.mkdir()
    options = Options(name="net", core=kernels, emulate=(core,))
    report = export(unit_graph, folder, options, [samples], TABLE).report
    return int(report["emulated"][core]["instructions"])


@pytest.mark.slow
@pytest.mark.parametrize("core", ["m0", "m3", "m4", "m7", "m33", "rv32imc", "rv32emc", "rv32ec"])
@pytest.mark.parametrize("name", ["4bitsym", "2bitsym"])
def test_a_layer_costs_what_its_inputs_are_and_less_than_dense_loops(core: str, name: str, tmp_path: Path) -> None:
    graph = network(name, features=256, outputs=64, point=0)
    few = counted(graph, tmp_path / "few", core, "any", 0.4)
    all_of_them = counted(graph, tmp_path / "all", core, "any", 1.0)
    plain = counted(graph, tmp_path / "plain", core, "plain", 0.4)
    assert few < 0.55 * all_of_them
    assert few < 0.55 * plain


def test_a_row_is_not_asked_to_write_what_it_does_not_fit() -> None:
    from nadoo_c.zero_skipping.skip_zeros import FOUR_BIT_LAYERS

    unit: Unit = compile_unit(network("int8"), Options(), TABLE)
    kernel = unit.program.kernels[0]
    assert not FOUR_BIT_LAYERS.fits(kernel)
    with pytest.raises(ValueError, match="does not fit 4 bits"):
        FOUR_BIT_LAYERS.write(kernel)
