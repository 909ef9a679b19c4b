"""What the tests of the memory planner share: worked examples, random buffers and random programs."""

from collections.abc import Iterator, Sequence
from itertools import permutations

from hypothesis import strategies

from nadoo_graphs.memory import Buffer, Program, Step

SIZES = {"x": 100, "a": 400, "b": 400, "c": 50, "d": 400, "y": 10}
CHAIN = Program(
    steps=(
        Step("make a", ("x",), ("a",)),
        Step("make b", ("a",), ("b",)),
        Step("make c", ("b",), ("c",)),
        Step("make d", ("c",), ("d",)),
        Step("make y", ("d",), ("y",)),
    ),
    sizes=SIZES,
    inputs=("x",),
    outputs=("y",),
)
RESIDUAL = Program(
    steps=(*CHAIN.steps[:3], Step("make d", ("c", "a"), ("d",)), CHAIN.steps[4]),
    sizes=SIZES,
    inputs=("x",),
    outputs=("y",),
)


@strategies.composite
def buffers(draw: strategies.DrawFn, most: int = 12, steps: int = 8) -> tuple[Buffer, ...]:
    """Buffers with sizes that collide often, so that ties and exact fits occur."""
    count = draw(strategies.integers(0, most))
    size = strategies.one_of(strategies.integers(0, 9), strategies.sampled_from([16, 32, 64, 100]))
    spans = strategies.tuples(strategies.integers(0, steps - 1), strategies.integers(0, steps - 1)).map(sorted)
    return tuple(Buffer(f"b{index}", draw(size), *draw(spans)) for index in range(count))


def from_spans(spans: Sequence[tuple[int, int, int]]) -> tuple[Buffer, ...]:
    """Buffers from (first, last, size)."""
    return tuple(Buffer(f"b{index}", size, first, last) for index, (first, last, size) in enumerate(spans))


@strategies.composite
def tight_buffers(draw: strategies.DrawFn, steps: int = 5) -> tuple[Buffer, ...]:
    """Buffers that fill every step to the same total, so that a plan at the bound has no gap anywhere."""
    live = [(0, size) for size in draw(strategies.lists(strategies.integers(1, 4), min_size=3, max_size=4))]
    spans: list[tuple[int, int, int]] = []
    for step in range(1, steps):
        gone = [live.pop(draw(strategies.integers(0, len(live) - 1))) for _ in range(min(2, len(live)))]
        spans += [(first, step - 1, size) for first, size in gone]
        freed = sum(size for _, size in gone)
        part = draw(strategies.integers(1, freed))
        live += [(step, size) for size in (part, freed - part) if size]
    return from_spans([*spans, *((first, steps - 1, size) for first, size in live)])


def fits(members: Sequence[Buffer], capacity: int, offsets: tuple[int, ...] = ()) -> bool:
    """Whether an arena of this size holds the buffers, by trying every offset of every buffer."""
    index = len(offsets)
    if index == len(members):
        return True
    buffer = members[index]
    taken = [(place, other) for place, other in zip(offsets, members, strict=False) if buffer.overlaps(other)]
    return any(
        fits(members, capacity, (*offsets, start))
        for start in range(capacity - buffer.size + 1)
        if all(start + buffer.size <= place or place + other.size <= start for place, other in taken)
    )


@strategies.composite
def programs(draw: strategies.DrawFn, most: int = 7) -> Program:
    """Chains, branches and joins with views, steps that may work in place, unread inputs and unread results."""
    values = ["x", "z"]
    sizes = {"x": draw(strategies.integers(1, 20)), "z": draw(strategies.integers(1, 20))}
    steps: list[Step] = []
    for index in range(draw(strategies.integers(1, most))):
        reads = tuple(draw(strategies.lists(strategies.sampled_from(values), min_size=1, max_size=3)))
        view = draw(strategies.integers(0, 5)) == 0
        in_place = () if view else tuple(draw(strategies.sets(strategies.integers(0, len(reads) - 1))))
        results = [f"v{index}", f"w{index}"][: draw(strategies.sampled_from([1, 1, 1, 2]))]
        for result in results:
            sizes[result] = draw(strategies.sampled_from([sizes[reads[0]], 5, 10, 40]))
        steps.append(Step(f"s{index}", reads, tuple(results), view, in_place, draw(strategies.sampled_from([0, 0, 3]))))
        values.extend(results)
    outputs = draw(strategies.sets(strategies.sampled_from(values), min_size=1, max_size=2))
    return Program(tuple(steps), sizes, ("x", "z"), tuple(sorted(outputs)))


def valid_orders(program: Program) -> Iterator[Program]:
    """The program in every order in which nothing is read before it is written."""
    for order in permutations(program.steps):
        known = {*program.inputs, *program.outside}
        for step in order:
            if not known.issuperset(step.reads):
                break
            known.update(step.writes)
        else:
            yield program.reordered([step.name for step in order])
