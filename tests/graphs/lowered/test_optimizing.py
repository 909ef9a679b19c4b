"""Optimizations change no bit, change nothing twice, and do what they are named for."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.lowered import Kind, Program, check, interpret, lower
from nadoo_graphs.lowered.expressions import Name, Number, Operation
from nadoo_graphs.lowered.optimizing import OPTIMIZATIONS, optimize
from nadoo_graphs.lowered.optimizing.folding import folded
from nadoo_graphs.lowered.optimizing.simplification import simpler
from nadoo_graphs.lowered.optimizing.strength import cheaper
from nadoo_graphs.lowered.planning import plan
from nadoo_graphs.lowered.statements import all_parts
from nadoo_graphs.lowered.text import text
from tests.graphs.lowered.networks import lowered, rows
from tests.graphs.ops.quantized.samples import drawn

NETWORKS = ("perceptron", "image", "signal", "lstm", "moves")


@cache
def programs() -> list[tuple[Program, list[np.ndarray]]]:
    found = []
    for name in NETWORKS:
        _, program, samples = lowered(name)
        found.append((program, [rows(samples)]))
    for seed in range(3):
        grower, _ = drawn(400 + seed)
        found.append((lower(grower.graph, border="float"), [rows(values) for values in grower.inputs]))
    return found


@pytest.mark.parametrize("name", [*OPTIMIZATIONS, "all"])
def test_no_bit_changes_and_nothing_changes_twice(name: str) -> None:
    optimization = optimize if name == "all" else OPTIMIZATIONS[name]
    for program, inputs in programs():
        better = optimization(program)
        for one, other in zip(interpret(program, inputs).outputs, interpret(better, inputs).outputs, strict=True):
            assert np.array_equal(one.view(np.uint8), other.view(np.uint8))
        assert text(optimization(better)) == text(better)
        assert len(better.kernels) <= len(program.kernels)


class Doubled(nn.Module):
    """The same work twice, and work that nobody wants."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * self.layer(x).relu()


def test_duplicates_are_computed_once() -> None:
    program = lower(capture(Doubled(), (torch.randn(1, 4),)))
    merged = OPTIMIZATIONS["merge-duplicates"](program)
    assert [kernel.operator for kernel in program.kernels].count("linear") == 2
    assert [kernel.operator for kernel in merged.kernels].count("linear") == 1
    assert merged.flash_bytes == program.flash_bytes // 2


def test_an_activation_is_computed_where_the_layer_stores() -> None:
    program = lower(capture(nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)), (torch.randn(1, 4),)))
    fused = optimize(program)
    assert [kernel.operator for kernel in fused.kernels] == ["linear", "linear"]
    assert fused.kernels[0].attributes["fused"] == ("gelu",)


def test_chains_of_channels_run_depth_first() -> None:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3, groups=16, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, groups=16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    program = lower(capture(nn.Sequential(*layers).eval(), (torch.randn(1, 1, 12, 12),)))
    better = optimize(program)
    check(plan(better))
    assert len(better.kernels) == 2
    assert plan(better).arena_bytes * 8 < plan(program).arena_bytes
    sample = np.random.default_rng(0).normal(size=(2, 144)).astype(np.float32)
    one, other = (interpret(made, [sample]).outputs[0] for made in (program, better))
    assert np.array_equal(one.view(np.uint8), other.view(np.uint8))


def test_constants_are_folded() -> None:
    assert folded(Number(3) + 4) == Number(7)
    assert folded(Number(7) % 0) == Number(7) % 0
    assert folded(Operation("mul", (Number(1 << 30), Number(4)), Kind.I32)).kind is Kind.I32


def test_algebra() -> None:
    x, f = Name("x"), Name("f", Kind.F32)
    assert simpler(x + 0) == x
    assert simpler(x * 1) == x
    assert simpler(x * 0) == Number(0)
    assert simpler(f * 1.0) == f
    assert simpler(f + 0.0) == f + 0.0, "it would turn -0 into 0"


def test_divisions_by_powers_of_two() -> None:
    counter = Name("k")
    assert not isinstance(cheaper(counter // 8, {"k"}), Operation) or cheaper(counter // 8, {"k"}) != counter // 8
    assert cheaper(counter % 8, {"k"}) == Operation("and", (counter, Number(7)), Kind.I32)
    assert cheaper(counter // 8, set()) == counter // 8, "it might be negative"
    assert cheaper(counter // 6, {"k"}) == counter // 6


def test_what_nobody_reads_is_removed() -> None:
    _, program, _ = lowered("perceptron")
    spare = program.with_buffers({**program.buffers, "spare": program.buffers[program.inputs[0]]})
    assert "spare" not in OPTIMIZATIONS["remove-dead-code"](spare).buffers


def test_no_division_is_left_in_packed_loops() -> None:
    from tests.graphs.lowered.test_quantized_rules import layer

    program = optimize(lower(layer("4bitsym", "quantized_conv2d", (4, 3, 3, 3), (3, 6, 6))))
    ops = {part.op for kernel in program.kernels for part in all_parts(kernel.body) if isinstance(part, Operation)}
    assert not ops & {"div", "mod"}
