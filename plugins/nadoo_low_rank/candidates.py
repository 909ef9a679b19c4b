"""What may become of each layer: methods and ranks with what they cost and lose."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from nadoo_low_rank.decomposition import Method, Ranks
from nadoo_low_rank.layers import Places
from nadoo_low_rank.methods.cp import Cp
from nadoo_low_rank.methods.spatial import Spatial
from nadoo_low_rank.methods.svd import Svd
from nadoo_low_rank.methods.tucker import Tucker
from nadoo_low_rank.singular import Search
from nadoo_low_rank.target import Target

METHODS: tuple[type[Method], ...] = (Svd, Spatial, Tucker, Cp)
AUTOMATIC = ("svd", "spatial", "tucker")
"""What `auto` compares; cp is left out, since each of its ranks is a search of its own."""
MOST_POINTS = {"svd": 1 << 30, "spatial": 32, "tucker": 10, "cp": 6}


@frozen
class Candidate:
    """One thing that a layer may become; without a method it stays as it is."""

    method: str
    ranks: Ranks
    numbers: int
    macs: int
    error: float


@frozen(eq=False)
class Options:
    """What may become of one layer, the energy that all errors are parts of, and what it is now."""

    name: str
    candidates: tuple[Candidate, ...]
    energy: float
    dense: Candidate

    def saving(self) -> tuple[Candidate, ...]:
        """Those that have fewer numbers than the layer."""
        return tuple(item for item in self.candidates if item.numbers < self.dense.numbers)


def method_of(name: str) -> Method:
    """A method by name."""
    return next(method for method in METHODS if method.name == name)()


def methods_for(choice: str, target: Target) -> list[Method]:
    """The methods that are asked for and made for a layer; what has no kernel is always a matrix."""
    names = AUTOMATIC if choice == "auto" else (choice,)
    found = [method for method in map(method_of, names) if method.fits(target)]
    return found or [Svd()]


def options_of(
    name: str, target: Target, places: Places, methods: Sequence[Method], search: Search, asked: "Asked"
) -> Options:
    """Every candidate of a layer, sampled evenly where there are many."""
    sizes = Svd().sizes(target, (1,))[:1]
    dense_macs = places.macs(sizes) * target.outputs
    dense = Candidate("", (), target.full, dense_macs, 0.0)
    found: list[Candidate] = []
    for method in methods:
        ranks = list(asked.ranks(method, target))
        for item, error in zip(ranks, method.curve(target, ranks, search) if ranks else [], strict=True):
            stages = method.sizes(target, item)
            numbers = sum(size.numbers for size in stages) + asked.added
            found.append(Candidate(method.name, item, numbers, places.macs(stages), error))
    return Options(name, tuple(found), target.energy, dense)


@frozen
class Asked:
    """Which ranks are looked at: one that was given, or all that save something, in multiples of a number."""

    rank: int | None = None
    align: int = 1
    added: int = 0
    """Numbers that a chain has beside its weights: a bias that the layer had not."""

    def ranks(self, method: Method, target: Target) -> Iterator[Ranks]:
        """The ranks of one method."""
        most = method.most(target)
        if self.rank is not None:
            if self.rank <= max(most):
                yield tuple(min(self.rank, limit) for limit in most)
            return
        points = MOST_POINTS[method.name]
        if len(most) == 1:
            yield from ((rank,) for rank in steps(self.largest(method, target), points, self.align))
            return
        inner, outer = (steps(limit, points, self.align) for limit in most)
        pairs = [(first, second) for first in inner for second in outer]
        yield from (pair for pair in pairs if method.numbers(target, pair) < target.full)

    def largest(self, method: Method, target: Target) -> int:
        """The largest rank of a method of one rank that has fewer numbers than the layer; 0 where none has."""
        each = method.numbers(target, (1,))
        return min((target.full - 1) // each, method.most(target)[0])


def steps(limit: int, points: int, align: int) -> list[int]:
    """Ranks up to a limit, at most so many, all multiples of a number."""
    count = limit // align
    places = min(points, count)
    return sorted({align * max(1, round(count * place / places)) for place in range(1, places + 1)}) if places else []
