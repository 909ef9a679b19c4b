"""Who may look at which examples: three roles are drawn from the training split, the test set is apart.

The same data, shares and seed give the same roles on every machine. Calibration examples are training examples:
they choose scales, never models. The test set is behind a guard that lets one evaluation read it.
"""

import hashlib
from collections.abc import Callable

from attrs import frozen

from nadoo_core.data.dataset import TEST, TRAIN, Dataset
from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples
from nadoo_core.data.order import hashed_order, stratified
from nadoo_core.errors import CoreCode, DataError, Problem

ROLES = ("train", "validation", "test", "calibration")


class TestSet:
    """Examples that one evaluation may read; a second one is refused, because choosing by them would spoil them."""

    __test__ = False  # the name is no test's

    def __init__(self, load: Callable[[], Examples], evaluation: str = "") -> None:
        self._load = load
        self._evaluation = evaluation

    @property
    def evaluation(self) -> str:
        """The evaluation that has read the examples, or ""."""
        return self._evaluation

    def read(self, evaluation: str) -> Examples:
        """The examples, for the first evaluation that asks; it may ask again, such as after an interruption."""
        if not evaluation:
            raise data_error("test set", "is read by an evaluation without a name; give it one")
        if self._evaluation not in {"", evaluation}:
            message = (
                f"was read by {self._evaluation!r} and is asked for by {evaluation!r}; it is read once, at the end: "
                "choose with validation data, or start another run"
            )
            raise data_error("test set", message)
        examples = self._load()
        self._evaluation = evaluation
        return examples


@frozen(eq=False)
class Roles:
    """The examples by what they are for, and a fingerprint of how they were divided."""

    train: Examples
    validation: Examples
    calibration: Examples
    test: TestSet
    classes: tuple[str, ...]
    fingerprint: str

    def role(self, name: str) -> Examples:
        """The examples of a role that may be read freely."""
        if name == TEST:
            raise data_error("role 'test'", "is read through `test.read(evaluation)`, once")
        if name not in ROLES:
            raise data_error(f"role {name!r}", f"is none; there are {', '.join(ROLES)}")
        found: Examples = getattr(self, name)
        return found


def split_roles(dataset: Dataset, validation: float | int = 0.15, calibration: int = 256, seed: int = 0) -> Roles:
    """Divide a data set; a validation below 1 is a share of the training split, from 1 on it is a count."""
    examples = dataset.load(TRAIN)
    held = validation_count(validation, len(examples))
    require_enough(dataset.name, len(examples), held, calibration)
    order = hashed_order(len(examples), seed, "roles")
    labels = examples.groups()
    chosen, rest = stratified(order, labels, held)
    calibrating, _ = stratified(rest, labels, calibration)
    return Roles(
        train=examples.take(rest),
        validation=examples.take(chosen),
        calibration=examples.take(calibrating),
        test=TestSet(lambda: dataset.load(TEST)),
        classes=dataset.classes,
        fingerprint=roles_fingerprint(dataset, held, calibration, seed),
    )


def roles_fingerprint(dataset: Dataset, validation: int, calibration: int, seed: int) -> str:
    """The hash of all that decides who sees what; it can be had without loading the examples."""
    text = f"{dataset.fingerprint()}/{validation}/{calibration}/{seed}"
    return hashlib.sha256(text.encode()).hexdigest()


def validation_count(validation: float | int, count: int) -> int:
    """How many examples a share or a count means."""
    if isinstance(validation, bool) or not 0 <= validation < float("inf"):
        raise data_error("validation", f"is {validation}; give a share below 1 or a count")
    if validation < 1:
        return round(validation * count)
    if int(validation) != validation:
        raise data_error("validation", f"is {validation}; from 1 on it is a count and must be whole")
    return int(validation)


def require_enough(name: str, count: int, validation: int, calibration: int) -> None:
    """Refuse roles that leave nothing to train with or ask for more than there is."""
    where, left = f"dataset {name!r}", count - validation
    rules = (
        (left > 0, f"has {count} training examples and validation takes {validation}; leave some to train with"),
        (calibration >= 0, f"calibration is {calibration}; give 0 or more"),
        (left <= 0 or calibration <= left, f"calibration is {calibration} of {left} examples; give at most {left}"),
    )
    problems = [Problem(CoreCode.DATA, where, message) for kept, message in rules if not kept]
    if problems:
        raise DataError(problems)
