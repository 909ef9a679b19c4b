"""Exact codes in the place of their smooth counterparts: the value of the one, the gradient of the other."""

from collections.abc import Callable
from typing import Any, cast

import torch

Tensors = Callable[[], torch.Tensor]


class Substitute(torch.autograd.Function):
    """Hands out exact codes; the gradient reaches the smooth ones where those are not clamped."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        context: Any, smooth: torch.Tensor, exact: torch.Tensor, low: float, high: float
    ) -> torch.Tensor:
        """The exact codes."""
        context.save_for_backward((smooth > low) & (smooth < high))
        context.dtype = smooth.dtype
        return exact.view_as(exact)

    @staticmethod
    def backward(context: Any, *gradients: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What was not clamped."""
        (inside,) = context.saved_tensors
        return (gradients[0] * inside).to(context.dtype), None, None, None


def substituted(
    exact: Tensors, smooth: Tensors, low: float = float("-inf"), high: float = float("inf")
) -> torch.Tensor:
    """Exact codes; the smooth ones are computed only if a gradient may ask for them."""
    with torch.no_grad():
        codes = exact()
    if not torch.is_grad_enabled():
        return codes
    return cast(torch.Tensor, Substitute.apply(smooth(), codes, low, high))


def in_steps(real: torch.Tensor, step: torch.Tensor, codes: torch.Tensor, point: int, rule: str) -> torch.Tensor:
    """Real numbers as smooth codes; by PACT's rule a step learns only from what is clamped."""
    if rule != "pact":
        return real / step + point
    fixed = step.detach()
    return real / fixed + point - (codes.detach() - point) / fixed * (step - fixed)
