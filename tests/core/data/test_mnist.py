"""MNIST and Fashion-MNIST from their idx files, with the options of images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nadoo_core.data.mnist import FILES, FashionMnist, Mnist
from nadoo_core.errors import DataError, OptionError
from tests.core.data.files import write_idx, write_mnist


def test_images_are_scaled_to_one_and_labels_are_whole_numbers(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    examples = Mnist().load("train")
    assert examples.inputs.shape == (20, 1, 28, 28) and examples.inputs.dtype == torch.float32
    assert torch.allclose(examples.inputs[:, 0, 0, 0], torch.arange(20) / 255)
    assert examples.labelled and examples.targets is not None
    assert examples.targets.tolist() == [i % 10 for i in range(20)]
    assert len(Mnist().load("test")) == 10


def test_size_channels_scale_mean_and_deviation(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    dataset = Mnist(size=16, channels=3, scale=1.0, mean=(1.0,), std=(2.0, 4.0, 8.0))
    inputs = dataset.load("train").inputs
    assert inputs.shape == (20, 3, 16, 16)
    assert torch.allclose(inputs[5].mean((1, 2)), torch.tensor([2.0, 1.0, 0.5]))


def test_images_to_train_with_come_in_the_size_in_which_they_vary_too(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    dataset = Mnist(size=16, vary_at=28, mean=(0.5,))
    train, test = dataset.load("train"), dataset.load("test")
    assert train.larger is not None and train.larger.shape == (20, 1, 28, 28) and test.larger is None
    assert torch.equal(train.larger, Mnist(mean=(0.5,)).load("train").inputs)
    assert torch.equal(train.inputs, Mnist(size=16, mean=(0.5,)).load("train").inputs)
    assert dataset.fingerprint() != Mnist(size=16, mean=(0.5,)).fingerprint()


@pytest.mark.parametrize(("size", "said"), [(None, "size is unset"), (28, "size is 28"), (32, "size is 32")])
def test_images_vary_in_a_larger_size_only(size: int | None, said: str) -> None:
    with pytest.raises(OptionError, match=f"vary_at is 28 and {said}; give a size below vary_at"):
        Mnist(size=size, vary_at=28)


def test_many_images_are_prepared_as_one_by_one(data_folder: Path) -> None:
    """Portions are invisible: the images of a set are those of its parts."""
    write_mnist(data_folder / "mnist", train=1030)
    dataset = Mnist(size=7)
    images, _ = dataset.read("train")
    whole = dataset.load("train").inputs
    assert torch.equal(whole[1020:], dataset.prepare(images[1020:], 7))


def test_the_users_folder_comes_before_the_cache(data_folder: Path, tmp_path: Path) -> None:
    write_mnist(tmp_path / "cache" / "nadoo" / "data" / "mnist", train=10)
    assert len(Mnist().load("train")) == 10
    write_mnist(data_folder / "mnist", train=30)
    assert len(Mnist().load("train")) == 30


def test_missing_files_are_all_named_with_the_folders_that_were_looked_at(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    (data_folder / "mnist" / FILES[0]).unlink()
    (data_folder / "mnist" / FILES[3]).unlink()
    with pytest.raises(DataError) as caught:
        Mnist().load("train")
    message = str(caught.value)
    assert FILES[0] in message and FILES[3] in message and FILES[1] not in message
    assert str(data_folder / "mnist") in message and "cache" in message and "download = true" in message


def test_an_unset_variable_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NADOO_DATA")
    with pytest.raises(DataError, match="NADOO_DATA is not set"):
        FashionMnist().load("test")


def test_a_wrong_number_of_labels_is_refused(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    write_idx(data_folder / "mnist" / FILES[1], np.zeros(3))
    with pytest.raises(DataError, match=r"20 images in train-images.* and 3 labels"):
        Mnist().load("train")


def test_a_label_that_is_no_class_is_refused(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    write_idx(data_folder / "mnist" / FILES[3], np.array([0, 1, 10, 3, 4, 5, 6, 7, 8, 9]))
    with pytest.raises(DataError, match="label 10 of example 2 is no class; there are 0 to 9"):
        Mnist().load("test")


def test_a_split_that_nobody_has_is_refused() -> None:
    with pytest.raises(DataError, match="has no split 'validation'; there are train, test"):
        Mnist().load("validation")


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        Mnist(size=0, channels=2, scale=-1.0, std=(0.0,))  # type: ignore[arg-type]
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(("options", "key"), [({"mean": (1.0, 2.0)}, "mean"), ({"std": (1.0, 2.0)}, "std")])
def test_statistics_must_fit_the_channels(data_folder: Path, options: dict[str, tuple[float, ...]], key: str) -> None:
    write_mnist(data_folder / "mnist")
    with pytest.raises(DataError, match=f"{key} has 2 numbers for 1 channels"):
        Mnist(**options).load("test")


def test_the_fingerprint_follows_options_and_files(data_folder: Path) -> None:
    write_mnist(data_folder / "mnist")
    write_mnist(data_folder / "fashion-mnist")
    plain = Mnist().fingerprint()
    assert plain == Mnist().fingerprint()
    assert len({plain, Mnist(size=16).fingerprint(), FashionMnist().fingerprint()}) == 3
    write_mnist(data_folder / "mnist", train=21)
    assert Mnist().fingerprint() != plain


def test_fashion_has_garments(data_folder: Path) -> None:
    write_mnist(data_folder / "fashion-mnist")
    assert FashionMnist().classes[9] == "ankle boot" and Mnist().classes[9] == "9"
    assert len(FashionMnist().load("test")) == 10
