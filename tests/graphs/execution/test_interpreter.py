"""Running a graph node by node: the same results, intermediate values on request, mistakes named."""

import pytest
import torch

from nadoo_graphs.errors import GraphError
from tests.graphs.captured import captured, close
from tests.models.bank import SMALL, Case

RANDOM = ("always_dropping",)


@pytest.mark.parametrize("case", [case for case in SMALL if case.name not in RANDOM], ids=lambda case: case.name)
def test_running_the_graph_gives_what_the_model_gives(case: Case) -> None:
    found = captured(case.name)
    with torch.no_grad():
        expected = found.call(found.graph.to_module())
    assert close(found.call(found.graph.run).result, expected)


def test_a_run_writes_no_buffer() -> None:
    found = captured("call_counter")
    before = found.graph.fingerprint()
    found.call(found.graph.run)
    assert found.graph.fingerprint() == before


def test_intermediate_values_are_kept_on_request() -> None:
    found = captured("residual")
    arguments, _ = found.case.arguments()
    every = found.graph.run(*arguments, keep="*").values
    some = found.graph.run(*arguments, keep=["add*", "*.1"]).values
    assert set(every) >= {node.name for node in found.graph.nodes() if node.op not in {"output"}}
    assert some
    assert all(torch.equal(every[name], value) for name, value in some.items())
    assert set(some) < set(every)
    assert not found.graph.run(*arguments).values


def test_a_wrong_shape_is_named_with_what_is_allowed() -> None:
    graph = captured("residual").graph
    with pytest.raises(GraphError, match=r"input 'x'.*shape \[2, 3\].*N"):
        graph.run(torch.randn(2, 3))


def test_a_wrong_dtype_is_named() -> None:
    graph = captured("residual").graph
    x = torch.randn(2, *graph.inputs[0].type.shape[1:]).double()
    with pytest.raises(GraphError, match=r"E04 input 'x': has dtype torch.float64, the contract says float32"):
        graph.run(x)


def test_too_many_arguments_are_refused() -> None:
    graph = captured("residual").graph
    x = torch.randn(2, *graph.inputs[0].type.shape[1:])
    with pytest.raises(GraphError, match=r"takes 1 arguments \(x\), 2 were given"):
        graph.run(x, x)


def test_a_constant_argument_that_changed_is_refused() -> None:
    found = captured("keywords")
    arguments, keywords = found.case.arguments()
    with pytest.raises(GraphError, match="when the model was captured"):
        found.graph.run(*arguments, **{**keywords, "power": 7})
