"""What an operator is: one row of a table that says everything any other part needs to know about it.

A row infers output types without torch, runs in torch (with tensors, or with tracing proxies, so that one definition
serves the interpreter and the generated module), and counts its work. Plugins add rows of the same class.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import evolve, field, frozen

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.node import Attribute
from nadoo_graphs.sizes import Size, Symbolic
from nadoo_graphs.values import ELEMENT_BITS, ValueType

if TYPE_CHECKING:
    from torch import nn

    from nadoo_graphs.channels.rule import ChannelRule
    from nadoo_graphs.formats import Format, FormatTable
    from nadoo_graphs.ops.table import OpTable

Kind: TypeAlias = str
KINDS: dict[Kind, str] = {
    "bool": "true or false",
    "int": "an integer",
    "float": "a number",
    "number": "a number or boolean",
    "str": "a text",
    "size": "an integer or a symbolic size",
    "ints": "a tuple of integers",
    "sizes": "a tuple of integers or symbolic sizes",
    "bools": "a tuple of booleans",
    "floats": "a tuple of numbers",
    "dtype": f"a dtype: {', '.join(ELEMENT_BITS)}",
    "any": "any attribute value",
}


CLASSES: dict[Kind, type | tuple[type, ...]] = {
    "bool": bool,
    "int": int,
    "float": (int, float),
    "number": (int, float),
    "str": str,
    "size": (int, Symbolic),
}


class Required:
    """Marks an attribute that has no default."""


REQUIRED = Required()


@frozen
class AttributeRow:
    """One attribute of an operator: its kind, its default, and whether None is allowed."""

    name: str
    kind: Kind
    default: Attribute | Required = REQUIRED
    optional: bool = False

    def admits(self, value: Attribute) -> bool:
        """Whether a value is of this attribute's kind."""
        return self.optional if value is None else is_kind(self.kind, value)


def is_kind(kind: Kind, value: Attribute) -> bool:
    """Whether a value is of a kind; booleans are no integers, integers are numbers."""
    if kind in {"ints", "sizes", "bools", "floats"}:
        return isinstance(value, tuple) and all(is_kind(kind.removesuffix("s"), item) for item in value)
    if kind == "any" or isinstance(value, bool):
        return kind in {"any", "bool", "number"}
    if kind == "dtype":
        return isinstance(value, str) and value in ELEMENT_BITS
    return isinstance(value, CLASSES[kind])


@frozen
class Role:
    """One tensor that a node refers to, such as the weight of a convolution.

    `held` is what a tensor becomes that is given with its node: a parameter, or a buffer that no training changes.
    """

    name: str
    optional: bool = False
    held: str = "parameter"


@frozen
class Call:
    """What inference and counting see of one node: types and attributes, never tensors."""

    node: str
    op: str
    operands: tuple[ValueType, ...]
    tensors: Mapping[str, ValueType]
    attributes: Mapping[str, Attribute]
    declared: tuple[ValueType, ...] = ()
    ops: "OpTable | None" = field(default=None, eq=False, repr=False)

    @property
    def operand(self) -> ValueType:
        """The first operand's type."""
        return self.operands[0]

    def format(self, name: str) -> "Format":
        """A number format by name, or a refusal that lists those of the graph."""
        try:
            return self.table.formats[name]
        except GraphError as error:
            raise self.refuse(f"{error.problems[0].where}: {error.problems[0].message}", Code.UNKNOWN) from error

    @property
    def table(self) -> "OpTable":
        """The operators and formats of the graph, or the standard ones."""
        from nadoo_graphs.ops.table import standard_ops

        return standard_ops() if self.ops is None else self.ops

    def refuse(self, message: str, code: Code = Code.SHAPE) -> GraphError:
        """The error that an inference raises for operands that do not fit; the message says what would."""
        return GraphError(Problem(code, f"node {self.node!r} ({self.op})", message))


def direct(overload: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call an overload here and now."""
    return overload(*arguments, **keywords)


@frozen
class Run:
    """What execution sees of one node: tensors or tracing proxies, and attributes whose sizes are numbers.

    A row without tensor operands calls through `emit`, because nothing else tells torch that a call is being traced.
    """

    operands: tuple[Any, ...]
    tensors: Mapping[str, Any]
    attributes: Mapping[str, Any]
    emit: Callable[..., Any] = direct

    @property
    def operand(self) -> Any:
        """The first operand."""
        return self.operands[0]


@frozen
class Making:
    """What a layer is made from that needs to know more than attributes: types, the tables, and names for messages."""

    node: str
    attributes: Mapping[str, Any]
    tensors: Mapping[str, str]
    operands: tuple[ValueType, ...]
    outputs: tuple[ValueType, ...]
    ops: "OpTable"

    @property
    def formats(self) -> "FormatTable":
        """The number formats of the graph."""
        return self.ops.formats

    @property
    def operand(self) -> ValueType:
        """The type of the first operand."""
        return self.operands[0]

    @property
    def type(self) -> ValueType:
        """The type of the first output."""
        return self.outputs[0]


class Codes(StrEnum):
    """What a row does with codes, the integers that stand for the numbers of a quantized value."""

    REFUSED = "refused"
    KEPT = "kept"
    READ = "read"


Infer: TypeAlias = Callable[[Call], tuple[ValueType, ...]]
Count: TypeAlias = Callable[[Call, tuple[ValueType, ...]], Size]
Roles: TypeAlias = Callable[[Mapping[str, Attribute]], tuple[Role, ...]]
CodesOf: TypeAlias = Callable[[Mapping[str, Attribute]], Codes]
Share: TypeAlias = Callable[[Mapping[str, Attribute]], float]
Stored: TypeAlias = Callable[[Mapping[str, Attribute]], Mapping[str, str | None]]


def as_held(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Every tensor lies in flash as its dtype says."""
    return {}


def always(attributes: Mapping[str, Attribute]) -> float:
    """The share of a node that is no conditional one."""
    return 1.0


def no_work(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """The count of an operator that only moves data."""
    return 0


def per_element(count: int) -> Count:
    """The count of an operator that does the same small work for each output element."""
    return lambda call, outputs: outputs[0].elements * count


@frozen(kw_only=True)
class Op:
    """One row: a name, its attributes and tensors, how to infer, run and count it.

    `layer` is for rows that run as a module and need to know types, formats or other rows. `codes` says whether
    quantized values may be operands: refused, kept as they are, or read by a row that knows what they stand for.
    `stored` gives the format in which a role's tensor lies in flash, None where it takes no room of its own.
    """

    name: str
    summary: str
    infer: Infer
    execute: Callable[[Run], Any] | None = None
    module: "Callable[[Mapping[str, Any]], nn.Module] | None" = None
    layer: "Callable[[Making], nn.Module] | None" = None
    codes: Codes | CodesOf = Codes.REFUSED
    stored: Stored = as_held
    attributes: tuple[AttributeRow, ...] = ()
    roles: tuple[Role, ...] | Roles = ()
    arity: tuple[int, int | None] = (1, 1)
    macs: Count = no_work
    elementary: Count = no_work
    aliases: tuple[str, ...] = ()
    view: bool = False
    commutative: bool = False
    in_place: tuple[int, ...] = ()
    random: bool = False
    effect: bool = False
    share: Share = always
    """In which share of executions a conditional node is expected to do its work; what is counted is the worst case."""
    channels: "ChannelRule | None" = None
    """How channels go through it; without a rule here or in `nadoo_graphs.channels` it freezes what it touches."""
    known: Mapping[str, AttributeRow] = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "known", {row.name: row for row in self.attributes})

    def types(self, call: Call) -> tuple[ValueType, ...]:
        """The output types of a node, with the rule for codes kept."""
        held = [item.format for item in call.operands if item.format is not None and item.is_floating]
        codes = self.codes if isinstance(self.codes, Codes) else self.codes(call.attributes)
        if not held or codes is Codes.READ:
            return self.infer(call)
        if codes is Codes.REFUSED:
            message = f"reads codes of {held[0]}, and {self.name} knows only the numbers that they stand for"
            raise call.refuse(f"{message}; put a dequantize before it, or use its quantized row", Code.DTYPE)
        return self.with_codes(call, held[0])

    def with_codes(self, call: Call, name: str) -> tuple[ValueType, ...]:
        """What is only moved stays in its format; values that meet must be codes of one format."""
        others = sorted({str(item) for item in call.operands if item.is_floating and item.format != name})
        if others:
            message = f"joins codes of {name} with {', '.join(others)}; use quantized_cat, or requantize them first"
            raise call.refuse(message, Code.DTYPE)
        dtypes = {item.dtype for item in call.operands if item.format == name}
        return tuple(evolve(item, format=name) if item.dtype in dtypes else item for item in self.infer(call))

    def roles_of(self, attributes: Mapping[str, Attribute]) -> tuple[Role, ...]:
        """The tensors that a node with these attributes has; a recurrent layer's depend on its depth."""
        return self.roles(attributes) if callable(self.roles) else self.roles

    def complete(self, attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
        """All attributes in the order of the row, defaults filled in; unknown ones are kept for `problems` to name."""
        filled = {
            row.name: attributes.get(row.name, row.default)
            for row in self.attributes
            if row.name in attributes or not isinstance(row.default, Required)
        }
        unknown = {name: value for name, value in attributes.items() if name not in self.known}
        return {**filled, **unknown}  # type: ignore[dict-item]

    def problems(self, node: str, attributes: Mapping[str, Attribute]) -> list[Problem]:
        """Every attribute that is missing, unknown or of the wrong kind."""
        where = f"node {node!r} ({self.name})"
        allowed = ", ".join(row.name for row in self.attributes) or "none"
        found: list[Problem] = []
        for name in attributes:
            if name not in self.known:
                found.append(Problem(Code.UNKNOWN, where, f"unknown attribute {name!r}; allowed: {allowed}"))
        for row in self.attributes:
            if row.name not in attributes:
                found.append(Problem(Code.SCHEMA, where, f"attribute {row.name!r} is missing; give {KINDS[row.kind]}"))
            elif not row.admits(attributes[row.name]):
                message = f"attribute {row.name!r} is {attributes[row.name]!r}; give {KINDS[row.kind]}"
                found.append(Problem(Code.SCHEMA, where, message))
        return found
