"""The recipes for MNIST, run on a few made images in MNIST's own files, down to C."""

from pathlib import Path

import numpy as np
import pytest

from nadoo_c.exporting import verify
from nadoo_core.runs import run
from nadoo_graphs.counting import count
from tests.core.data.files import write_idx

COUNTS = {"train": 200, "t10k": 40}


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Bright squares at ten places, one place a class."""
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for split, number in COUNTS.items():
        labels = (np.arange(number) % 10).astype(np.uint8)
        images = np.zeros((number, 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[8 + 8 * (label // 5) :, :][:6, 2 + 5 * (label % 5) :][:, :5] = 255
        write_idx(folder / f"{split}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels)
    monkeypatch.setenv("NADOO_DATA", str(tmp_path / "data"))
    return folder


def test_the_perceptron_of_12_608_bytes_trains_over_codes(mnist: Path, tmp_path: Path) -> None:
    changes = ["train.epochs=8", "train-codes.epochs=4", "train.batch=16", "train-codes.batch=16"]
    changes += ["data.calibration=32", "train.rate=0.01"]
    result = run("mnist-perceptron", out=tmp_path / "out", store=tmp_path / "store", changes=changes)
    assert result.ledger["result"]["test"]["accuracy"]["value"] > 0.8
    layers = result.graph.nodes(op="quantized_linear")
    assert [node.attributes["weight_format"] for node in layers] == ["4bitsym"] * 4
    assert len(result.graph.nodes(op="relu_norm")) == 3
    assert 12_608 <= count(result.graph).weight_bytes <= 12_608 + 64


def test_the_cnn_folds_its_norms_and_has_three_levels_in_its_widest_layer(mnist: Path, tmp_path: Path) -> None:
    changes = ["train.epochs=6", "train-codes.epochs=2", "train.batch=16", "train-codes.batch=16"]
    changes += ["data.calibration=32", "train.rate=0.01", "model.arguments.channels=8"]
    result = run("mnist-cnn", out=tmp_path / "out", store=tmp_path / "store", changes=changes)
    assert result.ledger["result"]["test"]["accuracy"]["value"] > 0.8
    layers = result.graph.nodes(op=("quantized_conv2d", "quantized_linear"))
    formats = ["int8", "int8", "4bitsym", "ternary", "4bitsym", "4bitsym"]
    assert [node.attributes["weight_format"] for node in layers] == formats
    assert not result.graph.nodes(op=("batch_norm", "relu"))
    assert len(result.graph.nodes(op="relu_norm")) == 5


def test_the_cnn_is_as_large_as_its_recipe_says(mnist: Path, tmp_path: Path) -> None:
    changes = ["train.epochs=1", "train-codes.epochs=1", "data.calibration=32"]
    result = run("mnist-cnn", out=tmp_path / "out", store=tmp_path / "store", changes=changes)
    convolutions, biases, linear = 2 * 576 + 64 * 20, 3 * 64 * 4, 96 * 52 + 3_072 + 320
    assert convolutions + biases + linear <= count(result.graph).weight_bytes < 11.4 * 1024


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist-perceptron", "mnist-cnn"])
def test_the_networks_become_c_that_is_equal_bit_for_bit(name: str, mnist: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_text(f'extends = "{name}"\n[[export]]\nto = "c"\nname = "digits"\nsamples = 40\n', encoding="utf-8")
    changes = ["train.epochs=1", "train-codes.epochs=1", "data.calibration=32"]
    result = run(recipe, out=tmp_path / "out", store=tmp_path / "store", changes=changes)
    (export,) = result.ledger["exports"]
    assert verify(tmp_path / "out" / export["folder"])["samples"] >= 40
