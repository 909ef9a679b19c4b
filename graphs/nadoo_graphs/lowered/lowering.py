"""From a graph to a lowered program: one rule an operator writes its loops, views become slices of their base."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered.call import LoweringCall, Views
from nadoo_graphs.lowered.errors import LoweredError
from nadoo_graphs.lowered.preparing import prepared
from nadoo_graphs.lowered.program import Program
from nadoo_graphs.node import INPUT, OUTPUT, Node

Rule = Callable[[LoweringCall], None]
BORDER = frozenset({INPUT, OUTPUT})


def lower(graph: ModelGraph, rules: Mapping[str, Rule] | None = None, border: str = "codes") -> Program:
    """The program of a graph for one sample; every node without a rule is named before anything is written.

    `border` says what callers give and get where the model quantizes: "codes", or real numbers ("float").
    """
    known = standard_rules() if rules is None else rules
    refuse_unknown(graph, known)
    graph = prepared(graph)
    views = Views(graph, border)
    problems: list[Problem] = []
    for node in graph.nodes():
        if node.op in BORDER or node.name in views.settled:
            continue
        try:
            run_rule(known[node.op], LoweringCall(views, node))
        except GraphError as error:
            problems.extend(error.problems)
            views.give_up(node)
    if problems:
        raise LoweredError(problems, f"graph {graph.name!r} cannot be lowered:")
    return views.program()


def run_rule(rule: Rule, call: LoweringCall) -> None:
    """One node, unless what it reads could not be lowered."""
    if call.readable:
        rule(call)
        call.finish()
    else:
        call.views.give_up(call.node)


def refuse_unknown(graph: ModelGraph, rules: Mapping[str, Any]) -> None:
    """Name every node that has no kernel, and what to do instead."""
    problems = list(unknown(graph.nodes(), rules))
    if problems:
        raise LoweredError(problems, f"graph {graph.name!r} has operators without a kernel:")


def unknown(nodes: Iterable[Node], rules: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem for each node without a kernel."""
    for node in nodes:
        if node.op in rules or node.op in BORDER:
            continue
        message = ADVICE.get(
            node.op, "replace it by operators that have one, or add a row to a plugin's table of kernels"
        )
        what = str(node.attributes.get("target", node.op))
        yield Problem(Code.UNKNOWN, f"node {node.name!r} ({what})", f"has no kernel: {message}")


ADVICE = {
    "opaque": "no row describes the operator; write the model with others, or add a row to a plugin's tables",
    "conv3d": "three axes have no kernel; fold one of them into the channels, or use conv2d",
    "conv_transpose1d": "replace it by an upsample and a convolution",
    "conv_transpose2d": "replace it by an upsample and a convolution",
    "conv_transpose3d": "replace it by an upsample and a convolution",
    "write": "it changes a buffer of the model; export the model in evaluation",
}


def standard_rules() -> dict[str, Rule]:
    """The plain kernels that come with the graph; nothing else is imported for them."""
    from nadoo_graphs.lowered.rules import standard

    return standard()
