"""The table of all operators that have a row over codes."""

from collections.abc import Mapping

from nadoo_graphs.node import Node
from nadoo_quantization import clamps, joins, lookups, means, norms
from nadoo_quantization.rewriter import Handler, Rewriter


def either(first: Handler, second: Handler) -> Handler:
    """The first of two handlers that admits a node."""

    def admits(rewriter: Rewriter, node: Node) -> bool:
        return first.fits(rewriter, node) or second.fits(rewriter, node)

    def rewrite(rewriter: Rewriter, node: Node) -> None:
        (first if first.fits(rewriter, node) else second).rewrite(rewriter, node)

    return Handler(admits, rewrite, second.row or first.row)


def all_handlers() -> Mapping[str, Handler]:
    """Handlers by operator; one that two modules know is rewritten by the first that admits the node."""
    found: dict[str, Handler] = {}
    for table in (joins.HANDLERS, clamps.HANDLERS, means.HANDLERS, norms.HANDLERS, lookups.HANDLERS):
        for op, handler in table.items():
            found[op] = either(found[op], handler) if op in found else handler
    return found
