"""What may become of the units between two layers: fewer of them, or fewer still with a linear path beside them.

A path beside is a matrix from what the first layer reads to what the second gives. It replaces units that are straight
exactly, and takes part in the least squares that stand in for the others; it pays where it saves more units than
in·out/(in + out).
"""

import torch
from attrs import evolve, frozen
from torch import Tensor

from nadoo_core.data.examples import Examples
from nadoo_graphs.graph import ModelGraph
from nadoo_low_rank.hidden_units import eliminate, steadied
from nadoo_low_rank.observing import centred
from nadoo_low_rank.pairs import Pair, weight_of
from nadoo_low_rank.singular import LINALG
from nadoo_low_rank.straight_units import StraightUnits, straight_units


@frozen(eq=False)
class Units:
    """Two layers and what calibration data says of the units between: moments of units and inputs about their mean."""

    first: Tensor
    second: Tensor
    moments: Tensor
    mean: Tensor
    straight: StraightUnits

    @classmethod
    def of(cls, graph: ModelGraph, data: Examples, pair: Pair) -> "Units":
        """Run the calibration data to the second layer."""
        names = (pair.first, pair.read, graph.operand(graph[pair.first]).node)
        values = graph.run(data.inputs, keep=names).values
        given, made, read = (values[name].double().reshape(-1, values[name].shape[-1]) for name in names)
        rows = torch.cat([made, read, torch.ones(len(made), 1, dtype=made.dtype)], 1)
        moments, mean = centred(rows.T @ rows / len(rows), 0.0)
        layers = (weight_of(graph, graph[pair.first]), weight_of(graph, graph[pair.second]))
        return cls(*layers, moments, mean, straight_units(graph, pair, given, made))

    @property
    def count(self) -> int:
        """How many units there are."""
        return len(self.first)

    @property
    def path_weights(self) -> int:
        """What a path beside takes; one that takes more than the units that it replaces is not worth a look."""
        return self.first.shape[1] * self.second.shape[0]

    @property
    def own(self) -> Tensor:
        """The moments of the units alone."""
        return self.moments[: self.count, : self.count]

    @property
    def energy(self) -> float:
        """The mean square of the results about their mean."""
        return float(((self.second @ self.own) * self.second).sum())


@frozen(eq=False)
class UnitPlan:
    """The units that stay, the weights that read them, the path beside if there is one, and the relative error."""

    kept: Tensor
    second: Tensor
    path: Tensor | None
    error: float

    def shift(self, units: Units) -> Tensor:
        """What the bias gains, so that the results keep their mean."""
        found = units.second @ units.mean[: units.count] - self.second @ units.mean[self.kept]
        return found if self.path is None else found - self.path @ units.mean[units.count :]

    def weights(self, units: Units) -> int:
        """How many weights it has."""
        inputs, outputs = units.first.shape[1], units.second.shape[0]
        beside = 0 if self.path is None else units.path_weights
        return beside + len(self.kept) * (inputs + outputs)


def fewer(units: Units, width: int | None, error: float) -> UnitPlan:
    """So many units, or the fewest within an error, with the second layer fit to them."""
    path = eliminate(units.second, units.own)
    width = path.smallest(error) if width is None else min(width, units.count)
    kept = path.kept(width)
    second = fitted(units.own, units.second, kept) if width < units.count else units.second
    return UnitPlan(kept, second, None, path.relative(width))


def beside(units: Units, error: float) -> UnitPlan:
    """A linear path for all that is straight, and the fewest other units within an error, perhaps none."""
    rest = (~units.straight.chosen).nonzero()[:, 0]
    sloping = units.straight.sloping
    exact = (units.second[:, sloping] * units.straight.slopes[sloping]) @ units.first[sloping]
    inputs = torch.arange(units.count, len(units.moments))
    path = evolve(eliminate(units.second[:, rest], unexplained(units.moments, rest, inputs)), energy=units.energy)
    width = path.smallest(error, least=0)
    kept = rest[path.kept(width)]
    if width == len(rest):
        return UnitPlan(kept, units.second[:, kept], exact, 0.0)
    places = torch.cat([kept, inputs])
    wanted = units.second[:, rest] @ units.moments[rest][:, places]
    found = LINALG.solve(steadied(units.moments[places][:, places]), wanted.T).T
    return UnitPlan(kept, found[:, :width], exact + found[:, width:], path.relative(width))


def unexplained(moments: Tensor, rest: Tensor, inputs: Tensor) -> Tensor:
    """The moments of some values once the inputs have explained what they can of them linearly."""
    shared = moments[inputs][:, rest]
    return moments[rest][:, rest] - shared.T @ LINALG.solve(steadied(moments[inputs][:, inputs]), shared)


def fitted(moments: Tensor, weight: Tensor, kept: Tensor) -> Tensor:
    """The weights over some units whose results are nearest to those over all of them."""
    return LINALG.solve(steadied(moments[kept][:, kept]), (weight @ moments[:, kept]).T).T
