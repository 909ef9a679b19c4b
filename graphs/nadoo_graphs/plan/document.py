"""What a plan document says: Model, Block, Tensor, Layer and Op as frozen values, free of JSON and of files.

The exporter makes these values and the importer reads them, so that both agree on one form and a document that was
read is written again byte by byte. Where a part came from stands beside it, as `x_origin` does in the file.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from nadoo_graphs.contract import Contract
from nadoo_graphs.node import Attribute, Origin
from nadoo_graphs.tensors import TensorRole
from nadoo_graphs.values import ValueType

IR = "1.0"
MODEL_FILE = "model.json"
BATCH = "N"
"""The one symbol that needs no declaration."""

Number: TypeAlias = int | float
Bounds: TypeAlias = tuple[int, int | None]


def no_extra() -> dict[str, Any]:
    """The further keys of a part that has none."""
    return {}


@frozen
class NodeOrigin:
    """The node that an item was exported from, and its place in the order of execution."""

    node: str
    order: int | None = None
    origin: Origin = field(factory=Origin)


@frozen
class TensorOrigin:
    """The name of a tensor in the state dict, what a module knows of it, and the nodes that hand it on as a value."""

    name: str
    role: TensorRole
    persistent: bool
    trainable: bool
    nodes: tuple[NodeOrigin, ...] = ()


@frozen
class ModelOrigin:
    """The border of the exported graph and the names of its state dict."""

    inputs: tuple[NodeOrigin, ...]
    output: str
    contract: Contract
    aliases: Mapping[str, str]
    state_order: tuple[str, ...]


@frozen
class Signature:
    """The types of what goes in and what comes out; one of each is written without brackets."""

    inputs: tuple[ValueType, ...]
    outputs: tuple[ValueType, ...]


@frozen
class Quantization:
    """What the stored codes of a tensor mean: real = (code - zero point) * scale, or a level times scale."""

    scheme: str
    scale: Number | tuple[Number, ...]
    zero_point: int | tuple[int, ...]
    axis: int | None
    bits: Number
    levels: tuple[Number, ...] | None = None
    packing: str | None = None
    extra: Mapping[str, Any] = field(factory=no_extra)


@frozen
class PlanTensor:
    """A constant whose content lies in a data file."""

    name: str
    type: ValueType
    data: str
    offset: int = 0
    length: int | None = None
    sha256: str | None = None
    quantization: Quantization | None = None
    origin: TensorOrigin | None = None
    extra: Mapping[str, Any] = field(factory=no_extra)

    @property
    def place(self) -> tuple[str, int, ValueType]:
        """What makes two constants of different blocks one tensor, where no origin names it."""
        return self.data, self.offset, self.type


@frozen
class PlanLayer:
    """An entry of the layer library applied to values."""

    name: str
    params: Mapping[str, Attribute]
    weights: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    origins: tuple[NodeOrigin, ...] = ()
    extra: Mapping[str, Any] = field(factory=no_extra)


@frozen
class Scalar:
    """A number in the place of an operand."""

    value: Number


@frozen
class PlanOperation:
    """Arithmetic on values, written with its sign."""

    type: str
    inputs: tuple[str | Scalar, ...]
    output: str
    exponent: Number | None = None
    origins: tuple[NodeOrigin, ...] = ()
    extra: Mapping[str, Any] = field(factory=no_extra)


Item: TypeAlias = PlanTensor | PlanLayer | PlanOperation


@frozen
class PlanBlock:
    """A piece of the model with a namespace of its own, from X to Y."""

    name: str
    signature: Signature
    items: tuple[Item, ...]
    extra: Mapping[str, Any] = field(factory=no_extra)


@frozen
class PlanInstance:
    """One use of a block: what its inputs are, and under which ports its outputs are read."""

    block: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    extra: Mapping[str, Any] = field(factory=no_extra)


@frozen
class Meta:
    """What holds for the whole document: declared symbols with their bounds, and whether weights may be non-finite."""

    symbols: Mapping[str, Bounds] = field(factory=dict[str, Bounds])
    allow_nonfinite: bool = False
    extra: Mapping[str, Any] = field(factory=no_extra)


@frozen
class PlanModel:
    """A whole document; without instances its blocks form a chain."""

    name: str
    signature: Signature
    blocks: tuple[PlanBlock, ...]
    instances: tuple[PlanInstance, ...] | None = None
    meta: Meta = Meta()
    origin: ModelOrigin | None = None
    extra: Mapping[str, Any] = field(factory=no_extra)


def input_ports(count: int) -> tuple[str, ...]:
    """The names of what goes in: X, or X0, X1 and so on."""
    return ports("X", count)


def output_ports(count: int) -> tuple[str, ...]:
    """The names of what comes out: Y, or Y0, Y1 and so on."""
    return ports("Y", count)


def ports(letter: str, count: int) -> tuple[str, ...]:
    """One name without a number, several with."""
    return (letter,) if count == 1 else tuple(f"{letter}{index}" for index in range(count))


def is_reserved(name: str) -> bool:
    """Whether a name is kept for what goes in and what comes out."""
    return name[:1] in {"X", "Y"}


def without_origin(item: Item) -> Item:
    """What an item computes, whichever node it was exported from; a tensor is still the one of its name."""
    if not isinstance(item, PlanTensor):
        return evolve(item, origins=())
    return item if item.origin is None else evolve(item, origin=evolve(item.origin, nodes=()))


def origins_of(item: Item) -> tuple[NodeOrigin, ...]:
    """The nodes that an item was exported from, one for each use of its block."""
    if not isinstance(item, PlanTensor):
        return item.origins
    return item.origin.nodes if item.origin else ()
