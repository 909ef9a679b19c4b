"""The generated module is the model: same bits in evaluation, same bits in training, same state dict."""

import copy

import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.errors import GraphError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import standard_ops
from tests.graphs.captured import captured, close, same, tensors
from tests.models.bank import SMALL, Case

TRAINABLE = [case for case in SMALL if case.trainable]
WRITES_IN_PLACE = ("overwriting_elu", "overwriting_selu")  # their backward reads the output instead of the input
MORE_DROPOUT = ("multihead", "encoder_layer")


def name_of(case: Case) -> str:
    """How a test of a case is called."""
    return case.name


@pytest.mark.parametrize("case", SMALL, ids=name_of)
def test_evaluation_gives_the_same_bits(case: Case) -> None:
    found = captured(case.name)
    assert same(found.call(found.graph.to_module()), found.call(found.model()))


@pytest.mark.parametrize("case", SMALL, ids=name_of)
def test_the_state_dict_has_the_same_names_order_and_bits(case: Case) -> None:
    found = captured(case.name)
    state, original = found.graph.to_module().state_dict(), found.model().state_dict()
    assert list(state) == list(original)
    assert same(dict(state), dict(original))


@pytest.mark.parametrize("case", TRAINABLE, ids=name_of)
def test_a_step_of_training_gives_the_same_bits(case: Case) -> None:
    found = captured(case.name)
    ours, theirs = found.graph.to_module().train(), found.model().train()
    results = [found.call(module) for module in (ours, theirs)]
    if not same(*results):
        assert found.graph.contract.report.train_only
        return
    for result in results:
        torch.stack([item.sum() for item in tensors(result) if item.requires_grad]).sum().backward()
    gradients = [{name: value.grad for name, value in module.named_parameters()} for module in (ours, theirs)]
    assert list(gradients[0]) == list(gradients[1])
    compare = close if case.name in WRITES_IN_PLACE else same
    assert compare(*gradients)
    assert same(dict(ours.state_dict()), dict(theirs.state_dict()))


@pytest.mark.parametrize("case", [case for case in SMALL if case.train_only], ids=name_of)
def test_what_training_loses_is_reported_or_kept(case: Case) -> None:
    found = captured(case.name)
    report = found.graph.contract.report
    ours, theirs = found.graph.to_module().train(), found.model().train()
    assert report.train_only or same(found.call(ours), found.call(theirs))


@pytest.mark.parametrize("name", ["residual", "tied", "lstm_stacked", "batch_norm_2d", "odd_names", "keyword_names"])
def test_a_deep_copy_is_the_same_module(name: str) -> None:
    found = captured(name)
    module = found.graph.to_module()
    other = copy.deepcopy(module)
    assert same(found.call(other), found.call(module))
    assert list(other.state_dict()) == list(module.state_dict())
    assert not {id(value) for value in other.parameters()} & {id(value) for value in module.parameters()}


def test_a_deep_copy_keeps_buffers_out_of_the_state_dict() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("table", torch.ones(3), persistent=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.table

    module = capture(Plain(), torch.randn(2, 3)).to_module()
    assert list(module.state_dict()) == list(copy.deepcopy(module).state_dict()) == []


def test_the_module_owns_its_tensors() -> None:
    graph = captured("residual").graph
    before = graph.fingerprint()
    module = graph.to_module()
    with torch.no_grad():
        for value in module.parameters():
            value.add_(1)
    assert graph.fingerprint() == before


def test_trained_tensors_go_back_by_name() -> None:
    graph = captured("batch_norm_2d").graph.copy()
    module = graph.to_module().train()
    for value in tensors(captured("batch_norm_2d").call(module)):
        value.sum().backward()
    with torch.no_grad():
        for value in module.parameters():
            value.sub_(value.grad)
    graph.set_tensors(module.state_dict())
    assert same(dict(graph.to_module().state_dict()), dict(module.state_dict()))
    graph.verify()


def test_tied_weights_are_one_parameter() -> None:
    found = captured("tied")
    module, model = found.graph.to_module(), found.model()
    assert len(list(module.parameters())) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["residual", "inverted_residual", "attention", "named_tuple", "dropout_chain"])
def test_the_module_is_captured_again(name: str) -> None:
    found = captured(name)
    arguments, keywords = found.case.arguments()
    module = found.graph.to_module()
    again = capture(module, arguments, keywords)
    assert same(found.call(again.to_module()), found.call(module))
    assert [node.op for node in again.nodes()] == [node.op for node in found.graph.nodes()]
    assert again.state_order == found.graph.state_order


@pytest.mark.parametrize("name", ["residual", "batch_norm_2d", "lstm_batch_first"])
def test_the_module_compiles(name: str) -> None:
    found = captured(name)
    module = found.graph.to_module()
    compiled = torch.compile(module, backend="aot_eager")
    assert close(found.call(compiled), found.call(module))


def test_a_batch_of_any_size_runs() -> None:
    found = captured("residual")
    module, model = found.graph.to_module(), found.model()
    for batch in (1, 2, 11):
        x = torch.randn(batch, *found.graph.inputs[0].type.shape[1:])
        assert torch.equal(module(x), model(x))


def test_freezing_a_norm_by_its_module_path_is_honoured() -> None:
    module = capture(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), torch.randn(3, 4)).to_module()
    module.train()
    module.get_submodule("1").eval()
    before = module.state_dict()["1.running_mean"].clone()
    module(torch.randn(3, 4))
    assert torch.equal(module.state_dict()["1.running_mean"], before)


def test_a_name_that_the_generated_module_needs_is_refused_by_name() -> None:
    graph = ModelGraph("clash", standard_ops())
    x = graph.add_input("x", ("N", 2))
    graph.set_outputs([graph.add("linear", [x], name="forward", tensors={"weight": torch.ones(2, 2)})])
    with pytest.raises(GraphError, match="'forward' is taken"):
        graph.to_module()
