"""Along which factor an axis that is a product may lose channels: one of them, so that what is left is a product."""

from typing import Literal, TypeAlias

from nadoo_graphs.channels.axes import AxisSpace, Split

Heads: TypeAlias = Literal["whole", "width"]


def join_equal_splits(space: AxisSpace) -> None:
    """An axis that several nodes split alike has the same factors for all of them."""
    known: dict[tuple[int, tuple[object, ...]], Split] = {}
    for split in space.splits:
        first = known.setdefault((space.root(split.axis), split.sizes), split)
        for one, other in zip(first.factors, split.factors, strict=True):
            space.join(one, other)


def choose_factors(space: AxisSpace, heads: Heads) -> list[tuple[Split, int]]:
    """For every split the place of the factor whose positions may go; the other factors are frozen."""
    taken: set[int] = set()
    marked = head_axes(space)
    chosen: list[tuple[Split, int]] = []
    refuse_open_axes(space)
    for split in space.splits:
        place = chosen_place(space, split, taken, marked, heads)
        if place is None:
            freeze_split(space, split)
            continue
        taken.add(space.root(split.factors[place]))
        for index, factor in enumerate(split.factors):
            if index != place:
                freeze_root(space, factor, f"{split.node!r} splits its axis, which loses channels along another factor")
        chosen.append((split, place))
    return chosen


def head_axes(space: AxisSpace) -> set[int]:
    """The axes that count heads; where batch and heads are one axis, its factors of known size."""
    marked = {space.root(axis) for axis in space.heads}
    for split in space.splits:
        if space.root(split.axis) in marked and not isinstance(space.sizes[split.axis], int):
            known = (factor for factor in split.factors if isinstance(space.sizes[factor], int))
            marked |= {space.root(factor) for factor in known}
    return marked


def refuse_open_axes(space: AxisSpace) -> None:
    """An axis of symbolic size has no positions to tell apart: it may have one kind of factors only."""
    kinds: dict[int, set[tuple[object, ...]]] = {}
    for split in space.splits:
        if not isinstance(space.sizes[split.axis], int):
            kinds.setdefault(space.root(split.axis), set()).add(split.sizes)
    for root, found in kinds.items():
        if len(found) > 1:
            space.reasons.setdefault(root, "an axis of symbolic size is split in several ways")


def chosen_place(space: AxisSpace, split: Split, taken: set[int], marked: set[int], heads: Heads) -> int | None:
    """A factor that was chosen before; else heads or widths as is wanted; else the finest."""
    if space.is_frozen(split.axis):
        return None
    alive = [place for place, factor in enumerate(split.factors) if is_alive(space, factor)]
    again = [place for place in alive if space.root(split.factors[place]) in taken]
    if again or not alive:
        return again[0] if again else None
    whole = [place for place in alive if space.root(split.factors[place]) in marked]
    others = [place for place in alive if place not in whole]
    wanted = (whole or others) if heads == "whole" else (others or whole)
    return max(wanted, key=lambda place: split_size(split, place))


def split_size(split: Split, place: int) -> int:
    """The size of a factor, which is a number where it can be chosen."""
    size = split.sizes[place]
    return size if isinstance(size, int) else 0


def is_alive(space: AxisSpace, factor: int) -> bool:
    """Whether positions of a factor may go."""
    size = space.sizes[factor]
    return isinstance(size, int) and size > 1 and not space.is_frozen(factor)


def freeze_split(space: AxisSpace, split: Split) -> None:
    """Nothing may go from an axis of which no factor may lose anything, nor from the factors of a frozen axis."""
    known = [space.reasons.get(space.root(axis)) for axis in (split.axis, *split.factors)]
    reason = next((item for item in known if item), f"{split.node!r} leaves no factor of the axis free")
    for axis in (split.axis, *split.factors):
        freeze_root(space, axis, reason)


def freeze_root(space: AxisSpace, axis: int, reason: str) -> None:
    """Freeze an axis and all that are joined with it."""
    space.reasons.setdefault(space.root(axis), reason)
