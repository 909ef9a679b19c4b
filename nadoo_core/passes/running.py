"""What happens when a pass runs: check its needs, copy, apply, verify, hold it to its promises, record."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, cast

import attrs
from attrs import evolve

from nadoo_core.errors import (
    CoreCode,
    EffectError,
    NeedError,
    NoChangeError,
    PassError,
    Problem,
    SelectorError,
)
from nadoo_core.options import unstructure
from nadoo_core.options.fields import option_fields
from nadoo_core.passes.base import Pass
from nadoo_core.passes.context import Context
from nadoo_core.passes.effects import Measured
from nadoo_core.passes.layer_table import LayerTable
from nadoo_core.passes.properties import Property
from nadoo_core.passes.record import Changes, PassRecord, PassResult
from nadoo_core.passes.selector import Selector
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import ValueType

PRECISE = 3


def run_pass(step: Pass, graph: ModelGraph, context: Context) -> PassResult:
    """The graph after a pass, with everything that was found out about it; the graph before is untouched."""
    started = time.perf_counter()
    refuse_unmet(step, graph, context)
    refuse_unmatched(step, graph, context)
    before = graph.fingerprint()
    own = context.begun()
    changed = applied(step, graph, own)
    refuse_written(step, graph, before)
    after = changed.fingerprint()
    if after == before:
        refuse_unchanged(step, own)
    refuse_other_border(step, graph, changed)
    measured = held_to_effect(step, graph, changed, own) if after != before else Measured(unchecked="nothing changed")
    established = established_by(step, changed, own)
    seconds = round(time.perf_counter() - started, PRECISE)
    changes = Changes.of(graph.diff(changed)) if after != before else Changes()
    record = evolve(opened(step, own), before=before, after=after, changes=changes, measured=measured)
    record = evolve(record, established=established, seconds=seconds)
    return PassResult(changed, record, history_after(step, context, changed=after != before))


def opened(step: Pass, context: Context) -> PassRecord:
    """The record of a pass with what was asked and said."""
    return PassRecord(
        name=step.name,
        options=unstructure(step),
        step=context.step,
        seed=context.seed,
        effect=type(step.promise()).__name__.lower(),
        refused=tuple(context.notes.refused),
        log=tuple(context.notes.log),
        tables=dict(context.notes.tables),
    )


def place_of(step: Pass, context: Context) -> str:
    """How messages name the step."""
    return f"step {context.step!r}" if context.step == step.name else f"step {context.step!r} ({step.name})"


# --- before -----------------------------------------------------------------------------------------------------------


def refuse_unmet(step: Pass, graph: ModelGraph, context: Context) -> None:
    """Every property that the pass needs is there."""
    missing = [item for item in step.needs if not item.holds(graph, context.properties)]
    if missing:
        raise NeedError([need_problem(item, place_of(step, context)) for item in missing])


def need_problem(item: Property, where: str) -> Problem:
    """The complaint about a property that is missing."""
    return Problem(CoreCode.NEED, where, item.missing())


def refuse_unmatched(step: Pass, graph: ModelGraph, context: Context) -> None:
    """Every selector and every glob of a table fits something, unless the step may do nothing."""
    if context.allow_no_change:
        return
    where = place_of(step, context)
    problems = [
        problem
        for item in option_fields(type(step))
        for path, choice in choices_in(getattr(step, item.attribute), f"{where}.{item.key}")
        for problem in choice.problems(graph, path)
    ]
    if problems:
        raise SelectorError(problems)


def choices_in(value: Any, where: str) -> "Iterator[tuple[str, Selector | LayerTable[Any]]]":
    """Every selector and table in an option, with its path."""
    if isinstance(value, Selector | LayerTable):
        yield where, value  # pyright: ignore[reportUnknownVariableType]
        return
    for path, item in parts_of(value):
        yield from choices_in(item, f"{where}{path}")


def parts_of(value: Any) -> list[tuple[str, Any]]:
    """The values inside of a value, with their step in the path."""
    if isinstance(value, tuple | list):
        return [(f"[{index}]", item) for index, item in enumerate(cast("list[Any]", value))]
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", item) for key, item in cast("Mapping[str, Any]", value).items()]
    cls = cast("type[object]", type(value))
    return [(f".{item.key}", getattr(value, item.attribute)) for item in option_fields(cls)] if attrs.has(cls) else []


# --- the application --------------------------------------------------------------------------------------------------


def applied(step: Pass, graph: ModelGraph, context: Context) -> ModelGraph:
    """A copy of the graph that the pass has changed, verified; whatever the pass raises becomes a PassError."""
    copy, where = graph.copy(), place_of(step, context)
    try:
        answer: object = step.apply(copy, context)  # pyright: ignore[reportAssignmentType]
    except PassError:
        raise
    except GraphError as error:
        raise PassError(error.problems, f"{where} could not change the graph:") from error
    except Exception as error:  # a pass may come from anybody
        message = f"raised {type(error).__name__}: {error}; the graph is untouched, report it to the pass's author"
        raise PassError(Problem(CoreCode.PASS, where, message)) from error
    if answer is not None:
        message = f"apply returned {type(answer).__name__}; it must change the graph it is given and return nothing"
        raise PassError(Problem(CoreCode.PASS, where, message))
    problems = copy.violations()
    if problems:
        raise PassError(problems, f"{where} left a graph that is not valid:")
    return copy


def refuse_written(step: Pass, graph: ModelGraph, fingerprint: str) -> None:
    """The graph before is as it was: tensors are shared with the copy, and replaced instead of written to."""
    if graph.fingerprint() != fingerprint:
        message = "wrote into a tensor of the graph it was given; use graph.set_tensor with a new one"
        raise PassError(Problem(CoreCode.PASS, f"pass {step.name!r}", message))


def refuse_unchanged(step: Pass, context: Context) -> None:
    """A step that does nothing is an error, and says what it refused to do."""
    if context.allow_no_change:
        return
    refused = f"; it refused {context.notes.reasons}" if context.notes.refused else ""
    message = f"changed nothing{refused}; change its options, remove it, or set allow_no_change = true"
    raise NoChangeError(Problem(CoreCode.NO_CHANGE, place_of(step, context), message))


def refuse_other_border(step: Pass, before: ModelGraph, after: ModelGraph) -> None:
    """Whoever called the model before can call it after: the same inputs, as many results of the same shape."""
    if border(before) != border(after):
        message = f"changed the border of the graph from {border_text(before)} to {border_text(after)}; no pass may"
        raise PassError(Problem(CoreCode.PASS, f"pass {step.name!r}", message))


def border(graph: ModelGraph) -> tuple[Any, ...]:
    """What callers see: names and types of the inputs, types of the results, without number formats."""
    inputs = tuple((node.name, plain(node.type)) for node in graph.inputs)
    contract = graph.contract
    structures = (contract.arguments, contract.keywords, contract.results)
    return (inputs, tuple(plain(graph.type(value)) for value in graph.outputs), structures)


def plain(declared: ValueType) -> ValueType:
    """A type without its number format."""
    return attrs.evolve(declared, format=None)


def border_text(graph: ModelGraph) -> str:
    """The border as messages show it."""
    inputs = ", ".join(f"{node.name}: {plain(node.type)}" for node in graph.inputs)
    return f"({inputs}) → {', '.join(str(plain(graph.type(value))) for value in graph.outputs)}"


# --- after ------------------------------------------------------------------------------------------------------------


def held_to_effect(step: Pass, before: ModelGraph, after: ModelGraph, context: Context) -> Measured:
    """The measured errors; those beyond the promise are an EffectError."""
    effect, where = step.promise(), place_of(step, context)
    if not context.check:
        return Measured(unchecked="the context says check=False")
    if effect.single is None:
        return Measured(unchecked="the pass promises nothing about results")
    from nadoo_core.passes.comparing import compare_runs

    try:
        measured = compare_runs(effect, before, after, lambda wide: applied(step, wide, context.silent()))
    except PassError:
        raise
    except (GraphError, RuntimeError, IndexError, ValueError) as error:
        refuse_broken(where, error)
    problems = effect.problems(measured, where)
    if problems:
        raise EffectError(problems)
    return measured


def refuse_broken(where: str, error: Exception) -> NoReturn:
    """The graph ran before the pass and does not after it."""
    message = f"left a graph that cannot be run: {type(error).__name__}: {error}; report it to the pass's author"
    raise EffectError(Problem(CoreCode.EFFECT, where, message)) from error


def established_by(step: Pass, graph: ModelGraph, context: Context) -> tuple[str, ...]:
    """The declared properties that hold; one that does not is a breach unless the step was asked for less than all."""
    history = frozenset(item.name for item in step.establishes)
    missing = [item for item in step.establishes if not item.holds(graph, history)]
    if missing and not context.notes.refused and not confined(step):
        raise EffectError([broken_promise(item, place_of(step, context)) for item in missing])
    return tuple(item.name for item in step.establishes if item not in missing)


def broken_promise(item: Property, where: str) -> Problem:
    """The complaint about a property that the pass promises and the graph does not have."""
    message = f"promises the property {item.name!r} ({item.summary}), which is not so; report it to the pass's author"
    return Problem(CoreCode.EFFECT, where, message)


def confined(step: Pass) -> bool:
    """Whether a selector of the step is not the pass's own."""
    choices = [(getattr(step, item.attribute), item) for item in option_fields(type(step))]
    return any(isinstance(value, Selector) and value != item.default_value() for value, item in choices)


def history_after(step: Pass, context: Context, *, changed: bool) -> frozenset[str]:
    """The historical properties after a pass; one that changed nothing broke nothing."""
    broken = {item.name for item in step.breaks} if changed else set[str]()
    made = {item.name for item in step.establishes if not item.structural}
    return (context.properties - broken) | made
