"""Edits: each does what it says, keeps the graph valid, or is refused and leaves no trace."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import pytest
import torch
from hypothesis import given, strategies

from nadoo_graphs.contract import Contract, InputContract
from nadoo_graphs.errors import Code, EditError, GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node, NodeSpec, Origin
from nadoo_graphs.values import Value, value_type
from tests.graphs.random_graphs import graphs, positions, weight
from tests.graphs.small_ops import small_ops


def chain() -> ModelGraph:
    """x → fc → relu → add(relu, x) → output, all four wide."""
    graph = ModelGraph("chain", small_ops())
    x = graph.add_input("x", ("N", 4))
    hidden = graph.add("linear", [x], name="fc", tensors={"weight": weight(1, 4, 4)}, origin=Origin("block"))
    graph.set_outputs([graph.add("add", [graph.add("relu", [hidden]), x])])
    return graph


def edges(graph: ModelGraph) -> set[tuple[str, str]]:
    return {(value.node, node.name) for node in graph for value in graph.operands(node)}


def state(graph: ModelGraph) -> tuple[Any, ...]:
    """Everything about a graph that a refused edit must leave alone."""
    held = [(name, record.digest(), record.role) for name, record in graph.tensors.items()]
    wiring = [graph.operands(name) for name in graph.order()]
    tied = (tuple(graph.aliases.items()), graph.state_order)
    origins = [node.origin for node in graph]
    return graph.fingerprint(), graph.text(), held, tied, wiring, origins, graph.contract


# --- each edit --------------------------------------------------------------------------------------------


def test_a_node_inserted_after_a_value_is_read_instead_of_it() -> None:
    graph = chain()
    made = graph.insert_after("x", "tanh", name="squash")
    assert made == Value("squash")
    assert edges(graph) == {
        ("x", "squash"), ("squash", "fc"), ("fc", "relu"), ("relu", "add"), ("squash", "add"), ("add", "output"),
    }  # fmt: skip
    assert graph.violations() == ()


def test_a_node_inserted_after_one_output_leaves_the_other_alone() -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add("chunk", [graph.add_input("x", (4,))])
    graph.set_outputs([Value("chunk", 0), Value("chunk", 1)])
    graph.insert_after(Value("chunk", 1), "relu")
    assert graph.outputs == (Value("chunk"), Value("relu"))


def test_a_node_inserted_after_a_value_read_twice_is_read_twice() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", (4,))
    graph.set_outputs([graph.add("mul", [x, x])])
    graph.insert_after(x, "add", x)
    assert graph.operands("mul") == (Value("add"), Value("add"))
    assert graph.operands("add") == (x, x)


def test_a_node_inserted_before_a_node_changes_one_operand() -> None:
    graph = chain()
    graph.insert_before("add", "tanh", operand=1)
    assert graph.operands("add") == (Value("relu"), Value("tanh"))
    assert graph.operands("fc") == (Value("x"),)
    assert graph.violations() == ()


def test_further_operands_of_an_inserted_node_follow_the_first() -> None:
    graph = chain()
    graph.insert_before("add", "sub", "fc", operand=0)
    assert graph.operands("sub") == (Value("relu"), Value("fc"))


def test_an_inserted_node_stands_next_to_its_anchor() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", (4,))
    left = graph.add("relu", [x], name="left")
    right = graph.add("relu", [x], name="right")
    graph.set_outputs([left, right])
    graph.insert_after("left", "tanh", name="after left")
    assert graph.order() == ("x", "left", "after left", "right", "output")


def test_a_type_that_an_insertion_changes_is_inferred_downstream() -> None:
    graph = chain()
    graph.insert_after("fc", "cast", dtype="float32")
    graph.set_outputs(["relu"])
    graph.remove_dead()
    graph.update("cast", dtype="float16")
    assert graph.type("relu").dtype == "float16"
    assert graph.violations() == ()


def test_a_replaced_node_keeps_name_place_operands_and_readers() -> None:
    graph = chain()
    before, order = edges(graph), graph.order()
    node = graph.replace("relu", "scale", factor=2.0)
    assert (node.name, node.op, node.attributes["factor"]) == ("relu", "scale", 2.0)
    assert (edges(graph), graph.order()) == (before, order)
    assert node.origin.nodes == ("relu",)


def test_a_replaced_node_may_be_given_a_new_name() -> None:
    graph = chain()
    assert graph.replace("relu", "tanh", name="squash").name == "squash"
    assert "relu" not in graph
    assert graph.operands("add")[0] == Value("squash")


def test_new_tensors_take_the_names_and_places_of_those_they_replace() -> None:
    graph = chain()
    graph.add_tensor("later", torch.ones(1))
    graph.replace("fc", "linear", tensors={"weight": torch.ones(4, 4), "bias": torch.ones(4)})
    assert graph.state_order == ("fc.weight", "later", "fc.bias")
    assert torch.equal(graph.tensor("fc.weight"), torch.ones(4, 4))


def test_a_shared_tensor_is_not_overwritten_by_a_replacement() -> None:
    graph = chain()
    graph.set_outputs([graph.add("linear", ["add"], name="twin", tensors={"weight": "fc.weight"})])
    before = graph.tensor("fc.weight")
    graph.replace("twin", "linear", tensors={"weight": torch.ones(4, 4)})
    assert graph.tensor("fc.weight") is before
    assert graph["twin"].tensors == {"weight": "twin.weight"}


def test_tensors_that_nobody_uses_after_an_edit_are_gone() -> None:
    graph = chain()
    graph.replace("fc", "tanh")
    assert graph.state_order == ()
    assert graph.violations() == ()


def test_a_tensor_that_a_replacement_names_is_kept_also_under_a_tied_name() -> None:
    graph = chain()
    graph.tie_tensor("tied", "fc.weight")
    graph.replace("fc", "linear", tensors={"weight": "tied"})
    assert graph["fc"].tensors == {"weight": "fc.weight"}
    assert dict(graph.aliases) == {"tied": "fc.weight"}


def test_update_changes_some_attributes() -> None:
    graph = chain()
    graph.replace("relu", "scale", factor=2.0)
    graph.update("relu", label="half")
    assert dict(graph["relu"].attributes) == {"factor": 2.0, "label": "half"}


def test_update_that_changes_the_number_of_outputs_in_use_is_refused() -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add("chunk", [graph.add_input("x", (12,))], parts=3)
    graph.set_outputs([Value("chunk", 2)])
    graph.update("chunk", parts=4)
    assert graph.type(Value("chunk", 3)).shape == (3,)
    with pytest.raises(EditError, match="reads output 2 of 'chunk', which has 2"):
        graph.update("chunk", parts=2)
    assert len(graph["chunk"].outputs) == 4


def test_a_bypassed_node_is_gone_and_its_operand_read() -> None:
    graph = chain()
    graph.bypass("relu")
    assert graph.operands("add") == (Value("fc"), Value("x"))
    graph.bypass("add", operand=1)
    assert graph.outputs == (Value("x"),)
    assert graph.violations() == ()


def test_a_node_that_changes_the_type_is_not_bypassed() -> None:
    graph = chain()
    graph.insert_before("output", "cast", dtype="float16")
    with pytest.raises(EditError, match="they must be equal") as caught:
        graph.bypass("cast")
    assert caught.value.codes == (Code.SHAPE.value,)


def test_dead_nodes_go_with_their_tensors_and_inputs_stay() -> None:
    graph = chain()
    graph.add_input("unused", (2,))
    graph.set_outputs(["x"])
    assert graph.remove_dead() == ("fc", "relu", "add")
    assert graph.order() == ("x", "unused", "output")
    assert graph.state_order == ()


def test_a_write_to_a_buffer_is_not_dead() -> None:
    graph = chain()
    graph.add_tensor("seen", torch.zeros(3, 4), "buffer")
    graph.add("write", [graph.add("tensor", tensors={"value": "seen"}, name="old")], tensors={"target": "seen"})
    assert graph.remove_dead() == ()
    assert graph.violations() == ()


def test_rewire_lets_one_operand_be_another_value() -> None:
    graph = chain()
    graph.rewire("add", 1, "fc")
    assert graph.operands("add") == (Value("relu"), Value("fc"))
    graph.rewire("add", 1, "fc")
    assert graph.operands("add") == (Value("relu"), Value("fc"))


def test_a_split_node_becomes_a_chain_in_its_place() -> None:
    graph = chain()
    first = NodeSpec("linear", tensors={"weight": weight(2, 2, 4)})
    second = NodeSpec("linear", tensors={"weight": weight(3, 4, 2)}, name="back")
    made = graph.split("fc", [first, second])
    assert [node.name for node in made] == ["fc.linear", "back"]
    assert graph.order() == ("x", "fc.linear", "back", "relu", "add", "output")
    assert graph.state_order == ("fc.linear.weight", "back.weight")
    assert {node.origin for node in made} == {Origin("block", nodes=("fc",))}


def test_merged_nodes_become_one_with_their_outside_operands() -> None:
    graph = chain()
    node = graph.merge(["relu", "add"], NodeSpec("sub"))
    assert node.name == "add"
    assert graph.operands("add") == (Value("fc"), Value("x"))
    assert node.origin == Origin(nodes=("relu", "add"))
    assert graph.violations() == ()


def test_a_merge_names_each_outside_value_once() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", (4,))
    squared = graph.add("mul", [x, x], name="squared")
    graph.set_outputs([graph.add("add", [squared, x], name="sum")])
    graph.merge(["squared", "sum"], NodeSpec("tanh"))
    assert graph.operands("sum") == (x,)


def test_a_renamed_node_keeps_wiring_place_and_tensors() -> None:
    graph = chain()
    graph.rename("fc", "first")
    assert graph.order() == ("x", "first", "relu", "add", "output")
    assert graph["first"].tensors == {"weight": "fc.weight"}
    assert graph.rename("first", "first") is graph["first"]


def test_a_renamed_input_is_renamed_in_the_contract() -> None:
    graph = chain()
    graph.contract = Contract(inputs=(InputContract("x", value_type(("N", 4))),))
    graph.rename("x", "image")
    assert [item.name for item in graph.contract.inputs] == ["image"]
    assert graph.violations() == ()


# --- refusals ---------------------------------------------------------------------------------------------


def refusals() -> dict[str, tuple[Callable[[ModelGraph], object], str]]:
    wide = {"weight": torch.ones(8, 4)}
    return {
        "insert after the output": (lambda g: g.insert_after("output", "relu"), "insert before it"),
        "insert what changes the shape": (lambda g: g.insert_after("fc", "cat", "fc"), "give equal shapes"),
        "insert what depends on a reader": (lambda g: g.insert_after("x", "add", "relu"), "depends on this node"),
        "insert before a missing operand": (lambda g: g.insert_before("fc", "relu", operand=1), "has no operand 1"),
        "insert an unknown operator": (lambda g: g.insert_after("x", "rel"), "did you mean"),
        "insert under a name that is taken": (lambda g: g.insert_after("x", "relu", name="fc"), "already"),
        "rewire into a cycle": (lambda g: g.rewire("fc", 0, "add"), "depends on this node"),
        "rewire to itself": (lambda g: g.rewire("relu", 0, "relu"), "depends on this node"),
        "rewire to a missing node": (lambda g: g.rewire("relu", 0, "fd"), "not in the graph"),
        "rewire to a missing output": (lambda g: g.rewire("relu", 0, Value("fc", 1)), "output 1 was asked for"),
        "rewire a missing operand": (lambda g: g.rewire("relu", 2, "x"), "has no operand 2"),
        "replace by what takes more operands": (lambda g: g.replace("relu", "add"), "has 1 operands"),
        "replace by another shape": (lambda g: g.replace("fc", "linear", tensors=wide), "give equal shapes"),
        "replace an input": (lambda g: g.replace("x", "relu"), "border of the graph"),
        "replace by an output": (lambda g: g.replace("relu", "output"), "border of the graph"),
        "update an unknown attribute": (lambda g: g.update("relu", slope=1), "unknown attribute"),
        "bypass the output": (lambda g: g.bypass("output"), "border of the graph"),
        "bypass a missing operand": (lambda g: g.bypass("relu", 1), "has no operand 1"),
        "remove what is read": (lambda g: g.remove("relu"), "still read by add"),
        "remove the output": (lambda g: g.remove("output"), "set_outputs"),
        "split into nothing": (lambda g: g.split("fc", []), "at least one NodeSpec"),
        "split into what does not fit": (lambda g: g.split("fc", [NodeSpec("cat"), NodeSpec("add")]), "operands"),
        "split an input": (lambda g: g.split("x", [NodeSpec("relu")]), "border"),
        "merge nothing": (lambda g: g.merge([], NodeSpec("relu")), "at least one"),
        "merge the border": (lambda g: g.merge(["x", "fc"], NodeSpec("relu")), "border"),
        "merge what is read outside": (lambda g: g.merge(["fc", "add"], NodeSpec("add")), "also read by 'relu'"),
        "rename to a name that is taken": (lambda g: g.rename("fc", "relu"), "already"),
        "rename to nothing": (lambda g: g.rename("fc", ""), "choose another"),
        "set a tensor that does not fit": (lambda g: g.set_tensor("fc.weight", torch.ones(4, 5)), "takes 5 features"),
        "set tensors, one unknown": (lambda g: g.set_tensors({"fc.weight": weight(3, 4, 4), "b": weight(1, 1)}), "'b'"),
        "edit a missing node": (lambda g: g.replace("nowhere", "relu"), "not in the graph"),
    }  # fmt: skip


@pytest.mark.parametrize("case", refusals())
def test_a_refused_edit_says_why_and_leaves_no_trace(case: str) -> None:
    edit, message = refusals()[case]
    graph = chain()
    graph.tie_tensor("tied", "fc.weight")
    before = state(graph)
    with pytest.raises(GraphError, match=message):
        edit(graph)
    assert state(graph) == before
    assert graph.violations() == ()


def test_two_merged_nodes_must_be_connected() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", (4,))
    graph.add("relu", [x], name="loose")
    graph.set_outputs([graph.add("tanh", [x])])
    with pytest.raises(EditError, match=r"'loose'.* does not lead to 'tanh'"):
        graph.merge(["loose", "tanh"], NodeSpec("add"))


def test_an_open_edit_may_pass_through_what_does_not_fit() -> None:
    """Shapes that disagree in between are no error as long as they agree at the end."""
    graph = chain()
    with graph.edit():
        graph.set_tensor("fc.weight", weight(1, 8, 4))
        graph.add_tensor("pad", weight(2, 8, 4))
        graph.add("linear", ["x"], name="wide", tensors={"weight": "pad"})
        graph.rewire("add", 1, "wide")
    assert str(graph.type("add")) == "float32[N, 8]"
    assert graph.violations() == ()


def test_an_edit_that_ends_wrong_is_undone_whole() -> None:
    graph = chain()
    before = state(graph)
    with pytest.raises(EditError, match="give equal shapes"):
        end_wrong(graph)
    assert state(graph) == before
    assert graph.violations() == ()


def end_wrong(graph: ModelGraph) -> None:
    with graph.edit():
        graph.rename("relu", "active")
        graph.insert_before("output", "tanh")
        graph.set_tensor("fc.weight", weight(1, 8, 4))


def test_an_edit_broken_off_by_the_user_is_undone() -> None:
    graph = chain()
    graph.contract = Contract(inputs=(InputContract("x", value_type(("N", 4))),))
    before = state(graph)
    with pytest.raises(KeyboardInterrupt):
        give_up_after(graph, lambda: (graph.set_outputs(["fc"]), graph.remove_dead(), graph.rename("x", "y")))
    assert state(graph) == before


def give_up_after(graph: ModelGraph, work: Callable[[], object]) -> None:
    with graph.edit():
        work()
        raise KeyboardInterrupt


def test_an_inner_edit_that_is_refused_leaves_the_outer_one_going() -> None:
    graph = chain()
    with graph.edit():
        graph.replace("relu", "tanh")
        with pytest.raises(EditError):
            graph.rewire("fc", 0, "add")
        graph.insert_after("fc", "scale", factor=3.0)
    assert graph.order() == ("x", "fc", "scale", "relu", "add", "output")
    assert graph["relu"].op == "tanh"
    assert graph.violations() == ()


# --- any edit on any graph --------------------------------------------------------------------------------

Choice: TypeAlias = tuple[str, int, int]
UNARY = ("relu", "tanh", "scale", "cat", "chunk")


Edit: TypeAlias = Callable[[ModelGraph, Node, Node, int], object]
EDITS: dict[str, Edit] = {
    "insert after": lambda g, node, other, n: g.insert_after(node, UNARY[n % 5], name=f"new{len(g)}"),
    "insert two": lambda g, node, other, n: g.insert_after(node, "add", other),
    "insert before": lambda g, node, other, n: g.insert_before(node, UNARY[n % 5], operand=n % 3),
    "replace": lambda g, node, other, n: g.replace(node, ("add", *UNARY)[n % 6]),
    "weight": lambda g, node, other, n: g.replace(node, "linear", tensors={"weight": weight(n, 2 + n % 7, 4)}),
    "update": lambda g, node, other, n: g.update(node, parts=1 + n % 4),
    "bypass": lambda g, node, other, n: g.bypass(node, n % 2),
    "remove": lambda g, node, other, n: g.remove(node),
    "rewire": lambda g, node, other, n: g.rewire(node, n % 2, other),
    "split": lambda g, node, other, n: g.split(node, [NodeSpec("relu"), NodeSpec(UNARY[n % 5])]),
    "merge": lambda g, node, other, n: g.merge(first_readers(g, node), NodeSpec("cat")),
    "rename": lambda g, node, other, n: g.rename(node, f"renamed{n}"),
    "outputs": lambda g, node, other, n: g.set_outputs([node, other]),
    "tensor": lambda g, node, other, n: g.set_tensor(f"shared{4 + n % 5}", weight(n, 2 + n % 7, 4)),
    "dead": lambda g, node, other, n: g.remove_dead(),
}


def first_readers(graph: ModelGraph, node: Node) -> list[Node]:
    return [node, *(reader for reader, _ in graph.consumers(node))][:3]


def edit_once(graph: ModelGraph, choice: Choice) -> object:
    """One edit of the kind drawn, at the places drawn; many of them are refused."""
    kind, first, second = choice
    nodes = graph.nodes()
    return EDITS[kind](graph, nodes[first % len(nodes)], nodes[second % len(nodes)], second)


def edit_each(graph: ModelGraph, drawn: list[Choice]) -> None:
    """All edits that are not refused."""
    for choice in drawn:
        with suppress(EditError):
            edit_once(graph, choice)


choices = strategies.lists(
    strategies.tuples(strategies.sampled_from(sorted(EDITS)), positions, positions), min_size=1, max_size=6
)


def attempt(graph: ModelGraph, choice: Choice) -> None:
    """Do an edit, or show that its refusal left no trace."""
    before = state(graph)
    try:
        edit_once(graph, choice)
    except EditError:
        assert state(graph) == before


@given(graphs, choices)
def test_every_edit_keeps_the_graph_valid_or_leaves_it_alone(graph: ModelGraph, drawn: list[Choice]) -> None:
    """After an edit nothing is violated, the order is topological, and only EditError refuses."""
    original = graph.copy()
    before = state(original)
    for choice in drawn:
        attempt(graph, choice)
        assert graph.violations() == ()
        place = {name: index for index, name in enumerate(graph.order())}
        assert all(place[value.node] < place[node.name] for node in graph for value in graph.operands(node))
    assert state(original) == before


@given(graphs, choices)
def test_the_same_edits_give_the_same_graph(graph: ModelGraph, drawn: list[Choice]) -> None:
    """Text, order and fingerprint depend on the edits only."""
    twin = graph.copy()
    for choice in drawn:
        attempt(graph, choice)
        attempt(twin, choice)
    assert state(graph) == state(twin)


@given(graphs, choices)
def test_an_edit_that_is_given_up_is_as_if_it_had_never_been(graph: ModelGraph, drawn: list[Choice]) -> None:
    """Whatever was done inside, an exception out of `with graph.edit()` restores everything."""
    before = state(graph)
    with pytest.raises(KeyboardInterrupt):
        give_up_after(graph, lambda: edit_each(graph, drawn))
    assert state(graph) == before
    assert graph.violations() == ()
