"""ModelGraph as a thing to look at and to build by hand: order, operands, tensors, copies, refusals."""

import time
from collections.abc import Callable

import networkx as nx
import pytest
import torch
from hypothesis import given

from nadoo_graphs.contract import Contract, InputContract, sequence
from nadoo_graphs.errors import Code, EditError, GraphError, InvalidGraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Origin
from nadoo_graphs.ops import OpTable
from nadoo_graphs.sizes import symbol
from nadoo_graphs.values import Value, ValueType, value_type
from tests.graphs.random_graphs import graphs
from tests.graphs.small_ops import SMALL_ROWS, small_ops


def residual() -> ModelGraph:
    """x → linear → relu → add(relu, x) → output."""
    graph = ModelGraph("residual", small_ops())
    x = graph.add_input("x", ("N", 4))
    tensors = {"weight": torch.ones(4, 4), "bias": torch.zeros(4)}
    hidden = graph.add("linear", [x], name="fc", tensors=tensors, origin=Origin(module="block"))
    active = graph.add("relu", [hidden])
    graph.set_outputs([graph.add("add", [active, x])])
    return graph


def test_a_graph_built_by_hand_is_valid_and_typed() -> None:
    graph = residual()
    assert graph.violations() == ()
    assert [node.name for node in graph] == ["x", "fc", "relu", "add", "output"]
    assert graph.type("add") == ValueType((symbol("N"), 4), "float32")
    assert len(graph) == 5
    assert "fc" in graph
    assert "fd" not in graph


def test_networkx_reads_the_graph_and_cannot_write_it() -> None:
    graph = residual()
    assert nx.dag_longest_path(graph.nx) == ["x", "fc", "relu", "add", "output"]
    assert isinstance(graph.nx, nx.MultiDiGraph)
    assert nx.is_frozen(graph.nx)
    for write in (graph.nx.add_node, graph.nx.remove_node):
        with pytest.raises(nx.NetworkXError, match="Frozen"):
            write("fc")
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        graph.nx.add_edge("x", "add")
    assert residual().fingerprint() == graph.fingerprint()


def test_the_view_follows_the_graph() -> None:
    graph = residual()
    view = graph.nx
    graph.insert_after("fc", "tanh", name="between")
    assert "between" in view
    assert view.nodes["between"]["node"] is graph["between"]


def test_operand_order_comes_from_the_edges() -> None:
    graph = ModelGraph(ops=small_ops())
    x, y = graph.add_input("x", (2,)), graph.add_input("y", (2,))
    graph.set_outputs([graph.add("sub", [y, x]), graph.add("mul", [x, x])])
    assert graph.operands("sub") == (Value("y"), Value("x"))
    assert graph.operands("mul") == (Value("x"), Value("x"))
    assert graph.nx.number_of_edges("x", "mul") == 2
    assert graph.producer("sub", 1).name == "x"
    assert [(node.name, operand) for node, operand in graph.consumers(x)] == [("sub", 1), ("mul", 0), ("mul", 1)]


def test_consumers_of_a_value_are_those_of_that_output_only() -> None:
    graph = ModelGraph(ops=small_ops())
    parts = graph.add("chunk", [graph.add_input("x", (4,))])
    left, right = graph.add("relu", [parts]), graph.add("tanh", [Value("chunk", 1)])
    graph.set_outputs([left, right])
    assert [node.name for node, _ in graph.consumers(Value("chunk", 1))] == ["tanh"]
    assert [node.name for node, _ in graph.consumers("chunk")] == ["relu", "tanh"]
    assert graph.outputs == (left, right)
    assert str(Value("chunk", 1)) == "chunk:1"


def test_nodes_are_chosen_by_operator_and_glob() -> None:
    graph = residual()
    assert [node.name for node in graph.nodes(op="relu")] == ["relu"]
    assert [node.name for node in graph.nodes(op=("add", "linear"))] == ["fc", "add"]
    assert [node.name for node in graph.nodes(name="*e*")] == ["relu"]
    assert graph.nodes(op="linear", name="re*") == ()


def test_inputs_keep_the_order_of_the_arguments() -> None:
    graph = ModelGraph(ops=small_ops())
    for name in ("z", "a", "m"):
        graph.add_input(name, (2,))
    graph.set_outputs(["m"])
    assert [node.name for node in graph.inputs] == ["z", "a", "m"]


def test_free_names_are_counted_up() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("relu", (2,))
    assert [graph.add("relu", [x]).node for _ in range(3)] == ["relu_1", "relu_2", "relu_3"]


@given(graphs)
def test_the_order_is_topological_and_deterministic(graph: ModelGraph) -> None:
    """Every node stands after its operands; asking again, or asking a copy, gives the same order and text."""
    place = {name: index for index, name in enumerate(graph.order())}
    assert len(place) == len(graph)
    for node in graph:
        assert all(place[value.node] < place[node.name] for value in graph.operands(node))
    assert graph.copy().order() == graph.order()
    assert graph.copy().text() == graph.text()
    assert graph.violations() == ()


@given(graphs)
def test_operands_and_consumers_agree(graph: ModelGraph) -> None:
    """A node reads a value as operand i exactly when it is among the value's consumers with i."""
    read = {(value, node.name, i) for node in graph for i, value in enumerate(graph.operands(node))}
    values = [Value(node.name, index) for node in graph for index in range(len(node.outputs))]
    assert read == {(value, node.name, i) for value in values for node, i in graph.consumers(value)}


def test_a_copy_shares_tensors_and_nothing_else() -> None:
    graph = residual()
    copy = graph.copy()
    assert all(copy.tensor(name) is graph.tensor(name) for name in graph.tensors)
    before = graph.fingerprint(), graph.text()
    copy.replace("relu", "tanh")
    copy.set_tensor("fc.weight", torch.zeros(4, 4))
    copy.add_input("more", (2,))
    copy.tie_tensor("again", "fc.bias")
    assert (graph.fingerprint(), graph.text()) == before
    assert copy.fingerprint() != graph.fingerprint()


def test_a_thousand_nodes_are_copied_at_once_without_their_tensors() -> None:
    graph = ModelGraph(ops=small_ops())
    value = graph.add_input("x", ("N", 4))
    for _ in range(333):
        hidden = graph.add("relu", [graph.add("linear", [value], tensors={"weight": torch.ones(4, 4)})])
        value = graph.add("add", [hidden, value])
    graph.set_outputs([value])
    assert len(graph) == 1001
    assert fastest(graph.copy) < 0.01
    copy = graph.copy()
    assert [record.value.data_ptr() for record in copy.tensors.values()] == [
        record.value.data_ptr() for record in graph.tensors.values()
    ]


def fastest(function: Callable[[], object]) -> float:
    """The best of several times: what else runs on the machine only ever adds."""
    times: list[float] = []
    for _ in range(7):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def test_tensors_are_named_after_node_and_role() -> None:
    graph = residual()
    assert list(graph.tensors) == ["fc.weight", "fc.bias"] == list(graph.state_order)
    assert graph["fc"].tensors == {"weight": "fc.weight", "bias": "fc.bias"}
    record = graph.record("fc.weight")
    assert (record.role, record.persistent, record.trainable, record.bytes) == ("parameter", True, True, 64)


def test_a_graph_owns_what_was_a_parameter() -> None:
    graph = ModelGraph(ops=small_ops())
    parameter = torch.nn.Parameter(torch.ones(2))
    graph.add_tensor("p", parameter)
    with torch.no_grad():
        parameter.zero_()
    assert torch.equal(graph.tensor("p"), torch.ones(2))
    assert not graph.tensor("p").requires_grad


@pytest.mark.parametrize(
    ("role", "value", "trains"),
    [
        ("parameter", torch.ones(2), True),
        ("parameter", torch.ones(2, dtype=torch.int64), False),
        ("buffer", torch.ones(2), False),
    ],
)
def test_only_floating_parameters_train_unless_told_otherwise(role: str, value: torch.Tensor, trains: bool) -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add_tensor("t", value, role)  # type: ignore[arg-type]
    graph.add_tensor("frozen", value, trainable=False)
    assert graph.record("t").trainable is trains
    assert not graph.record("frozen").trainable


def test_tied_names_lead_to_one_tensor() -> None:
    graph = residual()
    graph.tie_tensor("head.weight", "fc.weight")
    graph.tie_tensor("third", "head.weight")
    assert graph.tensor("third") is graph.tensor("fc.weight")
    assert dict(graph.aliases) == {"head.weight": "fc.weight", "third": "fc.weight"}
    assert graph.state_order == ("fc.weight", "fc.bias", "head.weight", "third")
    graph.set_tensor("third", torch.zeros(4, 4))
    assert torch.equal(graph.tensor("fc.weight"), torch.zeros(4, 4))
    assert graph.violations() == ()


def test_a_node_given_a_tied_name_refers_to_its_holder() -> None:
    graph = residual()
    graph.tie_tensor("tied", "fc.weight")
    graph.set_outputs([graph.add("linear", ["add"], tensors={"weight": "tied"})])
    assert graph["linear"].tensors == {"weight": "fc.weight"}
    assert graph.violations() == ()


def test_setting_a_tensor_infers_again_what_follows() -> None:
    graph = ModelGraph(ops=small_ops())
    made = graph.add("linear", [graph.add_input("x", ("N", 4))], name="fc", tensors={"weight": torch.ones(3, 4)})
    graph.set_outputs([graph.add("relu", [made])])
    graph.set_tensor("fc.weight", torch.ones(7, 4))
    assert graph.type("relu").shape == (symbol("N"), 7)
    assert graph.violations() == ()


def test_trained_tensors_come_back_by_name_and_are_copied() -> None:
    graph = residual()
    graph.tie_tensor("tied", "fc.weight")
    state = {name: graph.tensor(name) + 1 for name in graph.state_order}
    graph.set_tensors(state)
    state["fc.weight"].zero_()
    assert torch.equal(graph.tensor("fc.weight"), torch.full((4, 4), 2.0))


def test_a_tensor_in_use_is_not_removed_under_any_of_its_names() -> None:
    graph = residual()
    graph.tie_tensor("tied", "fc.weight")
    for name in ("fc.weight", "tied"):
        with pytest.raises(EditError, match="is used by fc"):
            graph.remove_tensor(name)
    graph.add_tensor("spare", torch.ones(1))
    graph.tie_tensor("spare too", "spare")
    graph.remove_tensor("spare too")
    assert graph.state_order == ("fc.weight", "fc.bias", "tied")
    assert graph.violations() == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [("fc.weight", "exists already"), ("tied", "exists already"), ("", "choose another"), ("a\nb", "choose another")],
)
def test_a_tensor_needs_a_free_name(name: str, message: str) -> None:
    graph = residual()
    graph.tie_tensor("tied", "fc.weight")
    with pytest.raises(EditError, match=message):
        graph.add_tensor(name, torch.ones(1))
    with pytest.raises(EditError, match=message):
        graph.tie_tensor(name, "fc.weight")


def test_unknown_names_are_refused_with_what_is_near() -> None:
    graph = residual()
    with pytest.raises(EditError, match=r"node 'rel': is not in the graph; did you mean 'relu'"):
        graph["rel"]
    with pytest.raises(EditError, match=r"tensor 'fc.wieght': is not in the graph; did you mean 'fc.weight'"):
        graph.tensor("fc.wieght")
    with pytest.raises(EditError, match=r"node 'zzzz': is not in the graph; graph.nodes\(\)"):
        graph.operands("zzzz")
    with pytest.raises(EditError, match="not in the graph"):
        graph.consumers("zzzz")
    with pytest.raises(EditError, match=r"output 3 was asked for, but it has 1"):
        graph.type(Value("fc", 3))
    with pytest.raises(EditError, match="has no operand 5; it has 2"):
        graph.producer("add", 5)
    with pytest.raises(GraphError, match=r"op 'rleu'.*did you mean 'relu'"):
        graph.add("rleu", ["x"])


def test_a_graph_without_outputs_says_so() -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add_input("x", (2,))
    with pytest.raises(InvalidGraphError, match="call set_outputs"):
        _ = graph.outputs
    with pytest.raises(EditError, match="at least one value"):
        graph.set_outputs([])


@pytest.mark.parametrize("name", ["", "a\nb", "\x00", "x" * 513])
def test_a_node_needs_a_printable_name(name: str) -> None:
    with pytest.raises(EditError, match="choose another"):
        ModelGraph(ops=small_ops()).add_input(name, (2,))


def refused_additions() -> list[tuple[str, list[object], dict[str, object], Code, str]]:
    return [
        ("add", ["x"], {}, Code.SCHEMA, "has 1 operands; allowed: 2"),
        ("cat", [], {}, Code.SCHEMA, "has 0 operands; allowed: 1 or more"),
        ("relu", ["nowhere"], {}, Code.NAME, "not in the graph"),
        ("relu", [Value("x", 1)], {}, Code.NAME, "output 1 was asked for"),
        ("relu", [Value("x", -1)], {}, Code.NAME, "output -1 was asked for"),
        ("relu", ["x"], {"slope": 1.0}, Code.UNKNOWN, "unknown attribute 'slope'; allowed: none"),
        ("scale", ["x"], {"factor": "two"}, Code.SCHEMA, "attribute 'factor' is 'two'; give a number"),
        ("linear", ["x"], {}, Code.SCHEMA, "tensor 'weight' is missing"),
        ("linear", ["x"], {"tensors": {"weight": "nowhere"}}, Code.NAME, "tensor 'nowhere'"),
        ("linear", ["x"], {"tensors": {"weight": torch.ones(2, 3)}}, Code.SHAPE, "takes 3 features"),
        ("relu", ["x"], {"tensors": {"weight": torch.ones(2)}}, Code.UNKNOWN, "has no tensor 'weight'"),
        ("add", ["x", "wide"], {}, Code.SHAPE, "give equal shapes"),
        ("add", ["x", "number"], {}, Code.DTYPE, "give equal dtypes"),
        ("relu", ["x"], {"name": "x"}, Code.NAME, "in the graph already"),
        ("relu", ["output"], {}, Code.NAME, "cannot be read by 'relu'"),
        ("relu", ["relu"], {}, Code.NAME, "cannot be read by 'relu'"),
        ("output", ["x"], {}, Code.SCHEMA, "set_outputs makes it"),
        ("input", [], {}, Code.SCHEMA, "add_input makes it"),
    ]


@pytest.mark.parametrize(("op", "operands", "options", "code", "message"), refused_additions())
def test_what_does_not_fit_is_not_added(
    op: str, operands: list[Value], options: dict[str, object], code: Code, message: str
) -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add_input("x", ("N", 4))
    graph.add_input("wide", ("N", 8))
    graph.add_input("number", ("N", 4), "int64")
    graph.set_outputs(["x"])
    before = graph.fingerprint(), graph.text(), tuple(graph.tensors)
    with pytest.raises(EditError, match=message) as caught:
        graph.add(op, operands, **options)  # type: ignore[arg-type]
    assert caught.value.codes == (code.value,)
    assert (graph.fingerprint(), graph.text(), tuple(graph.tensors)) == before
    assert graph.violations() == ()


def test_setting_outputs_again_replaces_them() -> None:
    graph = residual()
    graph.set_outputs(["fc", "fc", "relu"], name="results")
    assert graph.output.name == "results"
    assert [value.node for value in graph.outputs] == ["fc", "fc", "relu"]
    assert len(graph.nodes(op="output")) == 1
    assert graph.violations() == ()


def test_another_number_of_results_drops_what_the_contract_said_of_them() -> None:
    graph = residual()
    graph.contract = Contract(outputs=("sum",), results=sequence(1))
    graph.set_outputs(["relu"])
    assert graph.contract.outputs == ("sum",)
    graph.set_outputs(["relu", "add"])
    assert graph.contract == Contract()


def test_an_input_that_the_contract_does_not_know_is_refused() -> None:
    graph = residual()
    graph.contract = Contract(inputs=(InputContract("x", value_type(("N", 4))),))
    with pytest.raises(EditError, match=r"the contract names the inputs \['x'\]"):
        graph.add_input("y", (2,))
    with pytest.raises(EditError, match="is named by the contract"):
        graph.remove("x")
    assert graph.violations() == ()


def test_rows_from_outside_work_like_those_inside() -> None:
    table = OpTable(small_ops().rows[:5]).with_rows(SMALL_ROWS)
    graph = ModelGraph(ops=table)
    graph.set_outputs([graph.add("relu", [graph.add_input("x", (2,))])])
    assert graph.violations() == ()


def test_a_graph_shows_itself_briefly() -> None:
    assert repr(residual()) == "<ModelGraph 'residual': 5 nodes, 2 tensors>"
    assert str(residual()) == residual().text()


def test_nodes_can_be_members_of_sets() -> None:
    graph = ModelGraph("set")
    graph.add_input("x", ("N", 2))
    assert len({*graph.nodes(), *graph.copy().nodes()}) == 1
