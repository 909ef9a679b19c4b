"""Points on two rings, the inner one of class 0."""

import hashlib
import math
from typing import ClassVar

import torch
from attrs import frozen

from nadoo_core.data import DataError, Examples
from nadoo_core.errors import CoreCode, Problem
from nadoo_core.options import Options, option


@frozen(kw_only=True)
class Rings(Options):
    """Two classes that no line separates; made, not read, so that it is there on any machine."""

    name: ClassVar[str] = "rings"
    classes: ClassVar[tuple[str, ...]] = ("inner", "outer")

    examples: int = option(default=64, minimum=2, help="how many points train has; test has half of that")
    width: float = option(default=0.2, minimum=0.0, help="how wide the rings are")

    def load(self, split: str) -> Examples:
        """The points of train or test."""
        if split not in {"train", "test"}:
            message = f"has no split {split!r}; there are train and test"
            raise DataError(Problem(CoreCode.DATA, "dataset 'rings'", message))
        count = self.examples if split == "train" else self.examples // 2
        generator = torch.Generator().manual_seed(1 if split == "train" else 2)
        angles = 2 * math.pi * torch.rand(count, generator=generator)
        labels = torch.arange(count) % 2
        radii = 1 + labels + self.width * torch.randn(count, generator=generator)
        return Examples(torch.stack([radii * angles.cos(), radii * angles.sin()], 1), labels)

    def fingerprint(self) -> str:
        """Everything follows from the options."""
        return hashlib.sha256(f"rings 1 {self.examples} {self.width!r}".encode()).hexdigest()
