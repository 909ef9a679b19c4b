"""What a run would do, found out by applying the steps without data: nothing is trained, measured or written.

A step that asks for data or training is passed over, and the graph is taken to keep its form. What comes after it is
therefore what will happen as far as that is true, and a step that would stop then is only reported as possible.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from nadoo_core.errors import ContextError, CoreCode, NadooError, Problem
from nadoo_core.options import option_fields
from nadoo_core.passes import Context, Pass, PassResult, Selector
from nadoo_core.recipe import Recipe, Step
from nadoo_graphs.counting import count
from nadoo_graphs.graph import ModelGraph

State: TypeAlias = Literal["changes", "keeps", "passed over", "stops", "may stop"]
NO_CHANGES: dict[str, list[str]] = {}


@frozen(kw_only=True)
class Foreseen:
    """One step: what it would look at, and what it would change."""

    step: Step
    state: State
    matches: dict[str, list[dict[str, str]]]
    graph: ModelGraph
    changes: dict[str, list[str]] = field(factory=dict[str, list[str]])
    refused: tuple[dict[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The step for programs."""
        counted = count(self.graph)
        return {
            "name": self.step.name,
            "pass": self.step.pass_name,
            "effect": type(self.step.operation.promise()).__name__.lower(),
            "state": self.state,
            "matches": self.matches,
            "changes": self.changes,
            "refused": list(self.refused),
            "problems": [str(problem) for problem in self.problems],
            "parameters": counted.parameters,
            "weight_bytes": counted.weight_bytes,
        }


def foresee(recipe: Recipe, graph: ModelGraph) -> Iterator[Foreseen]:
    """Every step in its order; after one that would stop the graph stays as it was."""
    properties, certain = recipe.held, True
    for step in recipe.steps:
        found, result = foresee_step(recipe, step, graph, properties, certain=certain)
        yield found
        certain = certain and found.state in {"changes", "keeps"}
        properties = result.properties if result else properties_after(step.operation, properties)
        graph = found.graph


def foresee_step(
    recipe: Recipe, step: Step, graph: ModelGraph, properties: frozenset[str], *, certain: bool
) -> tuple[Foreseen, PassResult | None]:
    """One step applied to the graph as far as it is known."""
    matches = {key: described(choice.matches(graph), graph) for key, choice in selectors(step.operation)}
    context = Context(
        step=step.name, seed=recipe.seed, properties=properties, allow_no_change=step.allow_no_change, check=False
    )
    try:
        result = step.operation.run(graph, context)
    except ContextError:
        return Foreseen(step=step, state="passed over", matches=matches, graph=graph), None
    except NadooError as error:
        state: State = "stops" if certain else "may stop"
        return Foreseen(step=step, state=state, matches=matches, graph=graph, problems=error.problems), None
    return foreseen(step, matches, result, certain=certain), result


def foreseen(step: Step, matches: Any, result: PassResult, *, certain: bool) -> Foreseen:
    """A step that was applied, held to what the recipe requires of it."""
    record, problems = result.record, tuple(required(step, result))
    changed: State = "changes" if record.changed else "keeps"
    stopped: State = "stops" if certain else "may stop"
    return Foreseen(
        step=step,
        state=stopped if problems else changed,
        matches=matches,
        graph=result.graph,
        changes=record.changes.as_dict() if record.changed else NO_CHANGES,
        refused=tuple({"node": item.node, "reason": item.reason} for item in record.refused),
        problems=problems,
    )


def required(step: Step, result: PassResult) -> Iterator[Problem]:
    """What the recipe requires and the step would not do."""
    changed = result.record.changes.nodes
    if step.require is not None and changed < step.require.min_changed:
        message = f"would change {changed} nodes and require.min_changed is {step.require.min_changed}; lower it"
        yield Problem(CoreCode.NO_CHANGE, f"step {step.name!r}", message)


def properties_after(operation: Pass, properties: frozenset[str]) -> frozenset[str]:
    """What is taken to be true after a step that was not applied."""
    broken = {item.name for item in operation.breaks}
    return (properties - broken) | {item.name for item in operation.establishes if not item.structural}


def selectors(operation: Pass) -> Iterator[tuple[str, Selector]]:
    """The selectors among the options of a pass."""
    for item in option_fields(type(operation)):
        value = getattr(operation, item.attribute)
        if isinstance(value, Selector):
            yield item.key, value


def described(nodes: Iterable[Any], graph: ModelGraph) -> list[dict[str, str]]:
    """Nodes with operator and type."""
    return [
        {"node": node.name, "op": node.op, "type": ", ".join(str(output) for output in graph[node.name].outputs)}
        for node in nodes
    ]
