"""check_pass: one pass held to all laws, on named graphs and on drawn ones with drawn options."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from attrs import frozen
from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy

from nadoo_core.errors import OptionError
from nadoo_core.passes import Context, Pass
from nadoo_core.testing.context import law_context
from nadoo_core.testing.laws import LAWS, LawBroken, applied
from nadoo_core.testing.report import Item
from nadoo_core.testing.samples import sample_graphs
from nadoo_core.testing.strategies import graphs as drawn_graphs
from nadoo_core.testing.strategies import options as drawn_options
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import OpTable

Graphs: TypeAlias = SearchStrategy[ModelGraph]
EXAMPLES = 40
LEAST_EXAMPLES = 1
HEALTH: tuple[HealthCheck, ...] = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


class BreachError(Exception):
    """A drawn example that breaks a law, raised so that hypothesis makes it smaller."""


@frozen
class Tally:
    """How many graphs a pass was tried on, and which of them it changed."""

    changed: list[str]
    tried: list[str]

    def count(self, operation: Pass, graph: ModelGraph, context: Context) -> None:
        """Note one graph; only those that the pass changes show anything of what it does."""
        self.tried.append(graph.name)
        result = applied(operation, graph, context)
        if result is not None and result.fingerprint() != graph.fingerprint():
            self.changed.append(graph.name)


def check_pass(
    pass_class: type[Pass],
    *,
    graphs: Graphs | None = None,
    options: SearchStrategy[Pass] | None = None,
    examples: int = EXAMPLES,
    ops: OpTable | None = None,
) -> Item:
    """Hold a pass to every law: on the samples, on its own `example_graphs()`, and on drawn graphs and options.

    Each breach is shown with the smallest graph and options that were found for it.
    """
    tally = Tally([], [])
    operations = default_operations(pass_class)
    named = [*sample_graphs(ops).values(), *own_graphs(pass_class)]
    problems = [problem for graph in named for operation in operations for problem in breaches(operation, graph, tally)]
    drawn_operations = drawn_options(pass_class) if options is None else options
    if not problems:
        suited = [graph for graph in named if graph.name in tally.changed] or named
        drawn = drawn_graphs(ops) if graphs is None else graphs
        problems = search(drawn_operations, strategies.sampled_from(suited) | drawn, tally, examples)
    notes = (f"tried on {len(tally.tried)} graphs, changed {len(tally.changed)} of them",)
    if not tally.changed:
        notes = (*notes, "it changed none of them, which shows nothing: give the class example_graphs()")
    return Item("passes", pass_class.name, tuple(dict.fromkeys(problems)), notes, checked=bool(tally.changed))


def default_operations(pass_class: type[Pass]) -> tuple[Pass, ...]:
    """The pass as it is without options, where it needs none."""
    try:
        return (pass_class(),)
    except (OptionError, TypeError):
        return ()


def own_graphs(pass_class: type[Pass]) -> Iterable[ModelGraph]:
    """The graphs that the pass itself offers, because it works on nodes that no sample has."""
    offered: Callable[[], Iterable[ModelGraph]] | None = getattr(pass_class, "example_graphs", None)
    return () if offered is None else offered()


def breaches(operation: Pass, graph: ModelGraph, tally: Tally) -> list[str]:
    """Every law that a pass breaks on a graph, with both."""
    context = law_context(graph, operation)
    tally.count(operation, graph, context)
    found = [law(operation, graph, context) for law in LAWS.values()]
    return [described(operation, graph, breach) for breach in found if breach is not None]


def described(operation: Pass, graph: ModelGraph, breach: LawBroken) -> str:
    """A breach with what it was found with, so that it can be built again."""
    lines = [f"{breach} ({LAWS[breach.law].statement})", f"by {operation}", *graph.text().splitlines()]
    return "\n        ".join(lines)


def search(operations: SearchStrategy[Pass], graphs: Graphs, tally: Tally, examples: int) -> list[str]:
    """The first breach on drawn examples, made as small as it gets."""

    @settings(
        max_examples=max(LEAST_EXAMPLES, examples),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=HEALTH,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(operations, graphs)
    def hold(operation: Pass, graph: ModelGraph) -> None:
        found = breaches(operation, graph, tally)
        if found:
            raise BreachError(found[0])

    try:
        hold()
    except BreachError as breach:
        return [str(breach)]
    except Unsatisfiable:
        return ["no options that it takes were found; give check_pass(…, options=a strategy)"]
    return []
