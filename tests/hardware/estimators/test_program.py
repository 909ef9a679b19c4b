"""The memory of a microcontroller is that of the lowered program, and of the graph where there is none."""

import pytest
import torch
from torch import nn

from nadoo_c.exporting import Options, compile_unit
from nadoo_c.kernels import KernelTable
from nadoo_core.cost import Device, estimate, estimators_of, find_device
from nadoo_core.registry import Registry
from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered.sizing import footprint
from nadoo_hardware.estimators.analytic import analytic
from nadoo_hardware.scoring import Scorer
from tests.graphs.ops.quantized.samples import Grower


def separable() -> ModelGraph:
    """A chain that runs channel by channel, so that its arena is smaller than any plan of the graph's values."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(), nn.MaxPool2d(2)
    )
    return capture(module, (torch.randn(2, 1, 12, 12),))


def device(name: str) -> Device:
    return find_device(name, Registry.of())


@pytest.mark.parametrize("seed", range(6))
def test_ram_and_constants_are_those_of_the_exported_program(seed: int) -> None:
    grower = Grower(seed)
    value = grower.convolution(grower.input(2, 6, 6)) if seed % 2 else grower.input(2, 6, 6)
    grower.finish(grower.linear(grower.flat(value)))
    unit = compile_unit(grower.graph, Options(core="plain"), KernelTable())
    found = footprint(grower.graph)
    assert found.arena_bytes == unit.program.arena_bytes
    assert found.border_bytes == sum(buffer.bytes for _, buffer, _ in unit.parameters())
    assert found.constants_bytes == sum(buffer.bytes for buffer in unit.flash)
    cost = analytic(grower.graph, device("stm32f401"))
    assert cost.ram.value == cost.ram.low == found.ram_bytes
    assert cost.flash.value is not None
    assert cost.flash.value > found.constants_bytes


def test_what_runs_channel_by_channel_needs_less_than_the_graph() -> None:
    graph = separable()
    small, large = analytic(graph, device("stm32f401")), analytic(graph, device("raspberry-pi-4"))
    assert small.ram.value is not None
    assert large.ram.value is not None
    assert small.ram.value < large.ram.value
    assert any("RAM as C has it: arena" in note for note in small.notes)


def test_what_cannot_be_lowered_is_planned_in_the_graph_and_says_why() -> None:
    graph = capture(nn.ConvTranspose2d(1, 1, 2), (torch.randn(2, 1, 4, 4),))
    cost = analytic(graph, device("stm32f401"))
    assert cost.ram.known
    assert "which cannot be lowered: node 'conv_transpose2d' (conv_transpose2d) has no kernel" in " ".join(cost.notes)


def test_what_is_far_too_large_is_not_lowered() -> None:
    graph = capture(nn.Linear(1000, 600), (torch.randn(2, 1000),))
    cost = estimate(graph, device("ch32v003"), estimators_of(Registry.of(), ["analytic"]))
    assert any("far too large to be lowered" in note for note in cost.notes)


def test_a_score_counts_the_same_constants() -> None:
    graph = separable()
    cost = analytic(graph, device("stm32f401"))
    assert Scorer(graph, device("stm32f401")).score({}).flash == cost.flash
