"""Data sets and metrics tried out: what they promise is what they give, twice."""

from typing import Any

import attrs
import torch

from nadoo_core.data.dataset import SPLITS, Dataset
from nadoo_core.data.examples import Examples
from nadoo_core.errors import DataError, NadooError, OptionError
from nadoo_core.evaluation.measurement import Measurement
from nadoo_core.options import structure
from nadoo_core.testing.report import Item

ROWS, CLASSES = 16, 8
NO_SPLIT = "no such split"


def check_dataset(name: str, offered: Any) -> Item:
    """A data set with its default options; one that needs options or files is not checked, and that is said."""
    try:
        made = structure(offered, {}, f"dataset {name!r}") if attrs.has(offered) else offered()
    except OptionError as error:
        return Item("datasets", name, notes=(f"it needs options: {error}",), checked=False)
    if not isinstance(made, Dataset):
        message = f"{type(made).__name__} is no data set; it needs name, classes, load(split) and fingerprint()"
        return Item("datasets", name, (message,))
    try:
        splits = {split: made.load(split) for split in SPLITS}
    except DataError as error:
        return Item("datasets", name, notes=(f"its files are not there: {error}",), checked=False)
    problems = [*identity_problems(name, made), *split_problem(made)]
    for split, examples in splits.items():
        problems += examples_problems(split, examples, made)
    return Item("datasets", name, tuple(problems))


def identity_problems(name: str, dataset: Dataset) -> list[str]:
    """What is wrong with the name and the fingerprint."""
    problems = [] if dataset.name == name else [f"it is offered as {name!r} and calls itself {dataset.name!r}"]
    if dataset.fingerprint() != dataset.fingerprint():
        problems.append("two fingerprints of the same data set differ")
    return problems


def split_problem(dataset: Dataset) -> list[str]:
    """What is wrong with the answer to a split that there is not."""
    try:
        dataset.load(NO_SPLIT)
    except NadooError:
        return []
    except Exception as error:
        return [f"load({NO_SPLIT!r}) raised {type(error).__name__}; raise a DataError that names the splits"]
    return [f"load({NO_SPLIT!r}) gave something; raise a DataError that names the splits {', '.join(SPLITS)}"]


def examples_problems(split: str, examples: object, dataset: Dataset) -> list[str]:
    """What is wrong with the examples of a split."""
    if not isinstance(examples, Examples):
        return [f"load({split!r}) gave {type(examples).__name__}; give nadoo_core.data.Examples"]
    if not len(examples):
        return [f"load({split!r}) gave no examples"]
    problems: list[str] = []
    if dataset.load(split).digest() != examples.digest():
        problems.append(f"load({split!r}) gives other examples each time; take random numbers from a seed")
    if dataset.classes and examples.labelled and examples.targets is not None:
        highest = int(examples.targets.max())
        if highest >= len(dataset.classes) or int(examples.targets.min()) < 0:
            problems.append(f"{split!r} has the label {highest}; there are {len(dataset.classes)} classes")
    return problems


def check_metric(name: str, metric: Any) -> Item:
    """A metric on classes or on numbers, whichever it takes; both refused is a fault."""
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(ROWS, CLASSES, generator=generator)
    numbers = torch.randn(ROWS, CLASSES, generator=generator)
    refusals: list[str] = []
    for targets in (torch.arange(ROWS) % CLASSES, torch.arange(ROWS) % 2, numbers):
        try:
            problems = measurement_problems(metric(outputs, targets), metric(outputs, targets))
            return Item("metrics", name, tuple(problems))
        except NadooError as error:
            refusals.append(str(error))
        except Exception as error:
            return Item("metrics", name, (f"it raised {type(error).__name__}, no error of nadoo: {error}",))
    return Item("metrics", name, (f"it takes neither classes nor numbers: {'; '.join(refusals)}",))


def measurement_problems(first: object, second: object) -> list[str]:
    """What is wrong with what a metric gave for the same outputs twice."""
    if not isinstance(first, Measurement):
        return [f"it gave {type(first).__name__}; give nadoo_core.evaluation.Measurement"]
    problems = [] if first == second else [f"it gives {first} and then {second} for the same outputs"]
    return problems if first.count == ROWS else [*problems, f"it counts {first.count} examples of {ROWS}"]
