"""Text back to programs: whatever is wrong with it is said, and nothing is believed that is not checked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import LoweredError, refused
from nadoo_graphs.lowered.expressions import LOGICAL, OPERATIONS, Call, Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.program import Buffer, Function, Kernel, Program, Slice
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, Store
from nadoo_graphs.lowered.symbols import Quoted, Tree, read_tree
from nadoo_graphs.lowered.types import Kind

KINDS = {kind.value: kind for kind in Kind}
HEADS = ("layer", "comment", "roles", "attributes", "integers", "starts")
"""What a kernel says of itself before its body."""


def wrong(what: str, tree: Any, wanted: str) -> LoweredError:
    """The error of a part that is not as it should be."""
    return refused(Code.SCHEMA, what, f"is {str(tree)[:80]!r}; give {wanted}")


def read(text: str) -> Program:
    """The program that a text describes."""
    try:
        return program_of(read_tree(text))
    except (IndexError, ValueError, TypeError, KeyError, OverflowError) as error:
        message = f"has a part of the wrong form ({error}); give a program as it was written"
        raise refused(Code.SCHEMA, "text", message) from error


def program_of(tree: Tree) -> Program:
    """A program from its tree."""
    items = listed(tree, "program")
    parts = grouped(items[2:])
    functions: dict[str, Function] = {}
    for part in parts.get("function", []):
        function = function_of(part, functions)
        functions[function.name] = function
    buffers = [buffer_of(part) for part in parts.get("buffer", [])]
    return Program(
        name=name_of(items[1]),
        buffers={buffer.name: buffer for buffer in buffers},
        kernels=tuple(kernel_of(part) for part in parts.get("kernel", [])),
        inputs=tuple(map(quoted, parts["inputs"][0][1:])),
        outputs=tuple(map(quoted, parts["outputs"][0][1:])),
        functions=functions,
        offsets={quoted(part[1]): int(part[2]) for part in parts.get("offset", [])},
        arena_bytes=int(parts["arena"][0][1]) if "arena" in parts else 0,
    )


def listed(tree: Tree, head: str) -> list[Any]:
    """A list that begins with a word."""
    if isinstance(tree, list) and tree and tree[0] == head:
        return tree
    raise wrong(head, tree, f"a list that begins with {head!r}")


def grouped(items: Sequence[Any]) -> dict[str, list[Any]]:
    """Lists by their first word, in order."""
    found: dict[str, list[Any]] = {}
    for item in items:
        if not isinstance(item, list) or not item or not isinstance(item[0], str):
            raise wrong("part", item, "a list that begins with a word")
        found.setdefault(item[0], []).append(item)
    return found


def quoted(item: Any) -> str:
    """A text in quotes."""
    if isinstance(item, Quoted):
        return item.text
    raise wrong("text", item, "a text in quotes")


def name_of(item: Any) -> str:
    """A text in quotes that something is called by, so that it cannot be empty."""
    if quoted(item):
        return quoted(item)
    raise wrong("name", item, "a name that is not empty")


def word(item: Any) -> str:
    """A bare word."""
    if isinstance(item, str):
        return item
    raise wrong("word", item, "a bare word")


def kind_of(item: Any) -> Kind:
    """A kind of number."""
    if isinstance(item, str) and item in KINDS:
        return KINDS[item]
    raise wrong("kind", item, f"one of {', '.join(KINDS)}")


def buffer_of(items: list[Any]) -> Buffer:
    """A buffer."""
    kind, parts = kind_of(items[3]), grouped(items[5:])
    data = None
    if "data" in parts:
        raw = bytes.fromhex(quoted(parts["data"][0][1]))
        data = np.frombuffer(raw, kind.numpy.newbyteorder("<")).astype(kind.numpy)
    scale = parts.get("scale")
    return Buffer(
        name=name_of(items[1]),
        storage=word(items[2]),
        kind=kind,
        length=int(items[4]),
        data=data,
        format=quoted(parts["format"][0][1]) if "format" in parts else None,
        comment=quoted(parts["comment"][0][1]) if "comment" in parts else "",
        scale=float.fromhex(word(scale[0][1])) if scale else None,
        zero_point=int(scale[0][2]) if scale else 0,
        shape=tuple(map(int, parts["shape"][0][1:])) if "shape" in parts else (),
    )


def function_of(items: list[Any], known: Mapping[str, Function]) -> Function:
    """A function, whose called ones were read before."""
    parameters = tuple((word(name), kind_of(kind)) for name, kind in items[2][1:])
    return Function(
        name=word(items[1]),
        parameters=parameters,
        body=tuple(map(statement_of, items[5:-1])),
        result=expression_of(listed(items[-1], "result")[1]),
        comment=quoted(items[4]),
        uses=tuple(known[word(name)] for name in items[3][1:]),
    )


def kernel_of(items: list[Any]) -> Kernel:
    """A kernel."""
    heads = [item for item in items[4:] if item[0] in HEADS]
    parts = grouped(heads)
    roles = {
        word(role): Slice(quoted(buffer), int(offset), int(length))
        for role, buffer, offset, length in parts["roles"][0][1:]
    }
    integers = None
    if "integers" in parts:
        _, rows, columns, raw = parts["integers"][0]
        integers = np.frombuffer(bytes.fromhex(quoted(raw)), "<i4").reshape(int(rows), int(columns)).astype(np.int32)
    starts = np.frombuffer(bytes.fromhex(quoted(parts["starts"][0][2])), "<i4") if "starts" in parts else None
    return Kernel(
        name=name_of(items[1]),
        operator=word(items[2]),
        format=quoted(items[3]),
        roles=roles,
        body=tuple(map(statement_of, items[4 + len(heads) :])),
        attributes={word(name): attribute_of(value) for name, value in parts["attributes"][0][1:]},
        layer=quoted(parts["layer"][0][1]),
        comment=quoted(parts["comment"][0][1]),
        integers=integers,
        starts=None if starts is None else starts.astype(np.int32),
    )


def attribute_of(tree: Any) -> Any:
    """A value that a kernel is chosen by."""
    if isinstance(tree, Quoted):
        return tree.text
    if isinstance(tree, list):
        items = cast("list[Any]", tree)
        return float.fromhex(items[1]) if items[0] == "float" else tuple(map(attribute_of, items[1:]))
    fixed = {"none": None, "true": True, "false": False}
    return fixed[tree] if tree in fixed else int(tree)


def statement_of(tree: Any) -> Statement:
    """A statement and its body."""
    head = tree[0]
    if head == "for":
        parallel = len(tree) > 4 and tree[4] == "parallel"
        body = tuple(map(statement_of, tree[5 if parallel else 4 :]))
        return For(word(tree[1]), expression_of(tree[2]), expression_of(tree[3]), body, parallel)
    if head == "if":
        return If(expression_of(tree[1]), tuple(map(statement_of, tree[2:])))
    if head == "store":
        return Store(word(tree[2]), expression_of(tree[3]), expression_of(tree[4]), kind_of(tree[1]))
    makers: dict[str, Callable[[str, Expression], Statement]] = {"let": Let, "set": Assign}
    if head not in makers:
        raise wrong("statement", tree, "for, if, let, set or store")
    return makers[head](word(tree[1]), expression_of(tree[2]))


def expression_of(tree: Any) -> Expression:
    """An expression."""
    if isinstance(tree, str):
        return atom_of(tree)
    head = word(tree[0])
    if head == "load":
        return Load(word(tree[2]), expression_of(tree[3]), kind_of(tree[1]))
    if head == "call":
        return Call(word(tree[2]), tuple(map(expression_of, tree[3:])), kind_of(tree[1]))
    op, _, kind = head.partition(":")
    if op not in OPERATIONS:
        raise wrong("operation", head, f"one of {', '.join(OPERATIONS)}, {', '.join(LOGICAL)}")
    return Operation(op, tuple(map(expression_of, tree[1:])), kind_of(kind or "i32"))


def atom_of(text: str) -> Expression:
    """A number or a name, with its kind unless that is i32."""
    value, _, suffix = text.partition(":")
    kind = kind_of(suffix or "i32")
    numeric = value[0] in "-0123456789" or value in ("inf", "nan")
    if not numeric:
        return Name(value, kind)
    return Number(float(value), kind) if kind.floating else Number(int(value), kind)
