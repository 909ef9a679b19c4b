"""Capture: every model of the bank, what cannot be captured, and what the graph remembers of where it came from."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from nadoo_graphs.capture import capture
from nadoo_graphs.capture.importers.importer import Imported
from nadoo_graphs.errors import CaptureError
from nadoo_graphs.ops import Op, Run, standard_ops
from nadoo_graphs.sizes import symbol
from tests.graphs.captured import captured, same
from tests.models.bank import REFUSED, SMALL, Case, Refusal, case_named


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_a_captured_graph_is_valid(case: Case) -> None:
    assert captured(case.name).graph.violations() == ()


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_a_program_is_rewritten_where_writes_in_place_demand_it(case: Case) -> None:
    if case.fallback and case.name != "input_written":
        assert captured(case.name).graph.contract.report.fallback


@pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.name)
def test_a_refusal_names_the_users_line_and_a_way_out(refusal: Refusal) -> None:
    file, line = refusal.line()
    with pytest.raises(CaptureError) as caught:
        capture(refusal.model(), refusal.arguments())
    assert caught.value.codes == ("E11",)
    assert f"{file}:{line} " in str(caught.value)
    assert "torch.where" in str(caught.value) or "move" in str(caught.value) or "check" in str(caught.value)


def test_the_model_is_left_as_it_was() -> None:
    model = case_named("batch_norm_2d").model().train()
    model.get_submodule("1").eval()
    before = {name: (module.training, id(module)) for name, module in model.named_modules()}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    capture(model, case_named("batch_norm_2d").arguments()[0])
    assert {name: (module.training, id(module)) for name, module in model.named_modules()} == before
    assert same(dict(model.state_dict()), state)


def test_the_graph_shares_no_tensor_with_the_model() -> None:
    model = nn.Linear(3, 2)
    x = torch.randn(4, 3)
    graph = capture(model, x)
    before = graph.fingerprint()
    with torch.no_grad():
        model.weight.add_(1)
    x.zero_()
    assert graph.fingerprint() == before
    assert graph.contract.inputs[0].example.abs().sum() > 0


def test_names_are_module_paths() -> None:
    names = [node.name for node in captured("residual").graph.nodes()]
    modules = dict(case_named("residual").model().named_modules())
    assert len(set(names)) == len(names)
    assert {name for name in names if name in modules}


def test_a_module_used_three_times_has_three_names_and_one_tensor() -> None:
    class Three(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.layer(self.layer(x)))

    graph = capture(Three(), torch.randn(2, 4))
    assert [node.name for node in graph.nodes(op="linear")] == ["layer", "layer@1", "layer@2"]
    assert {node.tensors["weight"] for node in graph.nodes(op="linear")} == {"layer.weight"}


def test_nodes_remember_module_type_and_line() -> None:
    node = captured("residual").graph.nodes(op="linear")[0]
    assert node.origin.module_type.endswith("Linear")
    assert ".py:" in captured("residual").graph.nodes(op="add")[0].origin.source


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_batch_is_symbolic_whatever_the_example(batch: int) -> None:
    graph = capture(nn.Linear(3, 2), torch.randn(batch, 3))
    assert graph.inputs[0].type.shape == (symbol("N"), 3)
    assert graph.type(graph.outputs[0]).shape == (symbol("N"), 2)


def test_sizes_are_fixed_on_request() -> None:
    graph = capture(nn.Linear(3, 2), torch.randn(5, 3), dynamic=None)
    assert graph.inputs[0].type.shape == (5, 3)


def test_open_axes_are_named_by_the_user() -> None:
    graph = capture(nn.Linear(3, 2), torch.randn(5, 4, 3), dynamic={"input": {0: "N", 1: "T"}})
    assert [str(size) for size in graph.inputs[0].type.shape] == ["N", "T", "3"]
    assert torch.is_tensor(graph.run(torch.randn(1, 9, 3)).result)


def test_an_axis_that_does_not_exist_is_refused_with_the_inputs() -> None:
    with pytest.raises(CaptureError) as caught:
        capture(nn.Linear(3, 2), torch.randn(5, 3), dynamic={"inputs": {0: "N"}, "input": {2: "T"}})
    assert caught.value.codes == ("E02", "E03")
    assert "inputs: input" in str(caught.value)


def test_a_batch_that_the_model_fixes_is_noted() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(6)

    graph = capture(Fixed(), torch.randn(2, 3))
    assert "the batch is fixed (2)" in graph.contract.report.notes[0]
    assert graph.run(torch.ones(2, 3)).result.shape == (6,)


def test_a_dynamic_axis_that_the_user_named_is_never_fixed_silently() -> None:
    class Fixed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.reshape(6)

    with pytest.raises(CaptureError, match="E11"):
        capture(Fixed(), torch.randn(2, 3), dynamic={"x": {0: "N"}})


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CaptureError, match=r"example_inputs.*Linear\.forward"):
        capture(nn.Linear(3, 2), (torch.randn(1, 3), torch.randn(1, 3)))


def test_something_that_is_no_module_is_refused() -> None:
    with pytest.raises(CaptureError, match="wrap functions in a module"):
        capture(torch.relu, torch.randn(2))  # type: ignore[arg-type]


def test_the_contract_holds_range_and_example() -> None:
    graph = capture(nn.Linear(2, 2), torch.tensor([[-1.0, 4.0], [0.5, 2.0]]))
    contract = graph.contract.inputs[0]
    assert (contract.name, contract.minimum, contract.maximum) == ("input", -1.0, 4.0)
    assert torch.equal(contract.example, torch.tensor([[-1.0, 4.0], [0.5, 2.0]]))


def test_unused_parameters_and_their_order_are_kept() -> None:
    found = captured("unused_parameters")
    assert set(found.graph.state_order) >= set(found.model().state_dict())


def test_an_operator_without_row_stays_opaque_and_is_reported() -> None:
    class Exotic(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cdist(x, x).relu()

    graph = capture(Exotic(), torch.randn(3, 4))
    assert graph.contract.report.opaque == ("aten.cdist.default",)
    (node,) = graph.nodes(op="opaque")
    assert node.name == "cdist"
    x = torch.randn(5, 4)
    assert torch.equal(graph.to_module()(x), Exotic()(x))


def test_a_plugins_row_and_importer_replace_an_opaque_node() -> None:
    row = Op(
        name="distance",
        summary="Pairwise distances.",
        infer=lambda call: (call.operand.with_shape((*call.operand.shape[:-1], call.operands[1].shape[0])),),
        execute=lambda run: torch.ops.aten.cdist.default(*run.operands),
        arity=(2, 2),
    )

    class Exotic(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cdist(x, x)

    importers = {"aten.cdist.default": lambda call: Imported("distance", (call["x1"], call["x2"]))}
    graph = capture(Exotic(), torch.randn(3, 4), ops=standard_ops().with_rows([row]), importers=importers)
    assert [node.op for node in graph.nodes()] == ["input", "distance", "output"]
    x = torch.randn(6, 4)
    assert torch.equal(graph.to_module()(x), torch.cdist(x, x))
    assert isinstance(Run((), {}, {}).emit, type(lambda: None))


def test_a_row_that_disagrees_with_torch_is_not_used() -> None:
    wrong = Op(
        name="distance",
        summary="Gets its shape wrong.",
        infer=lambda call: (call.operand,),
        execute=lambda run: torch.ops.aten.cdist.default(*run.operands),
        arity=(2, 2),
    )

    class Exotic(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cdist(x, x)

    importers = {"aten.cdist.default": lambda call: Imported("distance", (call["x1"], call["x2"]))}
    graph = capture(Exotic(), torch.randn(3, 4), ops=standard_ops().with_rows([wrong]), importers=importers)
    assert graph.contract.report.opaque == ("aten.cdist.default",)


def test_a_write_to_an_input_is_noted_and_not_done() -> None:
    class Writer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.relu_() + 1

    graph = capture(Writer(), torch.randn(2, 3))
    x = torch.randn(2, 3)
    before = x.clone()
    assert torch.equal(graph.to_module()(x), before.relu() + 1)
    assert torch.equal(x, before)
    assert "'x' in place" in graph.contract.report.notes[0]


def test_momentum_none_comes_from_the_owning_module() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=None))
    (node,) = capture(model, torch.randn(2, 3)).nodes(op="batch_norm")
    assert node.attributes["momentum"] is None
    assert node.tensors["num_batches_tracked"] == "1.num_batches_tracked"


def test_reading_a_number_out_of_a_tensor_is_refused() -> None:
    class Reads(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * x.max().item()

    with pytest.raises(CaptureError, match=r"E11.*test_capture\.py"):
        capture(Reads(), torch.randn(2, 3))


def test_what_is_no_example_is_refused() -> None:
    with pytest.raises(CaptureError, match="put a single argument into a tuple"):
        capture(nn.Linear(3, 2), 3)  # type: ignore[arg-type]


def test_a_whole_slice_is_no_node() -> None:
    class Whole(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 1:]

    assert [node.op for node in capture(Whole(), torch.randn(2, 3)).nodes()] == ["input", "slice", "output"]


def test_a_branch_of_torchs_own_is_refused_with_a_way_out() -> None:
    class Branch(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cond(x.sum() > 0, lambda y: y + 1, lambda y: y - 1, (x,))

    with pytest.raises(CaptureError, match=r"test_capture\.py.*torch\.where"):
        capture(Branch(), torch.randn(2, 3))


def test_a_failed_capture_prints_nothing_of_torchs_own() -> None:
    program = (
        "import torch, nadoo_core as nadoo, nadoo_graphs as graphs\n"
        "try: nadoo.capture(torch.nn.Linear(2, 2), torch.randn(1, 3))\n"
        "except graphs.CaptureError as error: print(error.codes)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("('E11',)", "")
