"""The fingerprint: blind to how a graph was made, and to nothing that it computes."""

import random
from collections.abc import Callable

import pytest
import torch
from attrs import evolve
from hypothesis import given, strategies

from nadoo_graphs.contract import Contract, Structure, sequence
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Origin
from nadoo_graphs.tensors import content_digest
from nadoo_graphs.values import Value
from tests.graphs.random_graphs import graphs, weight
from tests.graphs.small_ops import small_ops


def rebuilt(graph: ModelGraph, seed: int) -> ModelGraph:
    """The same graph, its tensors and nodes added in another order."""
    chooser = random.Random(seed)  # noqa: S311
    other = ModelGraph("rebuilt", graph.ops)
    for name in chooser.sample(list(graph.tensors), len(graph.tensors)):
        record = graph.record(name)
        other.add_tensor(name, record.value.clone(), record.role, trainable=record.trainable)
    for alias, holder in reversed(graph.aliases.items()):
        other.tie_tensor(alias, holder)
    for node in graph.inputs:
        other.add_input(node.name, node.type.shape, node.type.dtype)
    waiting = [node for node in graph if node.op not in {"input", "output"}]
    while waiting:
        ready = [node for node in waiting if all(value.node in other for value in graph.operands(node))]
        node = chooser.choice(ready)
        waiting.remove(node)
        other.add(node.op, graph.operands(node), name=node.name, tensors=node.tensors, **node.attributes)
    other.set_outputs(graph.outputs)
    return other


@given(graphs, strategies.integers())
def test_the_order_of_insertion_does_not_count(graph: ModelGraph, seed: int) -> None:
    """Graphs of equal nodes, wiring and tensors have one fingerprint and no difference."""
    other = rebuilt(graph, seed)
    assert other.fingerprint() == graph.fingerprint()
    assert not graph.diff(other)


@given(graphs)
def test_a_copy_has_the_same_fingerprint(graph: ModelGraph) -> None:
    assert graph.copy().fingerprint() == graph.fingerprint()


@given(graphs)
def test_an_edit_and_its_inverse_cancel(graph: ModelGraph) -> None:
    """What is inserted and bypassed again leaves the fingerprint as it was."""
    before = graph.fingerprint()
    for node in graph.nodes(op=("input", "relu", "add")):
        made = graph.insert_after(node, "relu")
        assert graph.fingerprint() != before
        graph.bypass(made.node)
        assert graph.fingerprint() == before


def base() -> ModelGraph:
    graph = ModelGraph("base", small_ops())
    x, y = graph.add_input("x", ("N", 4)), graph.add_input("y", ("N", 4))
    hidden = graph.add("linear", [x], name="fc", tensors={"weight": weight(1, 4, 4)})
    graph.set_outputs([graph.add("sub", [hidden, y]), graph.add("scale", [hidden], factor=2.0)])
    graph.add_tensor("spare", torch.zeros(2))
    return graph


def swapped_inputs() -> ModelGraph:
    graph = ModelGraph("base", small_ops())
    y, x = graph.add_input("y", ("N", 4)), graph.add_input("x", ("N", 4))
    hidden = graph.add("linear", [x], name="fc", tensors={"weight": weight(1, 4, 4)})
    graph.set_outputs([graph.add("sub", [hidden, y]), graph.add("scale", [hidden], factor=2.0)])
    graph.add_tensor("spare", torch.zeros(2))
    return graph


def record_changed(name: str, **fields: object) -> Callable[[ModelGraph], None]:
    return lambda graph: graph._put_tensor(name, evolve(graph.record(name), **fields))


CHANGES: dict[str, Callable[[ModelGraph], object]] = {
    "an operator": lambda g: g.replace("scale", "relu"),
    "an attribute": lambda g: g.update("scale", factor=3.0),
    "a number's kind": lambda g: g.update("scale", factor=2),
    "a text beside None": lambda g: g.update("scale", label="None"),
    "an operand": lambda g: g.rewire("sub", 0, "x"),
    "the order of operands": lambda g: (g.rewire("sub", 0, "y"), g.rewire("sub", 1, "fc")),
    "the order of outputs": lambda g: g.set_outputs(["scale", "sub"]),
    "the number of outputs": lambda g: g.set_outputs(["sub"]),
    "a name": lambda g: g.rename("sub", "difference"),
    "a tensor": lambda g: g.set_tensor("fc.weight", weight(2, 4, 4)),
    "the sign of a zero": lambda g: g.set_tensor("spare", torch.tensor([0.0, -0.0])),
    "a tensor's dtype": lambda g: g.set_tensor("spare", torch.zeros(2, dtype=torch.int32)),
    "a tensor's shape": lambda g: g.set_tensor("spare", torch.zeros(2, 1)),
    "a tensor's role": record_changed("spare", role="buffer"),
    "whether a tensor is saved": record_changed("spare", persistent=False),
    "whether a tensor trains": record_changed("spare", trainable=False),
    "a tensor's format": record_changed("spare", format="int4"),
    "a tied name": lambda g: g.tie_tensor("tied", "spare"),
    "a further tensor": lambda g: g.add_tensor("more", torch.zeros(1)),
    "a tensor less": lambda g: g.remove_tensor("spare"),
    "how arguments nest": lambda g: setattr(g, "contract", Contract(arguments=sequence(2))),
    "how results nest": lambda g: setattr(g, "contract", Contract(results=Structure("list", (Structure(),) * 2))),
    "the range of a symbol": lambda g: setattr(g, "contract", Contract(symbols={"N": (1, 8)})),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_counts_and_is_named(change: str) -> None:
    """Two graphs differ in `diff` exactly when they differ in fingerprint."""
    graph, other = base(), base()
    assert graph.fingerprint() == other.fingerprint()
    CHANGES[change](other)
    assert graph.fingerprint() != other.fingerprint()
    assert graph.diff(other)
    assert other.diff(graph)


def test_the_order_of_inputs_counts_because_it_is_that_of_the_arguments() -> None:
    assert base().fingerprint() != swapped_inputs().fingerprint()
    assert str(base().diff(swapped_inputs())) == "~ border: inputs: x, y → y, x"


def test_the_graphs_name_and_origins_do_not_count() -> None:
    graph = base()
    graph.name = "other"
    graph._replace_node(evolve(graph["sub"], origin=Origin("module", source="file.py:1")))
    assert graph.fingerprint() == base().fingerprint()
    assert not graph.diff(base())


def test_the_hash_of_a_tensor_is_remembered_until_it_is_written_to() -> None:
    graph = base()
    record = graph.record("fc.weight")
    before = graph.fingerprint()
    record.memo.digest = "remembered"
    assert graph.fingerprint() != before
    record.value.add_(0)
    assert graph.fingerprint() == before


def test_outputs_of_one_node_are_told_apart() -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add("chunk", [graph.add_input("x", (4,))])
    graph.set_outputs([Value("chunk", 0)])
    other = graph.copy()
    other.set_outputs([Value("chunk", 1)])
    assert graph.fingerprint() != other.fingerprint()
    assert str(graph.diff(other)) == "~ output: operands: chunk → chunk:1"


def test_one_number_that_was_cut_from_a_larger_tensor_is_hashed_like_any_other() -> None:
    cut = torch.arange(20.0).reshape(2, 10)[:1, 3]
    assert cut.stride() == (10,)
    assert content_digest(cut) == content_digest(torch.tensor([3.0]))
