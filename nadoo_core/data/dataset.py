"""What a data set is, for ours and for a plugin's: a name, classes, splits that load, and a fingerprint."""

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from attrs import asdict

from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples

if TYPE_CHECKING:
    import torch

TRAIN, TEST = "train", "test"
SPLITS = (TRAIN, TEST)


@runtime_checkable
class Dataset(Protocol):
    """Examples under a name; the options are the fields of the class."""

    @property
    def name(self) -> str:
        """The name in the recipe."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """What the labels mean, in their order; empty where targets are numbers."""
        ...

    def load(self, split: str) -> Examples:
        """The examples of "train" or "test"."""
        ...

    def fingerprint(self) -> str:
        """A hash of all that decides what `load` gives: equal only if the examples are."""
        ...


def require_split(name: str, split: str) -> None:
    """Refuse a split that no data set has."""
    if split not in SPLITS:
        message = f"has no split {split!r}; there are {', '.join(SPLITS)} (validation and calibration come from train)"
        raise data_error(f"dataset {name!r}", message)


def fingerprint(dataset: Any, contents: Sequence[str]) -> str:
    """The hash of a data set's options and of the contents that they choose from."""
    options = asdict(dataset)
    document = {"class": type(dataset).__qualname__, "options": options, "contents": list(contents)}
    return hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()


def as_labels(name: str, labels: "torch.Tensor", classes: int) -> "torch.Tensor":
    """Labels as int64, or a refusal of the first that is no class."""
    import torch

    found = labels.to(torch.int64)
    wrong = ((found < 0) | (found >= classes)).nonzero()
    if len(wrong):
        index = int(wrong[0])
        message = f"label {int(found[index])} of example {index} is no class; there are 0 to {classes - 1}"
        raise data_error(f"dataset {name!r}", message)
    return found
