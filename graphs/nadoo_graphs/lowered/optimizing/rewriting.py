"""What optimizations share: rewriting every expression of a program from the inside out."""

from collections.abc import Callable, Mapping

from attrs import evolve

from nadoo_graphs.lowered.expressions import Call, Expression, Load, Name, Operation
from nadoo_graphs.lowered.program import Function, Kernel, Program
from nadoo_graphs.lowered.statements import For, If, Statement, Store

Rewrite = Callable[[Expression], Expression]


def rewritten(expression: Expression, rewrite: Rewrite) -> Expression:
    """An expression with its parts rewritten, then itself."""
    if isinstance(expression, Operation):
        expression = evolve(expression, operands=tuple(rewritten(part, rewrite) for part in expression.operands))
    elif isinstance(expression, Load):
        expression = Load(expression.role, rewritten(expression.index, rewrite), expression.memory)
    elif isinstance(expression, Call):
        expression = evolve(expression, arguments=tuple(rewritten(part, rewrite) for part in expression.arguments))
    return rewrite(expression)


def rewritten_statement(statement: Statement, rewrite: Rewrite) -> Statement:
    """A statement with all its expressions rewritten."""
    if isinstance(statement, For):
        start, stop = rewritten(statement.start, rewrite), rewritten(statement.stop, rewrite)
        return evolve(statement, start=start, stop=stop, body=rewritten_body(statement.body, rewrite))
    if isinstance(statement, If):
        condition = rewritten(statement.condition, rewrite)
        return evolve(statement, condition=condition, body=rewritten_body(statement.body, rewrite))
    if isinstance(statement, Store):
        index, value = rewritten(statement.index, rewrite), rewritten(statement.value, rewrite)
        return evolve(statement, index=index, value=value)
    return evolve(statement, value=rewritten(statement.value, rewrite))


def rewritten_body(body: tuple[Statement, ...], rewrite: Rewrite) -> tuple[Statement, ...]:
    """Statements with all their expressions rewritten."""
    return tuple(rewritten_statement(statement, rewrite) for statement in body)


def with_bodies(program: Program, change: Callable[[tuple[Statement, ...]], tuple[Statement, ...]]) -> Program:
    """A program with the bodies of kernels and functions changed; the same one if nothing has changed."""
    kernels = tuple(with_body(kernel, change(kernel.body)) for kernel in program.kernels)
    functions = {name: function_with(function, change(function.body)) for name, function in program.functions.items()}
    same = all(map(lambda one, two: one is two, kernels, program.kernels))
    same = same and all(functions[name] is program.functions[name] for name in functions)
    return program if same else evolve(program, kernels=kernels, functions=functions, offsets={}, arena_bytes=0)


def with_body(kernel: Kernel, body: tuple[Statement, ...]) -> Kernel:
    """A kernel with another body."""
    return kernel if body == kernel.body else evolve(kernel, body=body)


def function_with(function: Function, body: tuple[Statement, ...]) -> Function:
    """A function with another body."""
    return function if body == function.body else evolve(function, body=body)


def renamed(expression: Expression, names: Mapping[str, Expression]) -> Expression:
    """An expression with some names replaced."""
    return rewritten(expression, lambda part: names.get(part.name, part) if isinstance(part, Name) else part)
