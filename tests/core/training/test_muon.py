"""Muon: its steps have one size in every direction, what is no matrix steps as Adam does, and it learns."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nadoo_core.training import Trainer
from nadoo_core.training.muon import Muon, is_matrix, orthogonal
from tests.core.training.small import network, options, train, validation


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 24), columns=st.integers(1, 24), seed=st.integers(0, 1000), size=st.floats(1e-3, 1e3))
def test_a_matrix_becomes_nearly_orthogonal_whatever_its_size(rows: int, columns: int, seed: int, size: float) -> None:
    """Singular values that are not tiny end between 0.6 and 1.3, in the directions that they had."""
    generator = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=generator))[0]
    right = torch.linalg.qr(torch.randn(columns, columns, generator=generator))[0]
    count = min(rows, columns)
    values = torch.linspace(1, 0.5, count)
    matrix = size * left[:, :count] @ torch.diag(values) @ right[:, :count].T
    found = orthogonal(matrix)
    inside = left[:, :count].T @ found @ right[:, :count]
    assert found.shape == matrix.shape
    assert ((inside.diagonal() > 0.6) & (inside.diagonal() < 1.3)).all()
    assert torch.allclose(inside, torch.diag(inside.diagonal()), atol=1e-3)


def test_no_gradient_at_all_moves_nothing() -> None:
    assert torch.equal(orthogonal(torch.zeros(3, 5)), torch.zeros(3, 5))


@pytest.mark.parametrize(("shape", "matrix"), [
    ((3, 4), True), ((8, 4, 3, 3), True), ((8, 1, 3, 3), False), ((5,), False), ((), False),
])  # fmt: skip
def test_what_mixes_inputs_is_a_matrix(shape: tuple[int, ...], matrix: bool) -> None:
    assert is_matrix(torch.zeros(shape)) is matrix


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_what_is_no_matrix_steps_as_adam_does(decay: float) -> None:
    ours, theirs = (nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    muon = Muon([ours], lr=0.1, weight_decay=decay)
    adam = torch.optim.AdamW([theirs], lr=0.1, weight_decay=decay)
    for step in range(5):
        for parameter, optimizer in ((ours, muon), (theirs, adam)):
            parameter.grad = torch.tensor([0.5, -1.0, 2.0]) * (step - 2)
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_matrix_moves_as_far_as_adam_would_move_it() -> None:
    """So that one rate serves both: the typical entry of a step is a fifth of the rate."""
    parameter = nn.Parameter(torch.zeros(40, 30))
    optimizer = Muon([parameter], lr=0.01)
    parameter.grad = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    assert float(parameter.detach().square().mean().sqrt()) == pytest.approx(0.2 * 0.01, rel=0.25)


def test_what_has_no_gradient_stays() -> None:
    parameter = nn.Parameter(torch.ones(2, 2))
    Muon([parameter], lr=1.0, weight_decay=0.5).step()
    assert torch.equal(parameter.detach(), torch.ones(2, 2))


def test_a_training_with_it_learns() -> None:
    log = Trainer(network(), options(optimizer="muon", epochs=8)).fit(train(), validation())
    assert log.last.loss < log.records[0].loss and log.last.accuracy is not None and log.last.accuracy > 0.8
