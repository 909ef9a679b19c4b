"""What an operator's row may say of channels: which of its axes belong together, and what changes when some go."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from attrs import field, frozen

from nadoo_graphs.channels.axes import AxisSpace, Positions, Split, Tie, Use
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops.op import Call
from nadoo_graphs.sizes import Size

Attributes: TypeAlias = Mapping[str, Attribute]


class NodeAxes:
    """One node's axes as its rule sees them. An axis that the rule does not mention is frozen afterwards."""

    def __init__(self, space: AxisSpace, node: Node) -> None:
        self.space = space
        self.node = node
        self.operands = [space.values[value.node, value.output] for value in space.graph.operands(node)]
        self.outputs = [space.values[node.name, index] for index in range(len(node.outputs))]
        self.tensors = {role: space.of_tensor(name) for role, name in node.tensors.items()}
        self.mentioned: set[int] = set()
        self.named: dict[str, int] = {}

    @cached_property
    def call(self) -> Call:
        """Types and attributes, as inference sees them."""
        return self.space.graph.call(self.node)

    @property
    def operand(self) -> range:
        """The axes of the first operand."""
        return self.operands[0]

    @property
    def output(self) -> range:
        """The axes of the first output."""
        return self.outputs[0]

    def size(self, axis: int) -> Size:
        """How many positions an axis has."""
        return self.space.sizes[axis]

    # --- what a rule says ---

    def same(self, one: int, other: int) -> None:
        """Two axes run through the same channels in the same order."""
        if self.space.sizes[one] != self.space.sizes[other]:
            sizes = f"{self.space.sizes[one]} and {self.space.sizes[other]}"
            raise self.call.refuse(f"its channel rule joins axes of {sizes} positions; mend the rule, or use tie")
        self.mentioned.update((one, other))
        self.space.join(one, other)

    def same_all(self, some: "range | tuple[int, ...]", others: "range | tuple[int, ...]") -> None:
        """Axes in pairs."""
        for one, other in zip(some, others, strict=True):
            self.same(one, other)

    def tie(self, one: int, other: int, one_positions: Positions, other_positions: Positions) -> None:
        """Positions of one axis are the same channels as positions of another."""
        self.mentioned.update((one, other))
        self.space.ties.append(Tie(one, other, one_positions, other_positions))

    def tie_block(self, whole: int, part: int, start: int, reverse: bool = False) -> None:
        """An axis is a run of positions of a larger one."""
        count = self.size(part)
        if not isinstance(count, int) or not isinstance(self.size(whole), int):
            return
        positions = np.arange(count, dtype=np.int64)
        self.tie(whole, part, start + (positions[::-1] if reverse else positions), positions)

    def split(self, axis: int, sizes: "tuple[Size, ...]") -> tuple[int, ...]:
        """The factors of an axis that is a product of sizes, the outermost first; a factor of 1 stands for nothing."""
        self.mentioned.add(axis)
        large = [index for index, size in enumerate(sizes) if size != 1]
        factors = list(self.space.add(sizes))
        if len(large) == 1:
            self.space.join(axis, factors[large[0]])
        elif large:
            self.space.splits.append(Split(axis, sizes, tuple(factors), self.node.name))
        return tuple(factors)

    def use(self, role: str, place: int, axis: int, side: str) -> None:
        """An axis of a tensor runs through the channels of another axis, which the node makes, reads or follows."""
        if role not in self.tensors:
            return
        own = self.tensors[role][place]
        self.same(own, axis)
        self.space.uses.append(Use(self.node.tensors[role], place, self.node.name, side))

    def makes(self, role: str, place: int, axis: int) -> None:
        """The tensor makes these channels, one after the other."""
        self.use(role, place, axis, "makes")

    def reads(self, role: str, place: int, axis: int) -> None:
        """The tensor multiplies these channels and sums over them."""
        self.use(role, place, axis, "reads")

    def follows(self, role: str, place: int, axis: int) -> None:
        """The tensor has an element for each of these channels, as a bias or a norm has."""
        self.use(role, place, axis, "follows")

    def blends(self, axis: int) -> None:
        """The node takes a statistic over these channels, so that a removed one is not the same as a masked one."""
        self.space.blended.add(axis)

    def is_head(self, axis: int) -> None:
        """The axis counts the heads of an attention."""
        self.space.heads.add(axis)

    def call_it(self, name: str, axis: int) -> None:
        """Remember an axis, for the part of the rule that changes attributes."""
        self.named[name] = axis

    def freeze(self, axis: int, reason: str) -> None:
        """No channel of the axis may go, because of what the node does with it."""
        self.mentioned.add(axis)
        self.space.freeze(axis, f"{self.node.name!r} ({self.node.op}) {reason}")

    def freeze_unmentioned(self, reason: str) -> None:
        """Whatever the rule has not spoken of stays as it is."""
        space, mentioned = self.space, self.mentioned
        told = f"{self.node.name!r} ({self.node.op}) {reason}"
        for axes in (*self.operands, *self.outputs, *self.tensors.values()):
            for axis in axes:
                if axis not in mentioned:
                    space.reasons.setdefault(axis, told)


@frozen
class Resizing:
    """What is left of one node's axes, for the part of a rule that changes attributes."""

    axes: NodeAxes
    kept_positions: Callable[[int], "Positions | None"]
    kept_size: Callable[[int], Size]

    @property
    def attributes(self) -> Attributes:
        """The attributes before."""
        return self.axes.node.attributes

    def kept(self, axis: int) -> "Positions | None":
        """The positions of an axis that stay; None where all do."""
        return self.kept_positions(axis)

    def count(self, axis: int) -> Size:
        """How many positions of an axis stay."""
        return self.kept_size(axis)

    def changed(self, axis: int) -> bool:
        """Whether some positions of an axis go."""
        return self.kept_size(axis) != self.axes.size(axis)

    def shape(self, wanted: "tuple[Size, ...]") -> "tuple[Size, ...]":
        """The shape that an attribute asks for, with the sizes that the output's axes have now; -1 stays."""
        output = self.axes.output
        new = [self.count(axis) if self.changed(axis) else None for axis in output]
        return tuple(size if size == -1 or own is None else own for size, own in zip(wanted, new, strict=True))


Couple: TypeAlias = Callable[[NodeAxes], None]
Resize: TypeAlias = Callable[[Resizing], dict[str, Any]]


@frozen
class ChannelRule:
    """How an operator's axes belong together, and which attributes follow from their sizes."""

    couple: Couple
    resize: "Resize | None" = field(default=None)
    ready: "Callable[[NodeAxes], tuple[str, dict[str, Any]] | None] | None" = field(default=None)
    """Another operator with the same result, which the node has to be before its channels can become unequal."""
