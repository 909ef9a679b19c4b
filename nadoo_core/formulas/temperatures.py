"""The temperature of a choice between options, which cools from a free choice to a decision while it is trained."""

from collections.abc import Callable, Mapping
from math import exp
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import ArrayLike

from nadoo_core.formulas.arrays import Reals, vector
from nadoo_core.formulas.blending import blend, half_cosine
from nadoo_core.formulas.parameters import above, at_least, between, one_of, require

Cooling: TypeAlias = Callable[[float, float, float], float]
"""The temperature from the first and the last temperature and the progress between them."""


def exponential(start: float, end: float, progress: float) -> float:
    """A decay that does not arrive: at the end e⁻³ of the way is left.

    Law: end + (start − end)·e^(−3p).
    """
    return blend(end, start, exp(-3.0 * progress))


def geometric(start: float, end: float, progress: float) -> float:
    """The same factor for every equal piece of the way, and the end reached.

    Law: start·(end/start)^p.
    """
    return min(max(start * (end / start) ** progress, end), start)


def cosine(start: float, end: float, progress: float) -> float:
    """Half a wave: slow, fast, slow.

    Law: end + (start − end)·(1 + cos πp)/2.
    """
    return blend(end, start, half_cosine(progress))


def linear(start: float, end: float, progress: float) -> float:
    """A straight line.

    Law: end + (start − end)·(1 − p).
    """
    return blend(end, start, 1.0 - progress)


def quadratic(start: float, end: float, progress: float) -> float:
    """A parabola that touches the end.

    Law: end + (start − end)·(1 − p)².
    """
    return blend(end, start, (1.0 - progress) ** 2)


def cubic(start: float, end: float, progress: float) -> float:
    """A cubic that touches the end.

    Law: end + (start − end)·(1 − p)³.
    """
    return blend(end, start, (1.0 - progress) ** 3)


def stairs(start: float, end: float, progress: float) -> float:
    """Four steps, none below the end.

    Law: start until 0.3, half of it until 0.6, a tenth until 0.8, then the end.
    """
    if progress < 0.3:
        return start
    if progress < 0.6:
        return max(0.5 * start, end)
    return max(0.1 * start, end) if progress < 0.8 else end


def temperatures() -> Mapping[str, Cooling]:
    """Every way to cool, by the name that a recipe uses.

    Law: each is non-increasing in progress and stays within the last and the first temperature.
    """
    return MappingProxyType(
        {
            "exponential": exponential,
            "geometric": geometric,
            "cosine": cosine,
            "linear": linear,
            "quadratic": quadratic,
            "cubic": cubic,
            "step": stairs,
        }
    )


@frozen
class Temperature:
    """A way to cool with its two ends; geometric unless said otherwise, because it arrives.

    Law: end ≤ at(p) ≤ start, non-increasing in p.
    """

    cooling: str = "geometric"
    start: float = 5.0
    end: float = 0.01

    def __attrs_post_init__(self) -> None:
        """Refuse an unknown way, and ends that would heat up or reach 0."""
        require(
            one_of("cooling", self.cooling, tuple(temperatures())),
            above("end", self.end, 0),
            at_least("start", self.start, self.end),
        )

    def at(self, progress: float) -> float:
        """The temperature when a share of the training is gone."""
        require(between("progress", progress, 0, 1))
        return temperatures()[self.cooling](self.start, self.end, progress)


def softmax(logits: ArrayLike, temperature: float = 1.0) -> Reals:
    """The probabilities of options at a temperature.

    Law: sums to 1; unchanged when one number is added to all logits; towards one-hot as the temperature falls to 0,
    towards equal shares as it rises.
    """
    require(above("temperature", temperature, 0))
    scores = vector(logits, "logits")
    with np.errstate(over="ignore"):
        masses = np.exp((scores - scores.max()) / temperature)
    return masses / masses.sum()
