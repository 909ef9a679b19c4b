"""Orders of rows in which neighbours are alike: nearest neighbours, clusters, and exchanges that improve a path."""

from importlib import import_module
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Order = NDArray[np.int64]
Similarity: TypeAlias = Literal["cosine", "distance", "prefix"]
LEAST_GAIN = 1e-12
MOST_SWEEPS = 20


def unit_rows(rows: Reals) -> Reals:
    """Rows of length one; a row of zeros stays, so that it is like nothing."""
    lengths = np.sqrt(np.square(rows).sum(1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1.0)


def similarities(rows: Reals, kind: Similarity) -> Reals:
    """How alike any two rows are: their cosine, or 1/(1 + distance).

    Law: symmetric; cosines in [-1, 1], 0 with a row of zeros; distances give (0, 1], 1 for equal rows.
    """
    if kind != "distance":
        units = unit_rows(rows)
        return np.clip(units @ units.T, -1.0, 1.0)
    squares = np.square(rows).sum(1)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2 * (rows @ rows.T), 0.0)
    np.fill_diagonal(apart, 0.0)
    return 1.0 / (1.0 + np.sqrt(apart))


def path_similarity(alike: Reals, order: Order) -> float:
    """The sum over neighbours in an order: what the solvers make large."""
    return float(alike[order[:-1], order[1:]].sum())


def nearest_neighbours(alike: Reals) -> Order:
    """From row 0 always to the row that is most like the last one; of equals the first.

    Law: a permutation.
    """
    count = len(alike)
    left = np.ones(count, np.bool_)
    found = [0] if count else []
    left[:1] = False
    while len(found) < count:
        found.append(int(np.argmax(np.where(left, alike[found[-1]], -np.inf))))
        left[found[-1]] = False
    return np.array(found, np.int64)


def nearest_to_prefix(rows: Reals) -> Order:
    """From row 0 always to the row whose cosine with the mean of all rows so far is largest.

    Law: a permutation.
    """
    units, count = unit_rows(rows), len(rows)
    left = np.ones(count, np.bool_)
    found = [0] if count else []
    left[:1] = False
    total = rows[:1].sum(0)
    while len(found) < count:
        mean = unit_rows(total[None, :])[0]
        found.append(int(np.argmax(np.where(left, units @ mean, -np.inf))))
        left[found[-1]] = False
        total = total + rows[found[-1]]
    return np.array(found, np.int64)


def clustered(alike: Reals) -> Order:
    """The leaves of a complete-linkage tree on 1 - similarity, in the order that keeps neighbours nearest.

    Law: a permutation.
    """
    hierarchy: Any = import_module("scipy.cluster.hierarchy")
    distance: Any = import_module("scipy.spatial.distance")
    if len(alike) < len(("one", "other")):
        return np.arange(len(alike))
    apart = np.maximum(1.0 - alike, 0.0)
    np.fill_diagonal(apart, 0.0)
    condensed = distance.squareform((apart + apart.T) / 2, checks=False)
    return np.asarray(hierarchy.leaves_list(hierarchy.linkage(condensed, "complete", optimal_ordering=True)), np.int64)


def exchanged(alike: Reals, order: Order) -> Order:
    """2-opt: parts of a path are turned around as long as that makes neighbours more alike.

    Law: a permutation whose sum is at least that of the order it began with.
    """
    path, count = order.copy(), len(order)
    for _ in range(MOST_SWEEPS):
        improved = False
        for start in range(count - 1):
            ends = np.arange(start + 1, count)
            gains = turning_gains(alike, path, start, ends)
            best = int(np.argmax(gains))
            if gains[best] > LEAST_GAIN:
                end = int(ends[best]) + 1
                path[start:end] = path[start:end][::-1]
                improved = True
        if not improved:
            break
    return path


def turning_gains(alike: Reals, path: Order, start: int, ends: Order) -> Reals:
    """What it gains to turn the part from a start to each end around: the two joints at its borders change."""
    gains = np.zeros(len(ends))
    if start > 0:
        gains += alike[path[start - 1], path[ends]] - alike[path[start - 1], path[start]]
    inside = ends < len(path) - 1
    after = path[np.minimum(ends + 1, len(path) - 1)]
    return gains + np.where(inside, alike[path[start], after] - alike[path[ends], after], 0.0)


def order_rows(rows: Reals, kind: Similarity, solver: Literal["greedy", "clustering"], *, exchange: bool) -> Order:
    """An order of rows with similar neighbours; the one that there is where none is better.

    Law: a permutation; the sum of similarities of neighbours is at least that of the rows as they are.
    """
    alike = similarities(rows, kind)
    if solver == "clustering":
        order = clustered(alike)
    else:
        order = nearest_to_prefix(rows) if kind == "prefix" else nearest_neighbours(alike)
    order = exchanged(alike, order) if exchange else order
    as_it_is = np.arange(len(rows))
    return order if path_similarity(alike, order) > path_similarity(alike, as_it_is) else as_it_is
