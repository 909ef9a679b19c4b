"""Muon: steps of equal size in every direction that a matrix has, and Adam's steps for whatever is no matrix.

torch's own rounds to bfloat16, which processors without such instructions compute ten times slower.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, optim

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that moves singular values between 0 and 1 near to 1; the fastest that is known."""
ROUNDS = 5
TINY = 1e-7
ALIKE = 0.2
"""The typical size of an entry of Adam's step, by which one rate serves both."""
BETAS, EPSILON = (0.9, 0.999), 1e-8
AVERAGE, SQUARES, COUNT = "average", "squares", "count"


class Muon(optim.Optimizer):
    """Momentum, made orthogonal for matrices; kernels of convolutions count as one row an output."""

    def __init__(self, params: Iterable[Any], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    change = self.change(parameter, parameter.grad, group["momentum"])
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(change, alpha=group["lr"])

    def change(self, parameter: Tensor, gradient: Tensor, momentum: float) -> Tensor:
        """What a rate of one would take away, as large for a matrix as for anything else."""
        if is_matrix(parameter):
            return matrix_change(self.state[parameter], gradient, momentum)
        return other_change(self.state[parameter], gradient)


def matrix_change(state: dict[str, Tensor], gradient: Tensor, momentum: float) -> Tensor:
    """The orthogonal matrix nearest to the momentum one step ahead, as large as a step of Adam."""
    average = state.setdefault(AVERAGE, torch.zeros_like(gradient))
    average.lerp_(gradient, 1 - momentum)
    ahead = gradient.lerp(average, momentum).flatten(1)
    return (orthogonal(ahead) * (ALIKE * max(ahead.shape) ** 0.5)).reshape(gradient.shape)


def other_change(state: dict[str, Tensor], gradient: Tensor) -> Tensor:
    """A step of Adam."""
    average = state.setdefault(AVERAGE, torch.zeros_like(gradient))
    squares = state.setdefault(SQUARES, torch.zeros_like(gradient))
    count = state.setdefault(COUNT, torch.zeros((), dtype=torch.float64))
    first, second = BETAS
    average.lerp_(gradient, 1 - first)
    squares.lerp_(gradient.square(), 1 - second)
    number = float(count.add_(1))
    spread = (squares / (1 - second**number)).sqrt_().add_(EPSILON)
    return average / (1 - first**number) / spread


def is_matrix(parameter: Tensor) -> bool:
    """Whether a parameter mixes inputs; kernels of single channels and biases do not."""
    return parameter.dim() > 1 and parameter.shape[1] > 1


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearly the orthogonal factor of a matrix, by Newton and Schulz."""
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.t() if tall else matrix
    found = found / (found.square().sum().sqrt() + TINY)
    first, third, fifth = COEFFICIENTS
    for _ in range(ROUNDS):
        square = found @ found.t()
        found = torch.addmm(found, torch.addmm(square, square, square, beta=third, alpha=fifth), found, beta=first)
    return found.t() if tall else found
