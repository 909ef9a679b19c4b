"""What hands on its operand bit for bit goes; whatever computes, copies for a reason or drops in training stays."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies

from nadoo_cleanup.remove_identities import IDENTITIES_REMOVED, RemoveIdentities
from nadoo_core.errors import NoChangeError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value

Step = tuple[str, dict[str, Any]]
SHAPE = ("N", 4, 4)

NOTHING: list[Step] = [
    ("identity", {}), ("clone", {}), ("cast", {"dtype": "float32"}), ("reshape", {"shape": (-1, 4, 4)}),
    ("flatten", {"start_dim": 1, "end_dim": 1}), ("squeeze", {"dim": (1,)}), ("expand", {"shape": (-1, 4, 4)}),
    ("slice", {"dim": 1, "start": 0, "end": None}), ("slice", {"dim": 1, "start": 0, "end": 99}),
    ("permute", {"dims": (0, 1, 2)}), ("transpose", {"dim0": 1, "dim1": 1}), ("transpose", {"dim0": -1, "dim1": 2}),
    ("pad", {"pad": (0, 0)}), ("roll", {"shifts": (0,), "dims": (1,)}), ("flip", {"dims": ()}),
    ("repeat", {"repeats": (1, 1, 1)}), ("dropout", {"p": 0.0}),
]  # fmt: skip
SOMETHING: list[Step] = [
    ("relu", {}), ("dropout", {"p": 0.5}), ("transpose", {"dim0": 1, "dim1": 2}), ("permute", {"dims": (0, 2, 1)}),
    ("flip", {"dims": (1,)}), ("roll", {"shifts": (1,), "dims": (1,)}), ("pad", {"pad": (1, -1)}), ("detach", {}),
]  # fmt: skip


def chain(*steps: Step) -> ModelGraph:
    """A tanh, the steps, and a sigmoid, so that the border is out of the way."""
    graph = ModelGraph("chain")
    value: Value = graph.add("tanh", [graph.add_input("x", SHAPE)])
    for index, (op, attributes) in enumerate(steps):
        value = graph.add(op, [value], name=f"step{index}", **attributes)
    graph.set_outputs([graph.add("sigmoid", [value])])
    return graph


def kept(graph: ModelGraph) -> list[str]:
    """The operators between the tanh and the sigmoid."""
    return [node.op for node in graph.nodes() if node.name.startswith("step")]


@pytest.mark.parametrize("step", NOTHING, ids=lambda step: f"{step[0]}-{step[1]}")
def test_what_does_nothing_goes(step: Step) -> None:
    result = RemoveIdentities().run(chain(step))
    assert kept(result.graph) == []
    assert result.record.established == ("identities removed",)
    assert result.record.measured.error32 == 0


@pytest.mark.parametrize("step", SOMETHING, ids=lambda step: f"{step[0]}-{step[1]}")
def test_what_does_something_stays(step: Step) -> None:
    assert IDENTITIES_REMOVED.holds(chain(step), frozenset())
    with pytest.raises(NoChangeError):
        RemoveIdentities().run(chain(step))


@pytest.mark.parametrize(
    "steps",
    [
        [("transpose", {"dim0": 1, "dim1": 2}), ("transpose", {"dim0": 2, "dim1": 1})],
        [("permute", {"dims": (1, 2, 0)}), ("permute", {"dims": (2, 0, 1)})],
        [("permute", {"dims": (0, 2, 1)}), ("transpose", {"dim0": -1, "dim1": -2})],
        [("flatten", {"start_dim": 1}), ("reshape", {"shape": (-1, 4, 4)})],
        [("unsqueeze", {"dim": 1}), ("squeeze", {"dim": (1,)})],
        [("transpose", {"dim0": 1, "dim1": 2}), ("identity", {}), ("transpose", {"dim0": 1, "dim1": 2})],
    ],
)
def test_what_is_undone_at_once_goes_with_what_undoes_it(steps: list[Step]) -> None:
    assert kept(RemoveIdentities().run(chain(*steps)).graph) == []


def test_permutations_that_are_not_undone_stay() -> None:
    with pytest.raises(NoChangeError):
        RemoveIdentities().run(chain(("permute", {"dims": (1, 2, 0)}), ("permute", {"dims": (1, 2, 0)})))


def test_an_undone_node_stays_for_those_who_read_it() -> None:
    graph = chain(("transpose", {"dim0": 1, "dim1": 2}), ("transpose", {"dim0": 1, "dim1": 2}))
    graph.set_outputs(["sigmoid", graph.add("relu", ["step0"], name="reader")])
    assert kept(RemoveIdentities().run(graph).graph) == ["transpose"]


@given(strategies.lists(strategies.sampled_from([*NOTHING, *SOMETHING]), max_size=6))
@settings(max_examples=40)
def test_any_chain_computes_the_same_bits(steps: list[Step]) -> None:
    """remove-identities changes no bit, leaves nothing to remove, and a second time finds nothing."""
    graph = chain(*steps)
    try:
        result = RemoveIdentities().run(graph)
    except NoChangeError:
        assert IDENTITIES_REMOVED.holds(graph, frozenset())
        return
    x = torch.randn(2, 4, 4)
    assert torch.equal(result.graph.run(x).result, graph.run(x).result)
    assert IDENTITIES_REMOVED.holds(result.graph, frozenset())
    with pytest.raises(NoChangeError):
        RemoveIdentities().run(result.graph)


def test_an_identity_between_input_and_output_goes_too() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", (2, 3))
    graph.set_outputs([graph.add("identity", [x]), graph.add("relu", [x])])
    assert [node.op for node in RemoveIdentities().run(graph).graph.nodes()] == ["input", "relu", "output"]


def test_a_copy_of_the_callers_own_tensor_stays() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", (2, 3))
    turned = graph.add("transpose", [x])
    graph.set_outputs([graph.add("clone", [turned], name="copy"), graph.add("identity", [x])])
    assert [node.name for node in RemoveIdentities().run(graph).graph.nodes(op="clone")] == ["copy"]


def test_a_copy_of_a_buffer_that_is_written_stays() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", (3,))
    graph.add_tensor("state", torch.zeros(3), "buffer")
    held = graph.add("tensor", name="held", tensors={"value": "state"})
    graph.add("write", [graph.add("add", [held, x])], tensors={"target": "state"})
    graph.set_outputs([graph.add("clone", [held], name="copy")])
    with pytest.raises(NoChangeError):
        RemoveIdentities().run(graph)


def test_nodes_that_were_named_and_do_something_are_refused() -> None:
    result = RemoveIdentities(where=["step0", "step1"]).run(chain(("identity", {}), ("relu", {})))  # type: ignore[arg-type]
    (refusal,) = result.record.refused
    assert refusal.node == "step1"
    assert refusal.reason == "'relu' changes its operand, or copies what others may write to"


def test_only_the_selected_nodes_are_looked_at() -> None:
    where = {"op": "identity", "take": "first"}
    result = RemoveIdentities(where=where).run(chain(("identity", {}), ("identity", {})))  # type: ignore[arg-type]
    assert kept(result.graph) == ["identity"]
