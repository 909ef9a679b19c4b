"""The leaf module that a dropout becomes; rows are read without torch, so it stands apart."""

from typing import Any

from torch import Tensor, nn


class Dropout(nn.Module):
    """Drops elements, or whole channels, while its module trains, or always."""

    def __init__(self, overload: Any, p: float, always: bool) -> None:
        super().__init__()
        self.overload = overload
        self.p = p
        self.always = always

    def forward(self, x: Tensor) -> Tensor:
        """Draw what to drop from torch's own generator, so that a seed gives what it gave before capture."""
        return self.overload(x, self.p, self.training or self.always)
