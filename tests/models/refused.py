"""Models that no graph can hold: what they compute next depends on the values that they have computed.

In each exactly one line, the one that a refusal has to name, ends in the marker.
"""

import torch
from torch import Tensor, nn

from tests.models.case import BATCH, Refusal, normal


class DataDependentIf(nn.Module):
    """A branch chosen by the values of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.positive = nn.Linear(8, 4)
        self.negative = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:  # refused here
            return self.positive(x)
        return self.negative(x)


class NestedIf(nn.Module):
    """A branch inside a submodule, whose line and not its caller's is to blame."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.limit = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.limited(self.layer(x))

    def limited(self, x: Tensor) -> Tensor:
        """Halve what has grown too long."""
        return x / 2 if x.norm() > self.limit else x  # refused here


class DataDependentLoop(nn.Module):
    """A loop that ends when the values are small enough."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        while x.abs().max() > 0.1:  # refused here
            x = self.layer(x) / 8
        return x


class CountedLoop(nn.Module):
    """As many steps as a value says."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(int(x.argmax())):  # refused here
            x = self.layer(x)
        return x


class ThroughNumpy(nn.Module):
    """A detour through NumPy, which no trace can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        values = x.detach().numpy()  # refused here
        return self.layer(torch.from_numpy(values * 2))


class ListOfValues(nn.Module):
    """Values read into a Python list."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        largest = max(x.flatten().tolist())  # refused here
        return self.layer(x) / largest


ROWS = normal((BATCH, 8))

REFUSED = (
    Refusal("data_dependent_if", DataDependentIf, ROWS, "torch.where or torch.cond is the way out"),
    Refusal("nested_if", NestedIf, ROWS, "the line is in a method that forward calls"),
    Refusal("data_dependent_loop", DataDependentLoop, ROWS, "a fixed number of steps is the way out"),
    Refusal("counted_loop", CountedLoop, ROWS),
    Refusal("through_numpy", ThroughNumpy, ROWS),
    Refusal("list_of_values", ListOfValues, ROWS),
)
