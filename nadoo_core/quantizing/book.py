"""What clip rules need to know of a format: its levels, its step, and which number in code units a clip stands for.

A clip is the magnitude at the end of the code book as the format counts it: behind the last of the levels ±½, ±1½, …
lies half a step more, so that no weight up to the clip is further than half a step from a level.
"""

from functools import cached_property

import torch
from attrs import frozen

from nadoo_graphs.errors import Code, FormatError, Problem
from nadoo_graphs.formats import Format

SIGNS = 2
UNIFORM = 1e-9


@frozen
class Book:
    """The levels of a format at scale 1, ascending, and what follows from them."""

    name: str
    levels: torch.Tensor
    reach: float
    """The number at scale 1 that the clip stands for: scale = clip / reach."""

    @classmethod
    def of(cls, row: Format) -> "Book":
        """The levels of a format that has such; floating point has none and needs no clip."""
        levels = row.levels()
        if levels is None:
            message = "its levels cannot be listed, so there is nothing to clip; give an integer or code-book format"
            raise FormatError(Problem(Code.DATA, f"format {row.name!r}", message))
        return cls(row.name, torch.tensor([float(level) for level in levels], dtype=torch.float64), row.reach)

    @cached_property
    def largest(self) -> float:
        """The largest magnitude of a level."""
        return float(self.levels.abs().max())

    @cached_property
    def step(self) -> float | None:
        """The distance of neighbouring levels, or None where it differs."""
        if len(self.levels) < SIGNS:
            return None
        gaps = self.levels.diff()
        return float(gaps[0]) if bool((gaps - gaps[0]).abs().max() <= UNIFORM * self.largest) else None

    @cached_property
    def has_zero(self) -> bool:
        """Whether one of the levels is zero."""
        return bool((self.levels == 0).any())

    @cached_property
    def bits(self) -> float:
        """How many bits of uniform steps between minus and plus the clip: the B of OCTAV, which need not be whole."""
        count = len(self.levels) if self.step is None else 2 * self.reach / self.step
        return float(torch.log2(torch.tensor(float(max(count, SIGNS)), dtype=torch.float64)))

    @cached_property
    def signed(self) -> bool:
        """Whether there are negative levels."""
        return bool((self.levels < 0).any())

    @cached_property
    def midpoints(self) -> torch.Tensor:
        """Where one level gives way to the next."""
        return (self.levels[1:] + self.levels[:-1]) / 2

    def scale(self, clip: torch.Tensor) -> torch.Tensor:
        """The scale of a clip; a clip of zero, which has nothing to represent, has the scale 1."""
        scale = clip.double() / self.reach
        return torch.where(scale > 0, scale, torch.ones_like(scale))

    def clip(self, scale: torch.Tensor) -> torch.Tensor:
        """The clip of a scale; the opposite of `scale`."""
        return scale.double() * self.reach

    def nearest(self, values: torch.Tensor) -> torch.Tensor:
        """The level nearest to each value in code units, in float64."""
        if self.step is not None:
            first = float(self.levels[0])
            index = ((values.double() - first) / self.step).round().clamp(0, len(self.levels) - 1)
            return index * self.step + first
        return self.levels[torch.bucketize(values.double().contiguous(), self.midpoints)]
