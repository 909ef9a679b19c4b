"""What a graph expects and promises at its border: names, types, ranges, examples and the structure of arguments."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import evolve, field, frozen

from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    import torch

Kind: TypeAlias = Literal["leaf", "constant", "tuple", "list", "dict", "ordered_dict", "named_tuple", "custom"]
Constant: TypeAlias = bool | int | float | str | None


@frozen
class Structure:
    """How arguments or results nest: leaves are tensors in order, constants are what the model was captured with."""

    kind: Kind = "leaf"
    children: tuple["Structure", ...] = ()
    keys: tuple[str | int, ...] = ()
    constant: Constant = None
    type_name: str = ""
    custom: object = field(default=None, eq=False, repr=False)

    def leaves(self) -> int:
        """How many tensors the structure holds."""
        return 1 if self.kind == "leaf" else sum(child.leaves() for child in self.children)

    def walk(self) -> Iterator["Structure"]:
        """This structure and all in it, outermost first."""
        yield self
        for child in self.children:
            yield from child.walk()


def sequence(count: int) -> Structure:
    """The structure of so many tensors in a tuple."""
    return Structure("tuple", (Structure(),) * count)


@frozen
class InputContract:
    """One input: its name and type, the range its values were seen in, and an example."""

    name: str
    type: ValueType
    minimum: float | None = None
    maximum: float | None = None
    example: "torch.Tensor | None" = field(default=None, eq=False, repr=False)


@frozen
class CaptureReport:
    """What a capture cannot keep or had to do: train-only behaviour, opaque operators, the fallback, dropped writes."""

    train_only: tuple[str, ...] = ()
    opaque: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fallback: bool = False

    def lines(self) -> tuple[str, ...]:
        """Every remark as one line of text."""
        opaque = (f"opaque operators, kept as they are: {', '.join(self.opaque)}",) if self.opaque else ()
        return (*self.train_only, *opaque, *self.notes)


@frozen
class Contract:
    """The border of a graph; None for a structure means a tuple of tensors in, one tensor or a tuple out."""

    inputs: tuple[InputContract, ...] = ()
    outputs: tuple[str, ...] = ()
    arguments: Structure | None = None
    keywords: Structure | None = None
    results: Structure | None = None
    symbols: Mapping[str, tuple[int, int | None]] = field(factory=dict[str, tuple[int, int | None]])
    report: CaptureReport = CaptureReport()

    def without_examples(self) -> "Contract":
        """The contract with nothing that takes memory."""
        return evolve(self, inputs=tuple(evolve(item, example=None) for item in self.inputs))
