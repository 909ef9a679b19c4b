"""Examples for an importance are spread over the whole set."""

import pytest
import torch

from nadoo_core.data import Examples
from nadoo_core.importance import spread


@pytest.mark.parametrize(
    ("most", "taken"), [(1, [0]), (2, [0, 3]), (3, [0, 2, 4]), (7, list(range(7))), (9, list(range(7)))]
)
def test_examples_are_taken_evenly_and_never_more_than_there_are(most: int, taken: list[int]) -> None:
    examples = Examples(torch.arange(7.0).reshape(7, 1))
    assert spread(examples, most).inputs.reshape(-1).tolist() == taken
