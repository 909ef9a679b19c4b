"""Arrays of a numpy archive as a data set."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nadoo_core.data.npz import Npz
from nadoo_core.errors import DataError, OptionError


@pytest.fixture
def archive(tmp_path: Path) -> str:
    path = tmp_path / "mine.npz"
    features = np.arange(40, dtype=np.int8).reshape(20, 2)
    np.savez(path, features=features, labels=np.arange(20) % 2, values=np.linspace(0, 1, 20), names=np.array(["a"]))
    return str(path)


def test_named_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train_inputs=np.ones((4, 3)), train_targets=np.arange(4), test_inputs=np.ones((2, 3)),
             test_targets=np.arange(2))  # fmt: skip
    dataset = Npz(file=str(tmp_path / "a.npz"))
    assert len(dataset.load("train")) == 4 and len(dataset.load("test")) == 2


def test_one_split_is_divided_class_by_class(archive: str) -> None:
    dataset = Npz(file=archive, inputs="features", targets="labels", scale=0.5)
    train, test = dataset.load("train"), dataset.load("test")
    assert train.targets is not None and test.targets is not None
    assert train.targets.bincount().tolist() == [8, 8] and test.targets.bincount().tolist() == [2, 2]
    everything = torch.cat([train.inputs, test.inputs]).reshape(-1).sort().values
    assert everything.tolist() == [number / 2 for number in range(40)]


def test_numbers_that_are_not_whole_are_values_and_targets_may_be_missing(archive: str) -> None:
    values = Npz(file=archive, inputs="features", targets="values").load("train").targets
    assert values is not None and values.dtype == torch.float32
    assert Npz(file=archive, inputs="features", targets="").load("test").targets is None


def test_a_name_is_looked_up_in_the_data_folder(data_folder: Path) -> None:
    (data_folder / "npz").mkdir()
    np.savez(data_folder / "npz" / "b.npz", x=np.ones((10, 1)))
    assert len(Npz(file="b.npz", inputs="x", targets="").load("train")) == 8


def test_a_missing_file_is_named_with_the_places(data_folder: Path) -> None:
    with pytest.raises(DataError, match=r"'none.npz' not found \(looked at none.npz, .*data.npz.none.npz"):
        Npz(file="none.npz").fingerprint()


def test_missing_arrays_are_named_with_those_that_are_there(archive: str) -> None:
    with pytest.raises(DataError, match="no array train_inputs, train_targets; it holds features, labels"):
        Npz(file=archive).load("train")


def test_pickled_objects_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", x=np.array([{"a": 1}, None], dtype=object))
    with pytest.raises(DataError, match="without pickle"):
        Npz(file=str(tmp_path / "evil.npz"), inputs="x", targets="").load("train")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(DataError, match="is no npz archive; get the file again"):
        Npz(file=str(tmp_path / "bad.npz")).load("train")


def test_a_single_array_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(DataError, match="is no npz archive"):
        Npz(file=str(tmp_path / "one.npy")).load("train")


def test_texts_are_no_examples(archive: str) -> None:
    with pytest.raises(DataError, match="is no set of examples"):
        Npz(file=archive, inputs="names", targets="").load("train")


def test_wrong_lengths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", x=np.ones((3, 1)), y=np.ones(4))
    with pytest.raises(DataError, match="4 targets for 3 inputs"):
        Npz(file=str(tmp_path / "c.npz"), inputs="x", targets="y").load("train")


def test_wrong_options_are_refused() -> None:
    with pytest.raises(OptionError) as caught:
        Npz(file="", test=1.0, scale=0.0)
    assert len(caught.value.problems) == 3
