"""The Trainer learns, follows its options, and says what it did."""

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import nadoo_core as nadoo
from nadoo_core.data import Augmentation, Examples
from nadoo_core.data.synthetic import Synthetic
from nadoo_core.errors import OptionError, TrainingError
from nadoo_core.evaluation import Evaluator, measure_activity
from nadoo_core.training import Moment, Trainer, TrainingHook, TrainingOptions
from tests.core.training.small import equal, network, options, tensors, train, validation


def test_training_learns_and_the_log_says_so() -> None:
    model = network()
    log = Trainer(model, options(epochs=8)).fit(train(), validation())
    first, last = log.records[0], log.last
    assert [record.epoch for record in log.records] == list(range(8))
    assert last.loss < first.loss and last.accuracy is not None and last.accuracy > 0.8
    measured = Evaluator().measure(model, validation())
    assert log.kept.validation_loss == measured["loss"].value
    assert log.kept.validation_accuracy == measured["accuracy"].value
    assert log.kept.positive_share == measure_activity(model, validation().inputs).positive_share


def test_equal_seeds_give_equal_weights_and_the_callers_random_state_is_left_alone() -> None:
    models = [network(), network(), network()]
    logs = []
    for model, seed, noise in zip(models, (5, 5, 6), (1, 2, 3), strict=True):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        logs.append(Trainer(model, options(seed=seed)).fit(train(), validation()))
        assert torch.equal(before, torch.get_rng_state())
    assert equal(models[0], models[1]) and logs[0] == logs[1]
    assert not equal(models[0], models[2])


def test_the_module_of_a_graph_trains_as_the_module_does() -> None:
    example = train().inputs[:2]
    graph = nadoo.capture(network().eval(), example)
    module, generated = network(), graph.to_module()
    Trainer(module, options(epochs=1)).fit(train())
    log = Trainer(generated, options(epochs=1), activations=["2"]).fit(train())
    assert equal(module, generated) and log.last.positive_share is not None


def test_the_schedule_is_followed() -> None:
    rates: list[float] = []

    class Watch(TrainingHook):
        def on_step(self, moment: Moment) -> None:
            rates.append(moment.optimizer.param_groups[0]["lr"])

    schedule = {"halve_epoch": 2}
    log = Trainer(network(), options(epochs=4, schedule="two_step", schedule_options=schedule), hooks=[Watch()]).fit(
        train()
    )
    expected = [0.01 * (1 + math.cos(math.pi * epoch / 4)) / 2 * (0.5 if epoch >= 2 else 1) for epoch in range(4)]
    assert [record.rate for record in log.records] == pytest.approx(expected)
    assert rates == pytest.approx([rate for rate in expected for _ in range(6)])


def test_by_step_the_rate_falls_within_an_epoch() -> None:
    rates: list[float] = []

    class Watch(TrainingHook):
        def on_step(self, moment: Moment) -> None:
            rates.append(moment.optimizer.param_groups[0]["lr"])

    Trainer(network(), options(epochs=2, rate_every="step"), hooks=[Watch()]).fit(train())
    assert rates == pytest.approx([0.01 * (1 + math.cos(math.pi * step / 12)) / 2 for step in range(12)])


def test_a_layout_changes_how_images_lie_and_little_else() -> None:
    seen: list[bool] = []

    class Watch(TrainingHook):
        def on_step(self, moment: Moment) -> None:
            seen.append(next(moment.model.parameters()).is_contiguous(memory_format=torch.channels_last))

    example = torch.rand(4, 3, 8, 8)
    examples = Examples(example, torch.tensor([0, 1, 2, 0]))

    def model() -> nn.Sequential:
        torch.manual_seed(3)
        return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(180, 3))

    models = [nadoo.capture(model().eval(), example).to_module() for _ in range(2)]
    for layout, each in zip(("channels-first", "channels-last"), models, strict=True):
        Trainer(each, options(layout=layout, augmentation=None, optimizer="sgd"), hooks=[Watch()]).fit(examples)
        assert all(parameter.is_contiguous() for parameter in each.parameters())
    assert seen == [False] * 3 + [True] * 3
    first, last = tensors(models[0]), tensors(models[1])
    assert all(torch.allclose(first[name], last[name], atol=1e-4) for name in first)


def test_larger_images_are_what_varies() -> None:
    """An image that is all detail is grey once it is small, and so are its variations."""
    detail = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(8, 8).expand(4, 1, 16, 16)
    seen: list[torch.Tensor] = []

    class Watched(nn.Flatten):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            seen.append(input)
            return super().forward(input)

    examples = Examples(torch.full((4, 1, 8, 8), 0.5), torch.tensor([0, 1, 2, 0]), detail)
    chosen = options(epochs=1, augmentation=Augmentation(flip=True))
    Trainer(nn.Sequential(Watched(), nn.Linear(64, 3)), chosen).fit(examples, examples)
    assert all(images.shape[1:] == (1, 8, 8) for images in seen)
    assert torch.allclose(seen[0][:, :, 2:-2, 2:-2], torch.tensor(0.5), atol=1e-6)


def test_an_unknown_schedule_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(nadoo.GraphError, match="did you mean 'cosine'"):
        Trainer(network(), options(schedule="cosin"))


@pytest.mark.parametrize(
    ("ours", "torchs"),
    [
        ({"optimizer": "adam"}, lambda p: torch.optim.Adam(p, lr=0.01)),
        ({"optimizer": "adamw", "weight_decay": 0.1}, lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)),
        (
            {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
            lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
        ),
        ({"optimizer": "sgd", "clip_norm": 0.05}, lambda p: torch.optim.SGD(p, lr=0.01)),
    ],
)
def test_a_step_is_torchs_step(ours: dict[str, Any], torchs: Any) -> None:
    """One batch of everything is one step of the reference."""
    model, reference = nn.Linear(4, 2), nn.Linear(4, 2)
    reference.load_state_dict(model.state_dict())
    examples = Examples(torch.randn(12, 4), torch.arange(12) % 2)
    Trainer(model, TrainingOptions(batch=12, rate=0.01, schedule="constant", **ours)).fit(examples)
    optimizer = torchs(reference.parameters())
    F.cross_entropy(reference(examples.inputs), examples.targets).backward()
    if "clip_norm" in ours:
        assert float(nn.utils.clip_grad_norm_(reference.parameters(), 0.05)) > 0.05
    optimizer.step()
    for name, tensor in reference.state_dict().items():
        assert torch.allclose(model.state_dict()[name], tensor, atol=1e-6)


@pytest.mark.parametrize(("loss", "outputs"), [("mse", 2), ("bce", 2)])
def test_other_losses_have_no_accuracy(loss: str, outputs: int) -> None:
    data = Synthetic(task="regression", outputs=outputs, examples=64)
    examples = data.load("train")
    if loss == "bce":
        assert examples.targets is not None
        examples = Examples(examples.inputs, (examples.targets > 0).float())
    log = Trainer(nn.Linear(16, outputs), TrainingOptions(epochs=5, rate=0.02, loss=loss)).fit(examples, examples)  # type: ignore[arg-type]
    assert log.last.loss < log.records[0].loss and log.last.accuracy is None and log.last.validation_accuracy is None
    assert log.last.positive_share is None


def test_yes_or_no_labels_may_be_whole_numbers() -> None:
    examples = Examples(torch.randn(20, 3), torch.arange(20) % 2)
    assert Trainer(nn.Linear(3, 1), TrainingOptions(loss="bce")).fit(examples, examples).last.accuracy is None


def test_a_loss_of_ones_own() -> None:
    model = nn.Linear(3, 2, bias=False)
    examples = Examples(torch.randn(30, 3), torch.arange(30) % 2)

    def shrink(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs**2).sum()

    before = float(model.weight.detach().norm())
    log = Trainer(model, TrainingOptions(epochs=20, rate=0.05), loss=shrink).fit(examples, examples)
    assert float(model.weight.detach().norm()) < before / 2 and log.kept.validation_loss is not None


def test_label_smoothing_is_for_training_only() -> None:
    examples, model = train(), network()
    log = Trainer(model, options(label_smoothing=0.2)).fit(examples, examples)
    assert log.kept.validation_loss == Evaluator().measure(model, examples)["loss"].value


class Worse(TrainingHook):
    """Spoils the model from an epoch on, so that validation gets worse."""

    def __init__(self, start: int) -> None:
        self.start = start

    def on_step(self, moment: Moment) -> None:
        if moment.epoch >= self.start:
            with torch.no_grad():
                moment.model[5].bias.add_(torch.tensor([5.0, 0.0, 0.0]))  # type: ignore[index,union-attr,operator]


def test_patience_ends_the_training_and_the_best_epoch_is_kept() -> None:
    model = network()
    log = Trainer(model, options(epochs=20, patience=2), hooks=[Worse(3)]).fit(train(), validation())
    assert log.stopped_early and len(log.records) == 5 and log.kept_epoch == 2
    assert log.kept.validation_loss == Evaluator().measure(model, validation())["loss"].value
    assert log.last.validation_loss != log.kept.validation_loss


def test_the_last_epoch_can_be_kept() -> None:
    model = network()
    log = Trainer(model, options(epochs=4, keep="last"), hooks=[Worse(3)]).fit(train(), validation())
    assert log.kept_epoch == 3 and not log.stopped_early
    assert log.last.validation_loss == Evaluator().measure(model, validation())["loss"].value


def test_an_improvement_that_is_too_small_does_not_count() -> None:
    log = Trainer(network(), options(epochs=9, patience=1, min_improvement=100.0)).fit(train(), validation())
    assert len(log.records) == 2 and log.kept_epoch == 0


def test_hooks_are_called_in_their_places_and_add_to_the_log() -> None:
    calls: list[tuple[str, int, int]] = []

    class Notes(TrainingHook):
        def on_epoch_start(self, moment: Moment) -> None:
            calls.append(("start", moment.epoch, moment.step))

        def on_step(self, moment: Moment) -> None:
            calls.append(("step", moment.epoch, moment.step))

        def on_epoch_end(self, moment: Moment) -> dict[str, float]:
            calls.append(("end", moment.epoch, moment.step))
            return {"clip/0": 0.5, "entropy/0": 3.25}

    log = Trainer(network(), options(epochs=2, batch=45), hooks=[Notes()]).fit(train())
    once = [("start", 0), ("step", 0), ("step", 1), ("end", 1)]
    assert calls == [(name, epoch, step) for epoch in range(2) for name, step in once]
    assert log.last.extra == {"clip/0": 0.5, "entropy/0": 3.25}


def test_progress_counts_every_step() -> None:
    seen: list[tuple[int, int, str]] = []
    Trainer(network(), options(epochs=2), progress=lambda *step: seen.append(step)).fit(train())
    assert [(done, total) for done, total, _ in seen] == [(done, 12) for done in range(1, 13)]
    assert seen[-1][2].startswith("epoch 2/2, loss ")


def test_a_lone_last_example_joins_the_batch_before() -> None:
    """Batch normalization cannot learn from one example."""
    steps: list[int] = []

    class Watch(TrainingHook):
        def on_step(self, moment: Moment) -> None:
            steps.append(moment.steps)

    Trainer(network(), options(epochs=1, batch=16), hooks=[Watch()]).fit(train().head(33))
    assert steps == [2, 2]


def test_modes_and_frozen_parameters_are_kept() -> None:
    model = network()
    model[0].requires_grad_(False)
    model.eval()
    before = tensors(model)
    Trainer(model, options()).fit(train(), validation())
    assert not model.training and not model[4].training
    assert torch.equal(model.state_dict()["0.weight"], before["0.weight"])
    assert not torch.equal(model.state_dict()["5.weight"], before["5.weight"])


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        TrainingOptions(epochs=0, batch=0, rate=-1.0, loss="crossentropy", keep="first", compute="gpu")  # type: ignore[arg-type]
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 0.9}, "has no momentum"),
        ({"optimizer": "sgd", "nesterov": True}, "nesterov is true and momentum is 0"),
        ({"loss": "mse", "label_smoothing": 0.1}, "label_smoothing is for the loss 'cross-entropy'"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        options(**changes)


@pytest.mark.parametrize(
    ("examples", "judged", "changes", "message"),
    [
        (Examples(torch.ones(3, 1, 4, 4)), None, {}, "training data: has no examples with targets"),
        (train().head(0), None, {}, "training data: has no examples"),
        (train(), train().head(0), {}, "validation data: has no examples"),
        (train(), None, {"patience": 2}, "patience: needs validation data"),
    ],
)
def test_data_that_cannot_teach_is_refused(
    examples: Examples, judged: Examples | None, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        Trainer(network(), options(**changes)).fit(examples, judged)


def test_a_model_without_anything_to_train_is_refused() -> None:
    with pytest.raises(TrainingError, match="has no parameter that may be trained"):
        Trainer(network().requires_grad_(False), options()).fit(train())


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    examples = Examples(torch.full((8, 3), 1e30), torch.arange(8) % 2)
    with pytest.raises(TrainingError, match="is inf at epoch 0, step 0; lower the rate, or set clip_norm"):
        Trainer(nn.Linear(3, 2), TrainingOptions(loss="mse")).fit(Examples(examples.inputs, torch.zeros(8, 2)))


def test_weights_that_are_no_numbers_are_not_kept() -> None:
    class Poison(TrainingHook):
        def on_step(self, moment: Moment) -> None:
            with torch.no_grad():
                moment.model[5].bias.fill_(math.nan)  # type: ignore[index,union-attr,operator]

    with pytest.raises(TrainingError, match=r"tensor '5.bias': holds NaN or infinities after epoch 0"):
        Trainer(network(), options(batch=90), hooks=[Poison()]).fit(train())


def test_a_hook_that_reports_no_number_is_named() -> None:
    class Broken(TrainingHook):
        def on_epoch_end(self, moment: Moment) -> dict[str, float]:
            return {"clip": math.nan}

    with pytest.raises(TrainingError, match=r"Broken.*reports clip as NaN"):
        Trainer(network(), options(), hooks=[Broken()]).fit(train())


def test_augmentation_needs_images() -> None:
    flat = TrainingOptions(augmentation=Augmentation(flip=True))
    with pytest.raises(nadoo.GraphError, match="is for floating images"):
        Trainer(nn.Linear(16, 4), flat).fit(Synthetic().load("train"))


def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(OptionError, match="is 'mps', which torch"):
        Trainer(network(), options(compute="mps"))
