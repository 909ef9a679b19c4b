"""Recurrent layers: quantized from end to end, exported as C, trained over codes; what stays in float is said."""

from pathlib import Path

import pytest
import torch
from torch import nn

import nadoo_core as nadoo
from nadoo_c.exporting import Options, export
from nadoo_core.data import Examples
from nadoo_core.passes import LayerTable
from nadoo_core.quantizing import ClipHook, make_rule, quantized_weights
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.channels import analyse_channels, remove_channels
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.quantize import Quantize
from tests.plugins.nadoo_quantization.networks import context, decibels

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN}


class Sequences(nn.Module):
    """A recurrent layer, and a linear one that reads its last output or its last state."""

    def __init__(self, cell: str, layers: int = 1, bidirectional: bool = False, states: bool = False) -> None:
        super().__init__()
        self.cell = CELLS[cell](4, 6, layers, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(12 if bidirectional and not states else 6, 3)
        self.states = states

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A sequence to classes."""
        outputs, state = self.cell(x)
        last = state[0] if isinstance(state, tuple) else state
        return self.head(torch.tanh(last[-1]) if self.states else outputs[:, -1])


def sequences(count: int = 64, seed: int = 0) -> torch.Tensor:
    """Sequences of five steps."""
    return torch.randn(count, 5, 4, generator=torch.Generator().manual_seed(seed))


def captured(*arguments: object, **options: bool) -> ModelGraph:
    """The graph of such a network."""
    torch.manual_seed(0)
    return nadoo.capture(Sequences(*arguments, **options).eval(), sequences(2))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "layers", "bidirectional", "states"),
    [("lstm", 1, False, False), ("lstm", 2, True, True), ("gru", 2, False, False), ("rnn_tanh", 1, True, False)],
)
def test_a_recurrent_network_computes_on_codes(cell: str, layers: int, bidirectional: bool, states: bool) -> None:
    graph = captured(cell, layers, bidirectional=bidirectional, states=states)
    result = Quantize().run(graph, context(sequences()))
    found = result.graph
    assert found["cell"].op == f"quantized_{cell}"
    assert not any("in floating point" in text and "cell" in text for text in result.record.log)
    assert decibels(graph.run(sequences(seed=1)).result, found.run(sequences(seed=1)).result) > 25


def test_its_matrices_are_in_the_report_and_follow_their_clip_while_training() -> None:
    result = Quantize(weights=LayerTable({"*": "int4"})).run(captured("lstm"), context(sequences()))
    rows = {row["layer"]: row for row in result.record.tables["layers"]}
    assert set(rows) == {"cell.weight_ih_l0", "cell.weight_hh_l0", "head"}
    assert rows["cell.weight_ih_l0"]["output_snr_db"] > 20
    assert [item.layer for item in quantized_weights(result.graph)] == ["cell", "cell", "head"]
    module = result.graph.to_module()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    hook = ClipHook(result.graph, lambda name: make_rule("max"))
    examples = Examples(sequences(), torch.randint(0, 3, (64,), generator=torch.Generator().manual_seed(0)))
    Trainer(module, TrainingOptions(epochs=2, batch=32, rate=0.01), hooks=[hook]).fit(examples)
    after = module.state_dict()
    moved = [name for name in after if not torch.equal(after[name], before[name])]
    assert {"cell.weight_ih_l0", "cell.weight_hh_l0", "cell.scale_ih_l0", "cell.bias_hh_l0"} <= set(moved)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_exported_c_is_equal_bit_for_bit(cell: str, tmp_path: Path) -> None:
    graph = Quantize(weights=LayerTable({"cell": "4bitsym", "*": "int8"})).run(captured(cell, 2), context(sequences()))
    artifact = export(graph.graph, tmp_path, Options(name="net"), [sequences(20, 2)])
    assert artifact.report["verified"]["samples"] > 20


def test_what_stays_in_floating_point_is_said() -> None:
    for step, reason in (
        (Quantize(weights=LayerTable({"cell": "float16", "*": "int8"})), "no row with weights of float16"),
        (Quantize(activations=LayerTable({"*": "none"})), "needs activations with static scales"),
    ):
        result = step.run(captured("gru"), context(sequences()))
        assert result.graph["cell"].op == "gru"
        assert any(reason in item.reason for item in result.record.refused)


def test_the_input_may_have_a_format_of_its_own() -> None:
    graph = captured("lstm")
    name = graph.inputs[0].name
    formats = LayerTable({name: "int16", "*": "int8"})
    found = Quantize(activations=formats).run(graph, context(sequences())).graph
    assert found[f"{name}.quantize"].type.format == "int16"
    assert found["cell"].type.format == "int8"


def test_matrices_are_rounded_by_what_they_do() -> None:
    graph, fresh = captured("lstm"), sequences(256, 3)
    wanted = graph.run(fresh).result
    found = {
        rounding: decibels(wanted, Quantize(weights=LayerTable({"*": "int3"}), rounding=rounding)  # type: ignore[arg-type]
                           .run(graph, context(sequences(512))).graph.run(fresh).result)
        for rounding in ("nearest", "auto")
    }  # fmt: skip
    assert found["auto"] > found["nearest"] + 0.5


@pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("gru", 2)])
def test_hidden_units_can_be_removed_with_the_scales_of_their_rows(cell: str, layers: int) -> None:
    found = Quantize().run(captured(cell, layers), context(sequences())).graph
    channels = analyse_channels(found)
    remove_channels(found, channels, channels.groups[-1].units[[1, 3]])
    node = found["cell"]
    for role in ("weight_hh_l0", "scale_hh_l0", "bias_ih_l0"):
        assert found.tensor(node.tensors[role]).shape[0] == 4 * (4 if cell == "lstm" else 3)
    assert found.run(sequences()).result.shape == (64, 3)
