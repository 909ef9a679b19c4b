"""A graph walked node by node gives what running it gives, and takes tensors that are replaced on the way."""

import torch

from nadoo_core.quantizing import Walk, examples_that_fit
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value


def graph() -> ModelGraph:
    """Two layers with a relu between them."""
    made = ModelGraph("walked")
    h = made.add_input("x", ("N", 3))
    h = made.add("linear", [h], name="one", tensors={"weight": torch.eye(3) * 2})
    h = made.add("relu", [h], name="relu")
    made.set_outputs([made.add("linear", [h], name="two", tensors={"weight": torch.ones(1, 3)})])
    return made


def test_it_gives_the_values_of_a_run() -> None:
    made, inputs = graph(), torch.randn(5, 3)
    walk = Walk(made, inputs)
    walk.run_until_before("two")
    assert walk.next == made["two"]
    assert torch.equal(walk.operands(made["two"])[0], (inputs * 2).relu())
    walk.step()
    assert torch.equal(walk.value(Value("two")), made.run(inputs).result)
    assert walk.next is None


def test_a_tensor_may_be_replaced_before_its_node_runs() -> None:
    made, inputs = graph(), torch.rand(5, 3)
    walk = Walk(made, inputs)
    walk.run_until_before("two")
    made.set_tensor("two.weight", torch.full((1, 3), 2.0))
    walk.step()
    assert torch.allclose(walk.value(Value("two")), inputs.sum(1, keepdim=True) * 4)


def test_values_that_nobody_reads_any_more_are_let_go() -> None:
    walk = Walk(graph(), torch.rand(2, 3))
    walk.run_until_before("two")
    assert set(walk.interpreter.values) == {Value("relu")}


def test_large_values_mean_fewer_examples() -> None:
    assert examples_that_fit(graph(), 256) == 256
    assert examples_that_fit(graph(), 256, most_bytes=100) == 8
    assert examples_that_fit(graph(), 4, most_bytes=1) == 4
