"""Kernels that are a nest of loops around one block, which is the form that most rules write."""

from attrs import frozen

from nadoo_graphs.lowered.expressions import Number
from nadoo_graphs.lowered.program import Kernel
from nadoo_graphs.lowered.statements import For, Statement, Store, walk


@frozen(eq=False)
class Nest:
    """A kernel that is a nest of loops around one block, at whose end one element is stored."""

    loops: tuple[For, ...]
    block: tuple[Statement, ...]
    store: Store


def nest_of(kernel: Kernel) -> Nest | None:
    """A kernel as a nest of loops, if it is one."""
    body, loops = kernel.body, list[For]()
    while len(body) == 1 and isinstance(body[0], For) and body[0].start == Number(0):
        loops.append(body[0])
        body = body[0].body
    stores = [item for item in walk(body) if isinstance(item, Store)]
    if len(stores) != 1 or stores[0] is not body[-1] or stores[0].role in kernel.read:
        return None
    return Nest(tuple(loops), body[:-1], stores[0])
