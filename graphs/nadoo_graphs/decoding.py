"""The strict half of the JSON form of nodes, types and contracts: the opposite of `encoding`.

Every function reads one `Part` of a document and leaves what is wrong with it in the part's list of problems.
"""

import keyword
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from nadoo_graphs.contract import CaptureReport, Constant, InputContract, Kind, Structure
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.node import Attribute, Node, Origin
from nadoo_graphs.parts import HIGHEST, LOWEST, Part, shown
from nadoo_graphs.sizes import Size, Symbolic, parse_size
from nadoo_graphs.values import ELEMENT_BITS, Value, ValueType

HIGHEST_UNSIGNED = 2**64 - 1
MOST_AXES = 64
KINDS = ("leaf", "constant", "tuple", "list", "dict", "ordered_dict", "named_tuple")
KEYED = ("dict", "ordered_dict", "named_tuple")
EMPTY_NODE: dict[str, Any] = {"operands": [], "attributes": {}, "tensors": {}, "outputs": [], "origin": {}}
TAGGED = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def decode_size(part: Part) -> Size:
    """A size: a number, or a text that is written as `str(size)` writes it."""
    if not isinstance(part.value, str):
        return part.integer(0)
    size = decode_symbolic(part)
    if isinstance(size, int):
        part.refuse(f"{shown(part.value)} is the number {size}; write it as one")
    return size


def decode_symbolic(part: Part) -> Size:
    """A size given as text, in its one canonical spelling."""
    try:
        size = read_size(part.text())
    except GraphError as error:
        part.problems.extend(Problem(problem.code, part.where, problem.message) for problem in error.problems)
        return 0
    if str(size) != part.value:
        part.refuse(f"{shown(part.value)} is not canonical; write it as {shown(str(size))}")
    return size


@lru_cache(maxsize=1024)
def read_size(text: str) -> Size:
    """The size that a text denotes; a graph says the same few sizes over and over."""
    return parse_size(text)


def decode_attribute(part: Part) -> Attribute:
    """An attribute; what JSON has no number for is an object with one tag."""
    value = part.value
    if isinstance(value, list):
        return tuple(decode_attribute(item) for item in part.items())
    if isinstance(value, dict):
        return decode_tagged(part)
    if isinstance(value, str):
        return part.text()
    if isinstance(value, float):
        return decode_float(part)
    return value if value is None or isinstance(value, bool) else part.integer(LOWEST, HIGHEST_UNSIGNED)


def decode_tagged(part: Part) -> Attribute:
    """A symbolic size, or a float that is not finite."""
    given = part.mapping()
    if set(given) == {"size"}:
        return decode_size_tag(part.child(given["size"], "size"))
    if set(given) == {"float"}:
        return TAGGED[part.child(given["float"], "float").choice(TAGGED)]
    part.refuse('an object here is {"size": text} or {"float": "inf", "-inf" or "nan"}')
    return None


def decode_size_tag(part: Part) -> Attribute:
    """The tag is for symbolic sizes only; a number stands for itself."""
    size = decode_size(part) if isinstance(part.value, str) else part.text()
    return size if isinstance(size, Symbolic) else None


def decode_float(part: Part) -> float:
    """A float that a double can hold; JSON's 1e999 is an infinity only by accident."""
    if math.isfinite(part.value):
        return part.value
    part.refuse("does not fit in 64 bits of floating point", Code.LIMIT)
    return 0.0


def decode_number(part: Part) -> float | None:
    """A number, an infinity by its tag, or null."""
    value = decode_attribute(part)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    part.expected("a number or null")
    return None


def decode_shape(part: Part) -> tuple[Size, ...]:
    """The sizes of a type, of which there are few."""
    items = part.items()
    if len(items) <= MOST_AXES:
        return tuple(decode_size(item) for item in items)
    part.refuse(f"has {len(items)} axes; at most {MOST_AXES} are read", Code.LIMIT)
    return ()


def decode_dtype(part: Part) -> str:
    """A dtype that the graph knows."""
    return part.choice(ELEMENT_BITS, Code.DTYPE)


def decode_type(part: Part) -> ValueType:
    """A type whose size in bytes a machine can count."""
    return decode_type_fields(part, part.fields(("shape", "dtype"), {"format": None}))


def decode_type_fields(part: Part, fields: Mapping[str, Part]) -> ValueType:
    """The type that three of the fields of a larger object say."""
    form = fields["format"]
    name = None if form.nothing() else form.name()
    return bounded(part, ValueType(decode_shape(fields["shape"]), decode_dtype(fields["dtype"]), name))


def bounded(part: Part, value: ValueType) -> ValueType:
    """Refuse a type that takes 2**63 bytes or more; every symbol is at least one, so it counts as one."""
    fixed = math.prod(size for size in value.shape if isinstance(size, int))
    if fixed * ELEMENT_BITS[value.dtype] // 8 > HIGHEST:
        part.refuse(f"takes {shown(fixed)} elements or more, which overflows 2**63 bytes", Code.LIMIT)
    return value


def decode_node(part: Part) -> tuple[Node, tuple[Value, ...]]:
    """A node and the values that it reads."""
    part.entitle("name")
    fields = part.fields(("name", "op"), EMPTY_NODE)
    node = Node(
        name=fields["name"].name(),
        op=fields["op"].name(),
        attributes={key: decode_attribute(item) for key, item in fields["attributes"].members().items()},
        tensors={role: item.name() for role, item in fields["tensors"].members().items()},
        outputs=tuple(decode_type(item) for item in fields["outputs"].items()),
        origin=decode_origin(fields["origin"]),
    )
    return node, tuple(decode_operand(item) for item in fields["operands"].items())


def decode_operand(part: Part) -> Value:
    """The node and output that an operand is."""
    items = part.items()
    if len(items) == 2:
        return Value(items[0].name(), items[1].integer(0))
    part.refuse("must be an array of a node's name and the number of its output")
    return Value("")


def decode_origin(part: Part) -> Origin:
    """Where a node came from."""
    if part.value == {}:
        return Origin()
    fields = part.fields((), {"module": "", "module_type": "", "source": "", "nodes": []})
    module, module_type, source = (fields[key].text() for key in ("module", "module_type", "source"))
    return Origin(module, module_type, source, tuple(item.name() for item in fields["nodes"].items()))


def decode_structure(part: Part) -> Structure:
    """How arguments or results nest; containers of a user's own class have no form."""
    fields = part.fields(("kind",), {"children": [], "keys": [], "constant": None, "type_name": ""})
    structure = Structure(
        kind=cast("Kind", fields["kind"].choice(KINDS)),
        children=tuple(decode_structure(item) for item in fields["children"].items()),
        keys=tuple(decode_key(item) for item in fields["keys"].items()),
        constant=decode_constant(fields["constant"]),
        type_name=fields["type_name"].text(),
    )
    for complaint in structure_complaints(structure):
        part.refuse(complaint)
    return structure


def structure_complaints(structure: Structure) -> list[str]:
    """What no container can be."""
    kind, keys, children = structure.kind, structure.keys, len(structure.children)
    found: list[str] = []
    if children and kind in {"leaf", "constant"}:
        found.append(f"a {kind} holds nothing, but {children} children are given; remove them")
    needed = {children} if kind in KEYED else {0, children} if kind == "tuple" else {0}
    if len(keys) not in needed:
        message = (
            f"{len(keys)} keys for {children} children; {', '.join(KEYED)} have one a child, a tuple may, others none"
        )
        found.append(message)
    if len(set(keys)) != len(keys):
        found.append("a key is given twice; keep one of them")
    if kind == "named_tuple" and not all(is_field(item) for item in (structure.type_name, *keys)):
        found.append("the type name and keys of a named tuple must be Python identifiers without leading underscore")
    return found


def is_field(name: str | int) -> bool:
    """Whether Python takes a name as a field of a named tuple."""
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def decode_key(part: Part) -> str | int:
    """A key of a dictionary of arguments."""
    return part.text() if isinstance(part.value, str) else part.integer()


def decode_constant(part: Part) -> Constant:
    """An argument that is no tensor."""
    value = decode_attribute(part)
    if not isinstance(value, tuple | Symbolic):
        return value
    part.expected("null, true, false, a number or a text")
    return None


def decode_input(part: Part) -> InputContract:
    """One input of the contract; its example lies in a data file."""
    fields = part.fields(("name", "type"), {"minimum": None, "maximum": None, "example": None})
    bounds = decode_number(fields["minimum"]), decode_number(fields["maximum"])
    return InputContract(fields["name"].name(), decode_type(fields["type"]), *bounds)


def decode_report(part: Part) -> CaptureReport:
    """What the capture had to say."""
    fields = part.fields((), {"train_only": [], "opaque": [], "notes": [], "fallback": False})
    train_only, opaque, notes = (decode_texts(fields[key]) for key in ("train_only", "opaque", "notes"))
    return CaptureReport(train_only, opaque, notes, fields["fallback"].flag())


def decode_texts(part: Part) -> tuple[str, ...]:
    """Several texts."""
    return tuple(item.text() for item in part.items())
