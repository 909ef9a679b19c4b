"""The bench: a recipe's data, loss and metrics, with which passes train and measure and the run judges."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from nadoo_core.data import Examples, Preprocessed, Roles, split_roles
from nadoo_core.errors import CoreCode, DataError, Problem, RecipeError
from nadoo_core.evaluation import METRICS, Evaluator, Measurement
from nadoo_core.evaluation.metrics import Metric
from nadoo_core.passes import Services
from nadoo_core.recipe import Recipe, resolve_reference
from nadoo_core.registry import Registry
from nadoo_core.runs.costing import Costing
from nadoo_core.runs.inputs import random_inputs
from nadoo_core.runs.learning import Learning
from nadoo_core.store import code_digest
from nadoo_core.store.files import digest_value
from nadoo_graphs.graph import ModelGraph

ROLES = ("train", "validation", "calibration")
OWN_METRIC = "metric"
MOST_COMPARED = 64
WORST_NODES = 5
Document = dict[str, Any]


class RoleData(Mapping[str, Examples]):
    """The examples that a pass may see by role, loaded when the first of them is asked for."""

    def __init__(self, load: Callable[[], Roles]) -> None:
        self.load = load

    def __getitem__(self, role: str) -> Examples:
        if role not in ROLES:
            raise KeyError(role)
        return self.load().role(role)

    def __iter__(self) -> Iterator[str]:
        return iter(ROLES)

    def __len__(self) -> int:
        return len(ROLES)


class Bench:
    """Data, loss and metrics of a recipe; nothing is loaded before it is needed."""

    def __init__(self, recipe: Recipe, registry: Registry) -> None:
        self.recipe = recipe
        self.registry = registry

    # --- what it is made of ---

    @cached_property
    def dataset(self) -> Any:
        """The data set of the recipe, through the recipe's preprocessing."""
        section = self.recipe.data
        if section is None or not section.preprocess:
            return self.raw_dataset
        function = resolve_reference(section.preprocess, "recipe.data.preprocess")
        return Preprocessed(self.raw_dataset, function, section.preprocess, str(code_digest(function)))

    @cached_property
    def raw_dataset(self) -> Any:
        """The data set as it is stored."""
        section = self.recipe.data
        if section is None or self.recipe.dataset is not None:
            return self.recipe.dataset
        where = "recipe.data.dataset"
        function = resolve_reference(section.dataset, where)
        try:
            return function(**section.options)
        except Exception as error:  # a user's function may raise anything
            message = f"{section.dataset} raised {type(error).__name__}: {error}; mend it, or give other options"
            raise DataError(Problem(CoreCode.DATA, where, message)) from error

    @cached_property
    def roles(self) -> Roles:
        """The examples by what they are for."""
        section = self.recipe.data
        if section is None:
            raise RecipeError(Problem(CoreCode.MISSING_KEY, "recipe.data", "is missing; add it"))
        return split_roles(self.dataset, section.validation, section.calibration, self.recipe.seed)

    @cached_property
    def loss(self) -> Any:
        """The loss: the recipe's, or what the targets suggest."""
        name = self.recipe.evaluation.loss
        if ":" in name:
            return resolve_reference(name, "recipe.evaluation.loss")
        return name or ("cross-entropy" if self.roles.train.labelled else "mse")

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """All metrics by name, and the recipe's own as "metric"."""
        known: dict[str, Metric] = dict(METRICS)
        name = self.recipe.evaluation.metric
        if ":" in name:
            return {**known, OWN_METRIC: own_metric(resolve_reference(name, "recipe.evaluation.metric"))}
        if name and name not in known:
            return {**known, OWN_METRIC: own_metric(self.registry.load("metrics", name))}
        return {**known, OWN_METRIC: known[name]} if name else known

    @cached_property
    def costing(self) -> Costing:
        """What graphs cost."""
        return Costing(self.recipe, self.registry)

    @cached_property
    def evaluator(self) -> Evaluator:
        """How models are measured."""
        loss = self.loss if self.recipe.data is not None else "mse"
        section = self.recipe.evaluation
        return Evaluator(metrics=self.metrics, loss=loss, batch=section.batch, compute=self.recipe.compute)

    # --- what it depends on ---

    @cached_property
    def data_fingerprint(self) -> str:
        """A hash of the examples and of how they are divided, had without loading them."""
        section = self.recipe.data
        if section is None:
            return ""
        parts = [self.dataset.fingerprint(), section.validation, section.calibration, self.recipe.seed]
        return digest_value([*parts, code_digest(type(self.raw_dataset))])

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that decides what training and evaluation give."""
        section = self.recipe.evaluation
        own = [code_digest(resolve_reference(text, "recipe.evaluation"))
               for text in (section.loss, section.metric) if ":" in text]  # fmt: skip
        compute = [self.recipe.compute, torch.__version__]
        target = self.costing.fingerprint
        return digest_value([self.data_fingerprint, section.loss, section.metric, own, compute, target])

    # --- what it does ---

    def services(self, step: str, checkpoints: Path, watch: Any, logs: list[Document]) -> Services:
        """What a pass may ask the run for."""
        if self.recipe.data is None:
            return Services(load=self.registry.load, estimate=self.costing.estimate)
        learning = Learning(self, step, checkpoints, watch, logs)
        return Services(
            data=RoleData(lambda: self.roles),
            train=learning.train,
            evaluate=self.evaluate,
            estimate=self.costing.estimate,
            load=self.registry.load,
        )

    def evaluate(self, graph: Any, role: str = "validation", metrics: Sequence[str] = ()) -> dict[str, Measurement]:
        """The metrics of a graph or module on the examples of a role."""
        return self.measure(graph, self.roles.role(role), metrics)

    def measure(self, graph: Any, examples: Examples, metrics: Sequence[str] = ()) -> dict[str, Measurement]:
        """The metrics on given examples: without names the loss, the accuracy of labels, and the recipe's own."""
        usual = ("loss", "accuracy") if examples.labelled else ("loss",)
        own = (OWN_METRIC,) if self.recipe.evaluation.metric else ()
        return self.evaluator.measure(graph, examples, tuple(metrics) or (*usual, *own))

    def scores(self, graph: ModelGraph, reference: ModelGraph) -> Document:
        """How good a graph is: on validation data, or without any by its fidelity to where the run began."""
        if self.recipe.data is not None and len(self.roles.validation):
            return {name: found.document() for name, found in self.evaluate(graph).items()}
        inputs = self.inputs(reference)
        if inputs is None:
            return {}
        agreement = self.evaluator.fidelity(reference, graph, inputs).outputs["output"]
        found = {"signal_to_noise_db": agreement.snr_db, "agreement": agreement.top_class}
        return {name: value.document() for name, value in found.items() if value is not None}

    def test_scores(self, graphs: Mapping[str, ModelGraph]) -> dict[str, Document]:
        """The metrics of some graphs on the test set, which is read for this once."""
        examples = self.roles.test.read(f"run of {self.recipe.name}")
        return {
            name: {metric: found.document() for metric, found in self.measure(graph, examples).items()}
            for name, graph in graphs.items()
        }

    def losses_of_fidelity(self, before: ModelGraph, after: ModelGraph) -> list[Document]:
        """The nodes whose values a step moved most, the worst first."""
        inputs = self.inputs(before)
        if inputs is None:
            return []
        fidelity = self.evaluator.fidelity(before, after, inputs, "*")
        values = ((name, fidelity.nodes[name].snr_db.value) for name in fidelity.worst(WORST_NODES))
        return [{"node": name, "signal_to_noise_db": value} for name, value in values if value < float("inf")]

    def inputs(self, graph: ModelGraph) -> torch.Tensor | None:
        """Inputs to compare graphs on: calibration or validation examples, else random ones; None if there are none."""
        if self.recipe.data is None:
            return random_inputs(graph, self.recipe)
        roles = self.roles
        examples = roles.calibration if len(roles.calibration) else roles.train
        return examples.inputs[:MOST_COMPARED]


def own_metric(function: Callable[[torch.Tensor, torch.Tensor], Any]) -> Metric:
    """A user's metric, which may give a plain number instead of a measurement."""

    def metric(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
        found = function(outputs, targets)
        return found if isinstance(found, Measurement) else Measurement(float(found), len(outputs), None)

    return metric
