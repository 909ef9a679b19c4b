"""train and heal: they change values and nothing else, keep to the run's data and seed, and ask for what they need."""

from typing import Any

import pytest
import torch

from nadoo_core.errors import ContextError, NeedError, OptionError, PassError
from nadoo_core.passes import CALIBRATED, TRAINED, Context, Pass, Services, check_flow
from nadoo_core.training import TrainingChoices
from nadoo_graphs.graph import ModelGraph
from nadoo_training.heal import Heal
from nadoo_training.train import Train
from nadoo_training.training_pass import TrainingPass

PASSES = (Train, Heal)
TRAINED_ALREADY = frozenset({"trained"})


def small_graph() -> ModelGraph:
    """A layer with a frozen constant behind it."""
    graph = ModelGraph("small")
    value = graph.add_input("x", ("N", 3))
    value = graph.add("linear", [value], name="layer", tensors={"weight": torch.randn(2, 3), "bias": torch.zeros(2)})
    graph.set_outputs([value])
    return graph


class Teacher:
    """What a run does for its passes, in a test: it notes the options and moves one tensor."""

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}

    def train(self, graph: ModelGraph, **options: Any) -> ModelGraph:
        self.options = options
        trained = graph.copy()
        trained.set_tensor("layer.weight", graph.tensor("layer.weight") + 1)
        return trained


def context(teacher: Teacher, **members: Any) -> Context:
    return Context(step="train", services=Services(train=teacher.train), properties=TRAINED_ALREADY, **members)


@pytest.mark.parametrize("kind", PASSES)
def test_training_takes_over_what_changed_and_leaves_the_input_alone(kind: type[TrainingPass]) -> None:
    graph, teacher = small_graph(), Teacher()
    before = graph.tensor("layer.weight").clone()
    result = kind().run(graph, context(teacher))
    assert torch.equal(result.graph.tensor("layer.weight"), before + 1)
    assert torch.equal(graph.tensor("layer.weight"), before)
    assert result.record.changes.tensors_changed == ("layer.weight",)
    assert result.record.changes.nodes == 0
    assert result.graph.tensors["layer.bias"] is graph.tensors["layer.bias"]


@pytest.mark.parametrize("kind", PASSES)
def test_every_choice_reaches_the_training_and_what_is_open_is_the_runs(kind: type[TrainingPass]) -> None:
    teacher = Teacher()
    kind(epochs=3, rate=0.5, optimizer="sgd", momentum=0.9, clip_norm=1.0).run(small_graph(), context(teacher))
    assert teacher.options["epochs"] == 3
    assert teacher.options["clip_norm"] == 1.0
    assert teacher.options["seed"] == context(teacher).seed_for("train")
    assert "loss" not in teacher.options
    assert set(teacher.options) <= {*TrainingChoices.__annotations__, "seed"}


@pytest.mark.parametrize("kind", PASSES)
def test_a_training_that_changes_nothing_is_an_error(kind: type[TrainingPass]) -> None:
    idle = Services(train=lambda graph, **options: graph.copy())
    with pytest.raises(PassError, match="N05"):
        kind().run(small_graph(), Context(step="train", services=idle, properties=TRAINED_ALREADY))


@pytest.mark.parametrize("kind", PASSES)
def test_without_data_there_is_no_training(kind: type[TrainingPass]) -> None:
    with pytest.raises(ContextError, match="train"):
        kind().run(small_graph(), Context(step="train", properties=TRAINED_ALREADY))


@pytest.mark.parametrize("kind", PASSES)
def test_a_trained_model_is_trained_and_no_longer_calibrated(kind: type[TrainingPass]) -> None:
    held = TRAINED_ALREADY | {CALIBRATED.name}
    graph, teacher = small_graph(), Teacher()
    result = kind().run(graph, Context(step="train", services=Services(train=teacher.train), properties=held))
    assert result.properties == {TRAINED.name}


def test_healing_needs_something_to_win_back() -> None:
    with pytest.raises(NeedError, match="'trained'"):
        Heal().run(small_graph(), Context(step="heal"))


def test_healing_before_training_is_noticed_before_anything_runs() -> None:
    steps: list[tuple[str, Pass]] = [("heal", Heal()), ("train", Train())]
    assert "move this step behind 'train'" in check_flow(steps)[0].message
    assert check_flow(steps, held=TRAINED_ALREADY) == ()
    assert check_flow(steps[::-1]) == ()


def test_healing_is_shorter_and_gentler_by_default() -> None:
    assert Heal().epochs < Train().epochs
    assert Heal().rate < Train().rate


@pytest.mark.parametrize("kind", PASSES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"rate": 0.0}, "rate"),
        ({"optimizer": "adma"}, "optimizer"),
        ({"momentum": 0.9}, "momentum"),
        ({"optimizer": "sgd", "nesterov": True}, "nesterov"),
        ({"loss": "mse", "label_smoothing": 0.1}, "label_smoothing"),
        ({"augmentation": {"rotation": 270}}, "rotation"),
    ],
)
def test_choices_that_cannot_be_are_refused(kind: type[TrainingPass], options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        kind(**options)
