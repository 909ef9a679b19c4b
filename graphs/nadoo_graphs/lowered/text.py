"""Programs as text and back: nested lists in parentheses, readable by people and exactly as good as the program.

    (program digits (inputs x) (outputs y)
      (buffer x input f32 64 (shape 1 64))
      (kernel run_fc linear float32 (roles (x x 0 64) …)
        (for o 0 10 parallel
          (let total 0.0:f32) …

Numbers carry their kind unless it is i32. Constants of flash are given as bytes in hexadecimal.
"""

from typing import Any, cast

import numpy as np

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import refused
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Number, Operation
from nadoo_graphs.lowered.program import Buffer, Function, Kernel, Program
from nadoo_graphs.lowered.statements import For, If, Let, Statement, Store
from nadoo_graphs.lowered.symbols import Quoted, Tree, rendered
from nadoo_graphs.lowered.types import Kind

Written = list[Any]


def text(program: Program, *, data: bool = True) -> str:
    """A program as text; without its data it is shorter, and can no longer be read back."""
    head: Written = ["program", Quoted(program.name), ["inputs", *map(Quoted, program.inputs)]]
    tree = [*head, ["outputs", *map(Quoted, program.outputs)], ["arena", program.arena_bytes]]
    tree += [["offset", Quoted(name), offset] for name, offset in program.offsets.items()]
    tree += [buffer_tree(buffer, data=data) for buffer in program.buffers.values()]
    tree += [function_tree(function) for function in program.functions.values()]
    tree += [kernel_tree(kernel, data=data) for kernel in program.kernels]
    return rendered(tree) + "\n"


def buffer_tree(buffer: Buffer, *, data: bool) -> Tree:
    """A buffer and what is known of it."""
    tree: Written = ["buffer", Quoted(buffer.name), buffer.storage, buffer.kind.value, buffer.length]
    if buffer.shape:
        tree.append(["shape", *buffer.shape])
    if buffer.format:
        tree.append(["format", Quoted(buffer.format)])
    if buffer.scale is not None:
        tree.append(["scale", float(buffer.scale).hex(), buffer.zero_point])
    if buffer.comment:
        tree.append(["comment", Quoted(buffer.comment)])
    if buffer.data is not None and data:
        raw = np.ascontiguousarray(buffer.data).astype(buffer.kind.numpy.newbyteorder("<"))
        tree.append(["data", Quoted(raw.tobytes().hex())])
    return tree


def function_tree(function: Function) -> Tree:
    """A function."""
    parameters = [[name, kind.value] for name, kind in function.parameters]
    body = [statement_tree(statement) for statement in function.body]
    uses = ["uses", *(other.name for other in function.uses)]
    head: Written = ["function", function.name, ["parameters", *parameters], uses, Quoted(function.comment)]
    return [*head, *body, ["result", expression_tree(function.result)]]


def kernel_tree(kernel: Kernel, *, data: bool) -> Tree:
    """A kernel: what it is, what its roles stand for, and its loops."""
    head: Written = ["kernel", Quoted(kernel.name), kernel.operator, Quoted(kernel.format)]
    roles = [[role, Quoted(part.buffer), part.offset, part.length] for role, part in kernel.roles.items()]
    head += [["layer", Quoted(kernel.layer)], ["comment", Quoted(kernel.comment)], ["roles", *roles]]
    head.append(["attributes", *([name, attribute_tree(value)] for name, value in kernel.attributes.items())])
    if kernel.integers is not None and data:
        rows, columns = kernel.integers.shape
        head.append(["integers", rows, columns, Quoted(kernel.integers.astype("<i4").tobytes().hex())])
    if kernel.starts is not None and data:
        head.append(["starts", kernel.starts.size, Quoted(kernel.starts.astype("<i4").tobytes().hex())])
    return [*head, *(statement_tree(statement) for statement in kernel.body)]


def attribute_tree(value: Any) -> Tree:
    """A value that a kernel is chosen by, tagged with its type."""
    if isinstance(value, tuple | list):
        return ["list", *map(attribute_tree, cast("tuple[Any, ...]", value))]
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, int) else ["float", value.hex()] if isinstance(value, float) else Quoted(value)


def statement_tree(statement: Statement) -> Tree:
    """A statement and its body."""
    if isinstance(statement, For):
        head: Written = ["for", statement.variable, expression_tree(statement.start), expression_tree(statement.stop)]
        mark = ["parallel"] if statement.parallel else []
        return [*head, *mark, *map(statement_tree, statement.body)]
    if isinstance(statement, If):
        return ["if", expression_tree(statement.condition), *map(statement_tree, statement.body)]
    if isinstance(statement, Store):
        place = [statement.role, expression_tree(statement.index)]
        return ["store", statement.memory.value, *place, expression_tree(statement.value)]
    return ["let" if isinstance(statement, Let) else "set", statement.name, expression_tree(statement.value)]


def expression_tree(expression: Expression) -> Tree:
    """An expression."""
    if isinstance(expression, Number):
        return number_tree(expression)
    if isinstance(expression, Name):
        return expression.name if expression.kind is Kind.I32 else f"{expression.name}:{expression.kind.value}"
    if isinstance(expression, Load):
        return ["load", expression.memory.value, expression.role, expression_tree(expression.index)]
    if isinstance(expression, Call):
        return ["call", expression.kind.value, expression.function, *map(expression_tree, expression.arguments)]
    if isinstance(expression, Operation):
        head = expression.op if expression.kind is Kind.I32 else f"{expression.op}:{expression.kind.value}"
        return [head, *map(expression_tree, expression.operands)]
    raise refused(Code.UNKNOWN, "expression", f"{expression!r} is none that text knows")


def number_tree(number: Number) -> Tree:
    """A constant: the shortest text that reads back as the same number."""
    if number.kind is Kind.I32:
        return int(number.value)
    value = str(np.float32(number.value)) if number.kind is Kind.F32 else repr(number.value)
    return f"{value}:{number.kind.value}"
