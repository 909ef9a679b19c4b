"""Laws about the graphs: the one that goes in stays as it is, the one that comes out is whole with the same border."""

import torch

from nadoo_core.passes import Context, Pass
from nadoo_core.passes.comparing import run, runs
from nadoo_core.passes.running import border, border_text
from nadoo_core.testing.context import made_inputs
from nadoo_core.testing.laws.law import applied
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.tensors import TensorRecord, content_digest

SEEDS = (1, 2)
OTHER = 1.5


def input_untouched(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """Tensors are compared by their bytes, because a write through `.data` or NumPy is counted by nobody."""
    fingerprint, contents = graph.fingerprint(), digests(graph)
    applied(operation, graph, context)
    written = [name for name, digest in digests(graph).items() if digest != contents.get(name)]
    if written:
        return f"it wrote into the tensors {written} of the graph before; replace them with graph.set_tensor"
    return None if graph.fingerprint() == fingerprint else "the graph before has another fingerprint afterwards"


def digests(graph: ModelGraph) -> dict[str, str]:
    """The hash of every tensor, computed anew."""
    return {name: content_digest(record.value) for name, record in graph.tensors.items()}


def deterministic(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """The global random numbers of torch differ between the two applications: nobody may decide by them."""
    with torch.random.fork_rng(devices=[]):
        results = [applied_with_seed(operation, graph, context, seed) for seed in SEEDS]
    if results[0] is None or results[1] is None:
        return None if results[0] is results[1] else "it refuses a graph only sometimes"
    difference = results[0].diff(results[1])
    if not difference:
        return None
    return f"two applications differ: {difference.lines()[0]}; take random numbers from context.generator()"


def applied_with_seed(operation: Pass, graph: ModelGraph, context: Context, seed: int) -> ModelGraph | None:
    """One application, after which and before which the global random numbers are the seed's."""
    torch.manual_seed(seed)
    return applied(operation, graph, context)


def result_valid(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """A valid graph that ran before is valid and runs after."""
    result = applied(operation, graph, context)
    if result is None:
        return None
    problems = result.violations()
    if problems:
        return f"the result is not valid: {'; '.join(map(str, problems))}"
    inputs = made_inputs(graph, 0)
    if runs(graph, inputs) and not runs(result, inputs):
        return "the result cannot be run, on inputs on which the graph before can"
    return None


def border_kept(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """The same inputs by name and type, as many results of the same types, nested as before."""
    result = applied(operation, graph, context)
    if result is None or border(result) == border(graph):
        return None
    return f"the border was {border_text(graph)} and is {border_text(result)}"


# --- the state dict ---------------------------------------------------------------------------------------------------


def state_reloads(operation: Pass, graph: ModelGraph, context: Context) -> str | None:
    """What a pass computed from weights has to be saved: its result on other weights, once filled, is the same."""
    result = applied(operation, graph, context)
    inputs = made_inputs(graph, 0)
    if result is None or result.violations() or not runs(result, inputs):
        return None
    fresh = applied(operation, with_other_weights(graph), context)
    if fresh is None or form(fresh) != form(result):
        fresh = with_other_weights(result)
    module = fresh.to_module()
    try:
        module.load_state_dict(result.to_module().state_dict())
    except RuntimeError as error:
        return f"the state dict does not fit: {error}"
    fresh.set_tensors(module.state_dict())
    if all(map(same, run(result, inputs), run(fresh, inputs))):
        return None
    unsaved = [name for name, record in result.tensors.items() if not is_saved(record)]
    return f"a module filled from the state dict gives other results; of the tensors, {unsaved} are not saved with it"


def form(graph: ModelGraph) -> list[str]:
    """What has to agree for a state dict to fit: nodes, and the names and types of tensors."""
    nodes = [f"{node.name} {node.op}" for node in graph.nodes()]
    return [*nodes, *sorted(f"{name} {record.type} {record.role}" for name, record in graph.tensors.items())]


def with_other_weights(graph: ModelGraph) -> ModelGraph:
    """The same model trained to other weights; variances stay positive."""
    other = graph.copy()
    for name, record in graph.tensors.items():
        if is_saved(record) and record.value.is_floating_point():
            other.set_tensor(name, record.value * OTHER)
    return other


def is_saved(record: TensorRecord) -> bool:
    """Whether a tensor is part of the state dict."""
    return record.role == "parameter" or (record.persistent and record.role == "buffer")


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two results agree in every bit; NaN is NaN."""
    return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))
