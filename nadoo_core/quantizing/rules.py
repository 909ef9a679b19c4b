"""Clip rules: by name, how the magnitude at the end of a code book follows from the weights.

A rule is a frozen class of options with one method, and a plugin's rule is one more of them. What changes while a
model trains, such as a clip that decays, follows from the epoch.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from attrs import frozen

from nadoo_core.options import Options, option
from nadoo_core.quantizing.book import Book
from nadoo_core.quantizing.divergence import divergence_clip
from nadoo_core.quantizing.mean_square import mean_square_clip
from nadoo_core.quantizing.octav import exact_octav, newton_octav
from nadoo_core.quantizing.rows import portions, require_rows

SIGNS = 2


@frozen(kw_only=True)
class ClipRule(Options, ABC):
    """The base of every rule: say in `clips` how, and in the class's docstring when to choose it."""

    learns: ClassVar[bool] = False
    """Whether training moves the scale itself, so that no rule derives it again."""

    @property
    def option_place(self) -> str:
        """How messages name the rule."""
        return f"clip rule {type(self).__name__}"

    @abstractmethod
    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The clip of each row in float64, 0 for a row of zeros; rows are finite and not empty."""


@frozen(kw_only=True)
class Proportional(ClipRule):
    """The mean magnitude over a constant: cheap, and what BitNetMCU's figures were made with."""

    quantscale: float = option(default=0.25, above=0, help="the constant; 0.2 to 0.4 is useful")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """mean|w| / quantscale."""
        return mean_magnitude(rows) / self.quantscale


@frozen(kw_only=True)
class Maximum(ClipRule):
    """The largest magnitude: nothing is clipped, and outliers cost everybody resolution."""

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """max|w|."""
        require_rows(rows, "rows")
        return rows.detach().abs().amax(1).double()


@frozen(kw_only=True)
class AbsoluteMean(ClipRule):
    """The mean magnitude: the best level of signs and the rule of ternary weights."""

    centred: bool = option(default=False, help="measure from the mean, as signs around the mean are")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """mean|w| or mean|w − μ|."""
        require_rows(rows, "rows")
        values = rows.detach().double()
        return mean_magnitude(values - values.mean(1, keepdim=True) if self.centred else values)


@frozen(kw_only=True)
class Percentile(ClipRule):
    """A percentile of the magnitudes: clips a fixed share."""

    p: float = option(default=99.9, above=0, maximum=100, help="the percentile of |w|")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The p-th percentile, interpolated linearly."""
        require_rows(rows, "rows")
        return torch.cat([quantile(part.detach().double().abs(), self.p / 100) for part in portions(rows)])


@frozen(kw_only=True)
class MeanSquare(ClipRule):
    """The least square error of the quantizer as it is: the best choice where there is time for a search."""

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """A grid of 71 ratios, then golden section."""
        return mean_square_clip(rows, book)


@frozen(kw_only=True)
class Divergence(ClipRule):
    """The least Kullback-Leibler divergence of a histogram: made for activations of 8 bits."""

    stride: int = option(default=16, minimum=1, help="bins between two clips that are tried")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The upper edge of the best bin."""
        return divergence_clip(rows, stride=self.stride)


@frozen(kw_only=True)
class Octav(ClipRule):
    """Clipping and rounding errors in balance, solved exactly; it clips early below 5 bits."""

    beta: float = option(default=1.0, above=0, help="weight of the rounding error; more than 1 clips earlier")
    count_zeros: bool = option(default=False, help="count zeros among the rounded, as the original does")
    bits: float | None = option(default=None, above=0, help="the width in the formula; unset: that of the format")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The exact fixed point."""
        bits = book.bits if self.bits is None else self.bits
        return exact_octav(rows, bits, beta=self.beta, count_zeros=self.count_zeros, signed=book.signed)


@frozen(kw_only=True)
class OctavNewton(ClipRule):
    """The ten iterations of BitNetMCU, for results that must be the same as its; they may cycle."""

    beta: float = option(default=1.0, above=0, help="weight of the rounding error")
    count_zeros: bool = option(default=True, help="count zeros among the rounded")
    iterations: int = option(default=10, minimum=1, help="how often the right-hand side is evaluated")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The iteration from a quarter of the mean magnitude."""
        return newton_octav(rows, book.bits, beta=self.beta, count_zeros=self.count_zeros,
                            signed=book.signed, iterations=self.iterations)  # fmt: skip


@frozen(kw_only=True)
class Fixed(ClipRule):
    """The same number for every row, such as for the first layers while the others follow a rule."""

    value: float = option(above=0, help="the clip")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The number."""
        require_rows(rows, "rows")
        return torch.full((len(rows),), self.value, dtype=torch.float64)


@frozen(kw_only=True)
class Decaying(ClipRule):
    """From the largest magnitude down, epoch by epoch, and never below what OCTAV finds."""

    gamma: float = option(default=0.95, above=0, maximum=1, help="what the clip is multiplied by every epoch")

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """max(max|w|·γ^epoch, OCTAV)."""
        largest = Maximum().clips(rows, book)
        return torch.maximum(largest * self.gamma**epoch, Octav().clips(rows, book))


@frozen(kw_only=True)
class Learned(ClipRule):
    """Learned step sizes: training moves the scale; the start is 2·mean|w| / √Q_p steps."""

    learns: ClassVar[bool] = True

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """The clip of the step that training begins with."""
        return 2 * mean_magnitude(rows) / max(book.largest, 1.0) ** 0.5 * book.reach


@frozen(kw_only=True)
class Automatic(ClipRule):
    """The mean magnitude for signs, whose best level it is, and the least square error for all other formats."""

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """As the format asks."""
        return (sign_rule(book) or MeanSquare()).clips(rows, book, epoch)


@frozen(kw_only=True)
class AutomaticTraining(ClipRule):
    """The mean magnitude for signs, and OCTAV for all other formats.

    Where weights train along with it, the least square error ends behind OCTAV in every format of few bits.
    """

    def clips(self, rows: torch.Tensor, book: Book, epoch: int = 0) -> torch.Tensor:
        """As the format asks."""
        return (sign_rule(book) or Octav()).clips(rows, book, epoch)


def sign_rule(book: Book) -> ClipRule | None:
    """The rule of a format that has signs alone."""
    return AbsoluteMean(centred=book.name == "binary") if len(book.levels) == SIGNS else None


def mean_magnitude(rows: torch.Tensor) -> torch.Tensor:
    """mean|w| of every row, summed in float64."""
    require_rows(rows, "rows")
    return rows.detach().abs().mean(1, dtype=torch.float64)


def quantile(magnitudes: torch.Tensor, share: float) -> torch.Tensor:
    """The quantile of each row, interpolated linearly; torch's own refuses rows of more than 2²⁴ elements."""
    ordered = magnitudes.sort(1).values
    place = share * (ordered.shape[1] - 1)
    low = int(place)
    high = min(low + 1, ordered.shape[1] - 1)
    return torch.lerp(ordered[:, low], ordered[:, high], place - low)
