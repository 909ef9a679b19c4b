"""Simulation is the integers: random graphs against the independent reference, run three ways."""

import numpy as np
import pytest
import torch

from nadoo_graphs.precision import with_dtype
from tests.graphs.ops.quantized.samples import Grower, Held, drawn


def mismatches(results: tuple[torch.Tensor, ...], values: list[Held]) -> tuple[int, int]:
    """How many codes differ, of how many."""
    wrong = total = 0
    for found, held in zip(results, values, strict=True):
        assert tuple(found.shape) == held.codes.shape
        wrong += int((found.detach().double().numpy() != held.codes).sum())
        total += found.numel()
    return wrong, total


@pytest.mark.parametrize("seed", range(12))
def test_a_random_graph_computes_its_integers(seed: int) -> None:
    """run, to_module in eval and in training, and the float64 copy: each code is the reference's."""
    grower, values = drawn(seed)
    module = grower.graph.to_module()
    wide = with_dtype(grower.graph, "float64")
    runs = (
        grower.graph.run(*grower.inputs).outputs,
        module.eval()(*grower.inputs),
        module.eval()(*grower.inputs),
        module.train()(*grower.inputs),
        wide.run(*(each.double() for each in grower.inputs)).outputs,
    )
    for results in runs:
        wrong, total = mismatches(tuple(results), values)
        assert wrong == 0, f"{wrong} of {total}"


@pytest.mark.slow
def test_a_million_outputs_without_a_mismatch() -> None:
    wrong = total = seed = 0
    while total < 1_000_000:
        grower, values = drawn(1000 + seed, side=12, batch=8)
        found = mismatches(tuple(grower.graph.to_module().train()(*grower.inputs)), values)
        wrong, total, seed = wrong + found[0], total + found[1], seed + 1
    assert (wrong, total >= 1_000_000) == (0, True)


@pytest.mark.parametrize("seed", range(6))
def test_matrix_products_and_means(seed: int) -> None:
    grower = Grower(100 + seed)
    one, two = grower.input(4, 5), grower.input(3, 5)
    values = [grower.matmul(one, two), grower.mean(one)]
    values.append(grower.lookup(values[0], "square"))
    grower.finish(*values)
    for results in (grower.graph.run(*grower.inputs).outputs, grower.graph.to_module().train()(*grower.inputs)):
        assert mismatches(tuple(results), values)[0] == 0


def test_training_and_evaluation_agree_after_a_step() -> None:
    """What evaluation remembers is given up as soon as a tensor has changed, however it was changed."""
    grower, _ = drawn(3)
    module = grower.graph.to_module()
    before = [each.clone() for each in module(*grower.inputs)]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.data.mul_(-1.7)
    after = module.eval()(*grower.inputs)
    trained = module.train()(*grower.inputs)
    assert all(torch.equal(one, two) for one, two in zip(after, trained, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_the_codes_are_integers_of_the_format() -> None:
    grower, values = drawn(5)
    for found, held in zip(grower.graph.run(*grower.inputs).outputs, values, strict=True):
        assert np.array_equal(found.numpy(), np.rint(found.numpy()))
        assert grower.graph.type(held.value).format == held.format
