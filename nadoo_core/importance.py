"""What an importance is: how much each channel matters, told by whoever a plugin offers under `importances`.

An importance is a function of a `Scoring` that gives opinions: for some positions the unit that they belong to and a
number that is larger for what matters more. Whoever prunes gathers the opinions of a unit into one score.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from nadoo_core.errors import CoreCode, PassError, Problem
from nadoo_core.passes.context import Context

if TYPE_CHECKING:
    import torch

    from nadoo_core.data.examples import Examples
    from nadoo_graphs.channels import ChannelMap, TensorAxis
    from nadoo_graphs.graph import ModelGraph

CALIBRATION_EXAMPLES = 512


@frozen(eq=False)
class Opinion:
    """Scores of some positions, and the unit of each; -1 stands for a position of no unit."""

    units: NDArray[np.int64]
    scores: NDArray[np.float64]


@frozen(eq=False)
class Scoring:
    """What an importance may look at."""

    graph: "ModelGraph"
    channels: "ChannelMap"
    context: Context
    examples: int = field(default=CALIBRATION_EXAMPLES)
    """How many calibration examples are wanted at most."""

    def made(self) -> "tuple[TensorAxis, ...]":
        """The axes along which tensors make channels: rows of a layer, one a channel."""
        return tuple(axis for axis in self.channels.axes if axis.side == "makes")

    def rows(self, axis: "TensorAxis") -> "torch.Tensor":
        """A tensor as [positions of the axis, everything else], in float64."""
        value = self.graph.tensor(axis.tensor).detach().double()
        return value.movedim(axis.axis, 0).reshape(value.shape[axis.axis], -1)

    def data(self) -> "Examples":
        """The calibration examples, spread over the whole set, in the precision that the graph takes."""
        from nadoo_core.calibrating.data import missing_calibration, spread_examples

        found = spread_examples(self.graph, self.context, self.examples)
        if found is None:
            why = missing_calibration(self.graph, self.context)
            message = f"there are no calibration examples; {why}, or choose importance = 'l2'"
            raise PassError(Problem(CoreCode.CONTEXT, f"step {self.context.step!r}", message))
        return found


def spread(examples: "Examples", most: int) -> "Examples":
    """At most so many examples, evenly over all: sets are often sorted by class."""
    if len(examples) <= most:
        return examples
    return examples.take([index * len(examples) // most for index in range(most)])


Importance: TypeAlias = Callable[[Scoring], Sequence[Opinion]]
