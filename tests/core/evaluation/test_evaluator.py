"""The Evaluator: graphs and modules alike, restored afterwards, and honest about what it cannot say."""

import json
import math

import pytest
import torch
from torch import nn

import nadoo_core as nadoo
from nadoo_core.data import Examples
from nadoo_core.errors import DataError, OptionError
from nadoo_core.evaluation import Evaluator, Measurement, device_of, loss_of
from nadoo_core.evaluation.measurement import mean_of
from nadoo_graphs.errors import EmptyTensorError, NonFiniteError


@pytest.fixture
def model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


@pytest.fixture
def examples() -> Examples:
    return Examples(torch.randn(40, 4), torch.arange(40) % 3)


def test_a_graph_and_its_module_measure_the_same(model: nn.Module, examples: Examples) -> None:
    graph = nadoo.capture(model.eval(), examples.inputs[:2])
    evaluator = Evaluator()
    assert evaluator.measure(graph, examples) == evaluator.measure(model, examples)


def test_without_names_it_is_the_loss_and_for_classes_the_accuracy(model: nn.Module, examples: Examples) -> None:
    measured = Evaluator().measure(model, examples)
    logits = model.eval()(examples.inputs).double()
    expected = nn.functional.cross_entropy(logits, torch.arange(40) % 3)
    assert list(measured) == ["loss", "accuracy"]
    assert measured["loss"].value == pytest.approx(float(expected.detach()), rel=1e-6)
    values = Examples(examples.inputs, torch.randn(40, 3))
    assert list(Evaluator(loss="mse").measure(model, values)) == ["loss"]


def test_the_model_is_as_it_was(model: nn.Module, examples: Examples) -> None:
    model.train()
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    Evaluator().measure(model, examples)
    assert model.training and model[0].training and not model[1].training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_a_metric_and_a_loss_of_ones_own(model: nn.Module, examples: Examples) -> None:
    evaluator = Evaluator(
        metrics={"rows": lambda outputs, targets: Measurement(float(len(outputs)), len(targets), None)},
        loss=lambda outputs, targets: outputs.abs().mean(),
    )
    measured = evaluator.measure(model, examples, ("rows", "loss"))
    assert measured["rows"].value == 40 and measured["loss"].standard_error is None


def test_the_output_that_is_measured_can_be_chosen(examples: Examples) -> None:
    class Two(nn.Module):
        def forward(self, inputs: torch.Tensor) -> dict[str, object]:
            return {"first": inputs, "others": [inputs * 0 + torch.tensor([9.0, 0, 0, 0])]}

    measured = Evaluator(output=1).measure(Two(), examples, ("accuracy",))
    assert measured["accuracy"].value == pytest.approx(14 / 40)
    with pytest.raises(DataError, match="is 2 of 2; they count from 0"):
        Evaluator(output=2).measure(Two(), examples)


def test_all_unknown_metrics_are_named(model: nn.Module, examples: Examples) -> None:
    with pytest.raises(OptionError, match="did you mean 'accuracy'") as caught:
        Evaluator().measure(model, examples, ("acuracy", "loss", "speed"))
    assert len(caught.value.problems) == 2


def test_examples_without_targets_have_no_accuracy(model: nn.Module) -> None:
    with pytest.raises(DataError, match="need targets, and these examples have none; measure fidelity"):
        Evaluator().measure(model, Examples(torch.ones(2, 4)), ("accuracy",))


def test_outputs_that_are_no_numbers_are_refused(model: nn.Module, examples: Examples) -> None:
    with torch.no_grad():
        model[0].weight[0, 0] = math.nan
    with pytest.raises(NonFiniteError, match="of 120 values are NaN"):
        Evaluator().measure(model, examples)


def test_outputs_that_do_not_count_the_examples_are_refused(examples: Examples) -> None:
    class Mean(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs.mean()

    with pytest.raises(DataError, match="its first axis must count them"):
        Evaluator().measure(Mean(), examples)


def test_no_examples_and_no_batch_are_refused(model: nn.Module, examples: Examples) -> None:
    with pytest.raises(DataError, match="there is no example"):
        Evaluator().measure(model, examples.head(0))
    with pytest.raises(DataError, match="is 0; give at least 1"):
        Evaluator(batch=0).measure(model, examples)


def test_a_measurement_can_be_written_as_json() -> None:
    infinite = Measurement(math.inf, 3, None)
    assert json.loads(json.dumps(infinite.document(), allow_nan=False))["value"] == "inf"
    assert Measurement(0.5, 100, 0.05).document() == {"value": 0.5, "count": 100, "standard_error": 0.05}
    assert str(Measurement(0.5, 100, 0.05)) == "0.5 ± 0.05 (100 examples)"


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(EmptyTensorError):
        mean_of([])


# --- losses -----------------------------------------------------------------------------------------------------------


def test_losses_are_torchs_with_one_number_an_example() -> None:
    logits, labels, answers = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1]), torch.rand(5, 3)
    functional = nn.functional
    pairs = [
        (loss_of("cross-entropy")(logits, labels), functional.cross_entropy(logits, labels)),
        (loss_of("cross-entropy", 0.1)(logits, labels), functional.cross_entropy(logits, labels, label_smoothing=0.1)),
        (loss_of("mse")(logits, answers), functional.mse_loss(logits, answers)),
        (loss_of("bce")(logits, answers), functional.binary_cross_entropy_with_logits(logits, answers)),
    ]
    for ours, torchs in pairs:
        assert ours.shape == (5,) and float(ours.mean()) == pytest.approx(float(torchs), rel=1e-6)


def test_questions_with_one_answer_take_flat_targets() -> None:
    assert loss_of("bce")(torch.zeros(4, 1), torch.tensor([0, 1, 1, 0])).tolist() == pytest.approx([math.log(2)] * 4)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "message"),
    [
        ("cross-entropy", torch.ones(3, 2), torch.ones(3), "needs class numbers"),
        ("cross-entropy", torch.ones(3, 2), torch.zeros(2, dtype=torch.int64), "do not fit"),
        ("bce", torch.ones(3, 2), torch.ones(3), "give equal shapes"),
    ],
)
def test_a_loss_refuses_what_does_not_fit(
    loss: str, outputs: torch.Tensor, targets: torch.Tensor, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        loss_of(loss)(outputs, targets)


def test_unknown_losses_and_smoothing_elsewhere_are_refused() -> None:
    with pytest.raises(OptionError, match="did you mean 'cross-entropy'"):
        loss_of("cross_entropy")
    with pytest.raises(OptionError, match="for the cross-entropy only"):
        loss_of("mse", 0.1)


# --- where torch computes ---------------------------------------------------------------------------------------------


def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionError, match=f"is 'cuda', which torch {torch.__version__.split('+')[0]}.* does not find"):
        device_of("cuda")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(OptionError, match="give one of cpu, cuda, mps"):
        device_of("gpu")
    assert device_of("cpu") == torch.device("cpu")
