"""Metrics against their definitions, and the laws that all of them keep."""

import math
from itertools import product
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.data import Examples
from nadoo_core.errors import DataError
from nadoo_core.evaluation import METRICS, Evaluator
from nadoo_core.evaluation.measurement import mean_of
from nadoo_core.evaluation.metrics import accuracy, mse, top_k
from nadoo_core.evaluation.ranking import auc

QUARTERS = st.integers(-8, 8).map(lambda number: number / 4)
"""Few values, so that ties happen."""


def scores(rows: int, columns: int) -> st.SearchStrategy[torch.Tensor]:
    row = st.lists(QUARTERS, min_size=columns, max_size=columns)
    return st.lists(row, min_size=rows, max_size=rows).map(torch.tensor)


@st.composite
def classified(draw: st.DrawFn, columns: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs with ties, and labels of which at least two differ."""
    rows = draw(st.integers(2, 12))
    labels = [0, 1, *draw(st.lists(st.integers(0, columns - 1), min_size=rows - 2, max_size=rows - 2))]
    return draw(scores(rows, columns)), torch.tensor(labels)


def pairwise_area(values: list[float], positive: list[bool]) -> float:
    """The definition: over all pairs, 1 if the positive scores higher, ½ if equal."""
    high = [value for value, is_positive in zip(values, positive, strict=True) if is_positive]
    low = [value for value, is_positive in zip(values, positive, strict=True) if not is_positive]
    return sum((a > b) + (a == b) / 2 for a, b in product(high, low)) / len(high) / len(low)


@given(classified(2))
def test_the_area_of_two_classes_is_the_share_of_ordered_pairs(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    """auc = the brute force over all pairs, ties counted half."""
    outputs, labels = case
    expected = pairwise_area((outputs[:, 1] - outputs[:, 0]).tolist(), (labels == 1).tolist())
    assert auc(outputs, labels).value == pytest.approx(expected, abs=1e-12)
    single = auc((outputs[:, 1] - outputs[:, 0])[:, None], labels)
    assert single.value == pytest.approx(expected, abs=1e-12)


@given(classified(3))
def test_the_area_of_several_classes_is_the_mean_of_each_against_the_rest(
    case: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Scores are compared by the odds of the class; a class without examples on one side does not count."""
    outputs, labels = case
    areas: list[float] = []
    for kind in range(3):
        rest = outputs[:, [other for other in range(3) if other != kind]].double().logsumexp(1)
        mine = (labels == kind).tolist()
        if 0 < sum(mine) < len(mine):
            areas.append(pairwise_area((outputs[:, kind].double() - rest).tolist(), mine))
    assert auc(outputs, labels).value == pytest.approx(sum(areas) / len(areas), abs=1e-12)


@given(classified(2), st.sampled_from([0.5, 2.0, 8.0]))
def test_the_area_keeps_under_monotone_changes_and_turns_with_the_sign(
    case: tuple[torch.Tensor, torch.Tensor], factor: float
) -> None:
    """auc(c·s) = auc(s) for c > 0, and auc(-s) = 1 - auc(s)."""
    outputs, labels = case
    value = auc(outputs, labels).value
    assert auc(outputs * factor, labels).value == pytest.approx(value, abs=1e-12)
    assert auc(-outputs, labels).value == pytest.approx(1 - value, abs=1e-12)


def test_the_error_of_an_area_is_delongs() -> None:
    outputs, labels = torch.tensor([[0.1], [0.4], [0.35], [0.8]]), torch.tensor([0, 0, 1, 1])
    measured = auc(outputs, labels)
    assert measured.value == 0.75 and measured.count == 4
    assert measured.standard_error == pytest.approx(math.sqrt(2 * (0.25**2 + 0.25**2) / 4))


@given(st.lists(QUARTERS, min_size=3, max_size=5), st.integers(0, 2))
def test_the_first_of_equal_outputs_wins(row: list[float], label: int) -> None:
    """A hit is a label before which fewer than k classes come: those higher, and those equal with a lower number."""
    ordered = sorted(range(len(row)), key=lambda index: (-row[index], index))
    for count in range(1, len(row)):
        hit = top_k(count)(torch.tensor([row]), torch.tensor([label])).value
        assert hit == float(label in ordered[:count])


@given(classified(4))
def test_more_guesses_hit_at_least_as_often(case: tuple[torch.Tensor, torch.Tensor]) -> None:
    """top-1 ≤ top-2 ≤ top-3."""
    hit = [top_k(count)(*case).value for count in (1, 2, 3)]
    assert hit == sorted(hit) and accuracy(*case).value == hit[0]


def test_a_standard_error_is_that_of_the_mean() -> None:
    measured = mean_of([1.0, 2.0, 3.0, 6.0])
    assert measured.value == 3.0 and measured.standard_error == pytest.approx(math.sqrt(14 / 3 / 4))
    assert mean_of([5.0]).standard_error is None


def test_places_of_an_example_are_averaged_before_examples_are() -> None:
    outputs = torch.tensor([[[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    measured = accuracy(outputs, torch.tensor([[0, 0], [0, 0]]))
    assert measured.value == 0.75 and measured.count == 2


def test_errors_squared_are_averaged() -> None:
    assert mse(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0])).value == 2.0


class Identity(torch.nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


@given(classified(4), st.integers(1, 13), st.randoms())
def test_neither_batches_nor_order_change_a_number(
    case: tuple[torch.Tensor, torch.Tensor], batch: int, random: Random
) -> None:
    """measure is a function of the set of examples, to the last bit for sums and to rounding for errors."""
    outputs, labels = case
    places = list(range(len(labels)))
    random.shuffle(places)
    names = ("accuracy", "loss", "auc", "top-3")
    whole = Evaluator().measure(Identity(), Examples(outputs, labels), names)
    parts = Evaluator(batch=batch).measure(Identity(), Examples(outputs, labels).take(places), names)
    for name in names:
        assert parts[name].value == pytest.approx(whole[name].value, abs=1e-15) and parts[name].count == len(labels)
    assert parts["accuracy"].value == whole["accuracy"].value


@pytest.mark.parametrize(
    ("name", "outputs", "targets", "message"),
    [
        ("accuracy", torch.ones(3, 2), torch.ones(3), "do not fit torch.float32 targets"),
        ("accuracy", torch.ones(3), torch.zeros(3, dtype=torch.int64), "do not fit"),
        ("accuracy", torch.ones(3, 2), torch.tensor([0, 1, 2]), "targets go from 0 to 2, the model has 2 classes"),
        ("top-3", torch.ones(3, 3), torch.zeros(3, dtype=torch.int64), "there are only 3 classes"),
        ("auc", torch.ones(3, 2), torch.zeros(3, dtype=torch.int64), "at least two classes"),
        ("auc", torch.ones(3, 2, 2), torch.zeros(3, dtype=torch.int64), "do not fit targets"),
        ("mse", torch.ones(3, 2), torch.ones(3), "give equal shapes"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, outputs: torch.Tensor, targets: torch.Tensor, message: str) -> None:
    with pytest.raises(DataError, match=message):
        METRICS[name](outputs, targets)
