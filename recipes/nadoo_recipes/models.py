"""Models that our recipes begin with, small enough to be trained where one sits."""

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def digits_cnn(channels: int = 16, hidden: int = 64) -> "nn.Module":
    """A convolutional network for digits of 8×8, trained in seconds, with something to do for every clean-up.

    As in models that grew over time, there is a batch norm behind each convolution, a dropout that was switched off,
    and an embedding layer in front of the classifier with nothing between the two.
    """
    from torch import nn

    layers: dict[str, nn.Module] = {
        **block("1", 1, channels),
        **block("2", channels, 2 * channels),
        "pool": nn.MaxPool2d(2),
        **block("3", 2 * channels, 2 * channels),
        "squeeze": nn.AdaptiveAvgPool2d(2),
        "flatten": nn.Flatten(),
        "dropout": nn.Dropout(0.0),
        "embedding": nn.Linear(8 * channels, hidden),
        "head": nn.Linear(hidden, 10),
    }
    return nn.Sequential(OrderedDict(layers))


def block(name: str, inputs: int, outputs: int) -> "dict[str, nn.Module]":
    """A convolution with batch norm and ReLU."""
    from torch import nn

    return {
        f"conv{name}": nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        f"norm{name}": nn.BatchNorm2d(outputs),
        f"relu{name}": nn.ReLU(),
    }
