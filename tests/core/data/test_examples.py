"""Examples hold together, and their digest is their content."""

import pytest
import torch

from nadoo_core.data import Examples
from nadoo_core.errors import DataError


def test_parts_keep_inputs_and_targets_together() -> None:
    examples = Examples(torch.arange(10.0)[:, None], torch.arange(10))
    taken = examples.take([7, 2])
    assert taken.inputs.tolist() == [[7.0], [2.0]] and taken.targets is not None and taken.targets.tolist() == [7, 2]
    assert len(examples.head(3)) == 3 and len(examples.head(30)) == 10
    assert [len(batch) for batch in examples.batches(4)] == [4, 4, 2]
    assert [batch.targets for batch in Examples(torch.ones(3, 1)).batches(2)] == [None, None]


@pytest.mark.parametrize(
    ("targets", "labelled"),
    [(torch.arange(2), True), (torch.ones(2), False), (torch.zeros(2, 1, dtype=torch.int64), False), (None, False)],
)
def test_labels_are_one_whole_number_each(targets: torch.Tensor | None, labelled: bool) -> None:
    examples = Examples(torch.ones(2, 3), targets)
    assert examples.labelled is labelled
    assert examples.groups() == ([0, 1] if labelled else [0, 0])


def test_parts_keep_larger_images_too() -> None:
    examples = Examples(torch.ones(5, 1, 2, 2), torch.arange(5), torch.arange(5.0)[:, None, None, None])
    parts = (examples.take([3, 1]), examples.head(2), *examples.batches(5))
    found = [None if part.larger is None else part.larger.flatten().tolist() for part in parts]
    assert found == [[3, 1], [0, 1], [0, 1, 2, 3, 4]]
    assert examples.digest() != Examples(examples.inputs, examples.targets).digest()
    with pytest.raises(DataError, match="larger images: are 4 for 5 inputs"):
        Examples(torch.ones(5, 1), None, torch.ones(4, 1))


@pytest.mark.parametrize("targets", [torch.ones(3), torch.tensor(1.0)])
def test_targets_must_be_as_many(targets: torch.Tensor) -> None:
    with pytest.raises(DataError, match="targets for 2 inputs"):
        Examples(torch.ones(2), targets)


def test_a_single_number_is_no_set() -> None:
    with pytest.raises(DataError, match="first axis must count"):
        Examples(torch.tensor(1.0))


def test_a_digest_sees_values_shapes_dtypes_and_targets() -> None:
    ones = torch.ones(2, 3)
    different = [
        Examples(ones),
        Examples(ones * 2),
        Examples(ones.reshape(3, 2)),
        Examples(ones.double()),
        Examples(ones, torch.ones(2)),
        Examples(ones, torch.ones(2, dtype=torch.int64)),
    ]
    assert len({examples.digest() for examples in different}) == len(different)
    assert Examples(ones).digest() == Examples(torch.ones(3, 2).T).digest()
