"""Laws about promises: the effect, the options, the needs, the report, and that doing nothing is said."""

import json
from typing import Any

from nadoo_core.errors import NadooError, NeedError, NoChangeError, PassError, SelectorError
from nadoo_core.options import json_schema, structure, unstructure
from nadoo_core.passes import Context, Pass, PassResult
from nadoo_core.passes.comparing import Inputs, largest_error, reference, runs, widened
from nadoo_core.testing.context import made_inputs
from nadoo_core.testing.laws.law import applied
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.precision import with_dtype

TRIALS = ((1, 1), (2, 2), (3, 5))
"""The seed and the batch of each input that an effect is tried with."""
REPEATS = 4
UNDONE = (NoChangeError, SelectorError)


def refuses_in_words(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """What a pass cannot do it refuses with an error of nadoo's own; a KeyError tells a user nothing."""
    try:
        operation.run(graph, context)
    except NadooError as error:
        cause = error.__cause__
        return None if cause is None else f"it let {type(cause).__name__} escape on this graph: {error}"
    except Exception as error:
        return f"it raised {type(error).__name__}, which is no error of nadoo: {error}"
    return None


def effect_kept(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """Several inputs and batches, in the graph's own precision and, where the effect asks for it, in float64."""
    effect = operation.promise()
    result = applied(operation, graph, context)
    if effect.single is None or result is None or result.violations():
        return None
    trials = [inputs for inputs in (made_inputs(graph, *trial) for trial in TRIALS) if runs(graph, inputs)]
    broken = excess(graph, result, trials, effect.single)
    if broken is None and effect.double is not None:
        wide = with_dtype(graph, "float64")
        wide_result = applied(operation, wide, context)
        if wide_result is None:
            return "it refuses the float64 copy of a graph that it does not refuse"
        broken = excess(wide, wide_result, [widened(inputs) for inputs in trials], effect.double)
    return broken and f"{broken}; {effect.promise}"


def excess(before: ModelGraph, after: ModelGraph, trials: "list[Inputs]", limit: float) -> str | None:
    """The complaint about a difference beyond the limit."""
    try:
        error = largest_error(reference(before, trials), after)
    except (GraphError, RuntimeError, IndexError, ValueError) as refusal:
        return f"the result cannot be run: {refusal}"
    return None if error <= limit else f"results differ by {error:.3g} of their size"


def options_return(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """A ledger and a store key hold options as a recipe would say them; reading those gives the same pass."""
    written: dict[str, Any] = unstructure(operation)
    try:
        again: object = structure(type(operation), json.loads(json.dumps(written, allow_nan=False)), "options")
    except (TypeError, ValueError, NadooError) as error:
        return f"its options {written} cannot be read back: {error}"
    if again != operation:
        return f"its options {written} are read back as {unstructure(again)}"
    unknown = set(written) - set(json_schema(type(operation)).get("properties", {}))
    return f"the JSON Schema of its options lacks {sorted(unknown)}" if unknown else None


def need_refused(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """Without the properties that it needs, a pass is refused before it sees the graph."""
    without = Context(step=context.step, seed=context.seed, services=context.services, allow_no_change=True)
    unmet = [item.name for item in operation.needs if not (item.structural and bool(item.holds(graph, frozenset())))]
    if not unmet:
        return None
    try:
        operation.run(graph, without)
    except NeedError as error:
        silent = [name for name in unmet if repr(name) not in str(error)]
        return f"the refusal does not name the needs {silent}" if silent else None
    except NadooError as error:
        return f"the needs {unmet} are unmet, and the refusal speaks of something else: {error}"
    return f"the needs {unmet} are unmet, and it ran all the same"


def nothing_said(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """Where a pass finds nothing to do, `run` says so instead of reporting success."""
    for _ in range(REPEATS):
        result = applied(operation, graph, context)
        if result is None:
            return None
        if result.fingerprint() == graph.fingerprint():
            return unsaid(operation, graph, context)
        graph = result
    return None


def unsaid(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """The complaint about a run that is known to do nothing and reports success."""
    try:
        operation.run(graph, context)
    except UNDONE:
        return None
    except PassError as error:
        return f"it changes nothing, and the refusal speaks of something else: {error}"
    return "it changes nothing, and `run` reports success"


# --- the report -------------------------------------------------------------------------------------------------------


def report_true(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """Everything that the record says and that can be seen from outside is recomputed."""
    try:
        result = operation.run(graph, context)
    except NadooError:
        return None
    record = result.record
    told = {**record.changes.as_dict(), "before": record.before, "after": record.after, "options": record.options}
    seen = seen_changes(graph, result)
    seen |= {"before": graph.fingerprint(), "after": result.graph.fingerprint(), "options": unstructure(operation)}
    wrong = [f"{key} is {told[key]}, in truth {seen[key]}" for key in told if told[key] != seen[key]]
    wrong += [
        f"it refused {item.node!r}, which is no node of the graph" for item in record.refused if item.node not in graph
    ]
    wrong += [f"it refused {item.node!r} without a reason" for item in record.refused if not item.reason.strip()]
    wrong += false_properties(operation, result)
    return "; ".join(wrong) or unwritable(result)


def seen_changes(graph: ModelGraph, result: PassResult) -> dict[str, Any]:
    """The names of what differs, from the graphs themselves."""
    after = result.graph
    return {
        "nodes_added": [name for name in after.order() if name not in graph],
        "nodes_removed": [name for name in graph.order() if name not in after],
        "nodes_changed": [name for name in graph.order() if name in after and is_other_node(graph, after, name)],
        "tensors_added": [name for name in after.tensors if name not in graph.tensors],
        "tensors_removed": [name for name in graph.tensors if name not in after.tensors],
        "tensors_changed": [
            name for name in graph.tensors if name in after.tensors and is_other_tensor(graph, after, name)
        ],
    }


def is_other_node(before: ModelGraph, after: ModelGraph, name: str) -> bool:
    """Whether a node differs in anything but where it comes from."""
    one, other = before[name], after[name]
    parts = [
        (node.op, repr(dict(node.attributes)), dict(node.tensors), node.outputs, graph.operands(name))
        for graph, node in ((before, one), (after, other))
    ]
    return parts[0] != parts[1]


def is_other_tensor(before: ModelGraph, after: ModelGraph, name: str) -> bool:
    """Whether a tensor differs in content, role or names."""
    return described(before, name) != described(after, name)


def described(graph: ModelGraph, name: str) -> tuple[Any, ...]:
    """What a state dict and a trainer see of a tensor."""
    record = graph.tensors[name]
    tied = sorted(alias for alias, holder in graph.aliases.items() if holder == name)
    return (record.type, record.digest(), record.role, record.persistent, record.trainable, tied)


def false_properties(operation: Pass, result: PassResult) -> list[str]:
    """Established structural properties that the result does not have."""
    claimed = set(result.record.established)
    return [
        f"it reports {item.name!r} as established, which is false"
        for item in operation.establishes
        if item.structural and item.name in claimed and not item.holds(result.graph, frozenset())
    ]


def unwritable(result: PassResult) -> str | None:
    """The complaint about a record that JSON cannot hold."""
    try:
        json.dumps(result.record.as_dict(), allow_nan=False)
    except (TypeError, ValueError) as error:
        return f"its record cannot be written as JSON: {error}"
    return None
