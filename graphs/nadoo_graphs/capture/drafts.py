"""Nodes in the making: what the translation finds, before dead ones are left out and names are given."""

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from nadoo_graphs.node import Attribute, Node, Origin
from nadoo_graphs.values import Value, ValueType


@frozen
class Place:
    """Where in the model a call stands: the module, which of its calls this is, and whether torch wrote the module.

    `owner` is the module that makes the call; in a generated module it is a stateless one inside of `module`.
    """

    module: str = ""
    module_type: str = ""
    call: int = 0
    leaf: bool = False
    source: str = ""
    owner: str = ""


@frozen
class Draft:
    """One node to be: operands refer to drafts by their number, as text."""

    op: str
    operands: tuple[Value, ...]
    attributes: Mapping[str, Attribute]
    tensors: Mapping[str, str]
    outputs: tuple[ValueType, ...]
    place: Place
    fixed_name: str = ""
    effect: bool = False
    keep: bool = field(default=False)


def living(drafts: Sequence[Draft], outputs: Sequence[Value]) -> set[int]:
    """The numbers of the drafts that an output, an effect or the border needs."""
    roots = [int(value.node) for value in outputs]
    waiting = roots + [index for index, draft in enumerate(drafts) if draft.effect or draft.keep]
    alive: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index not in alive:
            alive.add(index)
            waiting.extend(int(value.node) for value in drafts[index].operands)
    return alive


def names(drafts: Sequence[Draft], alive: set[int]) -> dict[int, str]:
    """A stable name for every living draft: the module's path, the operator where needed, and which call it is."""
    mains = main_drafts(drafts, alive)
    given: dict[int, str] = {}
    taken: set[str] = set()
    for index in sorted(alive):
        draft = drafts[index]
        base = draft.fixed_name or path_name(draft, index in mains)
        suffix = f"@{draft.place.call}" if draft.place.call and not draft.fixed_name else ""
        name = next(
            candidate
            for count in range(len(drafts) + 1)
            if (candidate := f"{base}{f'_{count}' if count else ''}{suffix}") not in taken
        )
        taken.add(name)
        given[index] = name
    return given


def path_name(draft: Draft, main: bool) -> str:
    """A module's main node is called as the module; everything else in it adds its operator."""
    if main and draft.place.module:
        return draft.place.module
    owner = owning_module(draft)
    if owner and owner != draft.place.module and not draft.place.leaf:
        return owner
    kind = str(draft.attributes["target"]).split(".")[1] if draft.op == "opaque" else draft.op
    return f"{draft.place.module}.{kind}" if draft.place.module else kind


def owning_module(draft: Draft) -> str:
    """The module whose tensors a call reads, such as a projection that its parent computes itself."""
    prefixes = {name.rpartition(".")[0] for name in draft.tensors.values()}
    return prefixes.pop() if len(prefixes) == 1 else ""


def main_drafts(drafts: Sequence[Draft], alive: set[int]) -> set[int]:
    """Of each call of a module that torch wrote: its only node, or the last one that has tensors."""
    groups: dict[tuple[str, int], list[int]] = {}
    for index in sorted(alive):
        place = drafts[index].place
        if place.leaf and not drafts[index].fixed_name:
            groups.setdefault((place.module, place.call), []).append(index)
    found: set[int] = set()
    for group in groups.values():
        holders = [index for index in group if drafts[index].tensors]
        if len(group) == 1 or len(holders) == 1:
            found.add((holders or group)[-1])
    return found


def finished(drafts: Sequence[Draft], alive: set[int]) -> list[tuple[Node, tuple[Value, ...]]]:
    """The nodes with their operands, by their names."""
    given = names(drafts, alive)
    made: list[tuple[Node, tuple[Value, ...]]] = []
    for index in sorted(alive):
        draft = drafts[index]
        origin = Origin(draft.place.module, draft.place.module_type, draft.place.source)
        node = Node(given[index], draft.op, draft.attributes, draft.tensors, draft.outputs, origin)
        made.append((node, tuple(evolve(value, node=given[int(value.node)]) for value in draft.operands)))
    return made
