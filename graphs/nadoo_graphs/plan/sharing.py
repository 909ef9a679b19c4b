"""Blocks that are equal become one block that is used several times: the calls of one module on the same tensors."""

from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from nadoo_graphs.plan.block_writer import WrittenBlock
from nadoo_graphs.plan.document import Item, PlanBlock, PlanTensor, origins_of, without_origin
from nadoo_graphs.plan.instances import free_name


@frozen
class Use:
    """One use of a block of the model, by the block's number."""

    block: int
    written: WrittenBlock


def share(written: Iterable[WrittenBlock]) -> tuple[list[PlanBlock], list[Use]]:
    """The different blocks with names of their own, and every use in order."""
    calls: list[list[WrittenBlock]] = []
    uses: list[Use] = []
    for one in written:
        index = next((index for index, call in enumerate(calls) if is_same(call[0], one)), len(calls))
        if index == len(calls):
            calls.append([])
        calls[index].append(one)
        uses.append(Use(index, one))
    taken: set[str] = set()
    return [united(call, free_name(call[0].block.name, taken)) for call in calls], uses


def is_same(left: WrittenBlock, right: WrittenBlock) -> bool:
    """Whether two blocks compute the same with the same tensors; without tensors there is nothing to share."""
    first, second = left.block, right.block
    if first.signature != second.signature or len(first.items) != len(second.items):
        return False
    if not any(isinstance(item, PlanTensor) for item in first.items):
        return False
    return all(without_origin(a) == without_origin(b) for a, b in zip(first.items, second.items, strict=True))


def united(calls: Sequence[WrittenBlock], name: str) -> PlanBlock:
    """One block for several calls: each item knows the nodes of all of them, in order."""
    block = calls[0].block
    rows = zip(*(call.block.items for call in calls), strict=True)
    return evolve(block, name=name, items=tuple(united_item(row) for row in rows))


def united_item(items: Sequence[Item]) -> Item:
    """One item for the same item of several calls."""
    first = items[0]
    if not isinstance(first, PlanTensor):
        return evolve(first, origins=tuple(origin for item in items for origin in origins_of(item)))
    if first.origin is None:
        return first
    nodes = tuple(origin for item in items for origin in origins_of(item))
    return evolve(first, origin=evolve(first.origin, nodes=nodes))
