"""Everything that can be said of a document without its data files: form, names, types and symbols."""

from collections.abc import Collection, Iterator

from nadoo_graphs.errors import Problem
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.ops import OpTable
from nadoo_graphs.plan.document import BATCH, PlanModel, Signature
from nadoo_graphs.plan.instances import instance_problems
from nadoo_graphs.plan.resolve import ResolvedBlock, Tables, resolve, undeclared
from nadoo_graphs.sizes import symbols_of


def check_model(
    model: PlanModel, ops: OpTable, formats: FormatTable, operators: Collection[str]
) -> tuple[dict[str, ResolvedBlock], list[Problem]]:
    """The resolved blocks by name, and everything that is wrong with names, types and symbols."""
    symbols = frozenset({BATCH, *model.meta.symbols})
    tables = Tables(ops, formats, operators, symbols)
    resolved = [resolve(block, tables) for block in model.blocks]
    problems = [
        *symbol_problems(model, symbols),
        *(problem for one in resolved for problem in one.problems),
        *instance_problems(model),
    ]
    return {one.block.name: one for one in resolved}, problems


def symbol_problems(model: PlanModel, symbols: Collection[str]) -> Iterator[Problem]:
    """Symbols in declared shapes that nothing declares."""
    signatures = {"model": model.signature, **{f"block {block.name!r}": block.signature for block in model.blocks}}
    for where, signature in signatures.items():
        yield from undeclared(where, used_symbols(signature), symbols)


def used_symbols(signature: Signature) -> set[str]:
    """The symbols of a signature."""
    types = (*signature.inputs, *signature.outputs)
    return {name for item in types for size in item.shape for name in symbols_of(size)}
