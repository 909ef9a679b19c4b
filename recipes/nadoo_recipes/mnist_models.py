"""Networks for handwritten digits at 16×16 pixels that fit into a microcontroller with 2 KB of memory.

No layer has a bias and nothing is subtracted from the image, so that its background stays zero and kernels can skip it.
"""

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

SIDE = 16
CLASSES = 10
POOLED = 2


def mnist_perceptron(hidden: Sequence[int] = (64, 64, 64)) -> "nn.Module":
    """Linear layers with a ReLU between them, from 256 pixels to 10 classes; 25,216 weights as it is."""
    from torch import nn

    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    widths = (SIDE * SIDE, *hidden)
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
        layers |= dense(index, inputs, outputs)
    layers["head"] = nn.Linear(widths[-1], CLASSES, bias=False)
    return nn.Sequential(OrderedDict(layers))


def mnist_cnn(channels: int = 64, hidden: Sequence[int] = (96, 64)) -> "nn.Module":
    """A 3×3 convolution, two depthwise ones with pooling, then linear layers; 236,416 multiply-accumulates as it is.

    Every channel is computed from the image alone up to the first linear layer, so one after the other can be.
    """
    from torch import nn

    layers: dict[str, nn.Module] = {
        "conv1": nn.Conv2d(1, channels, 3, bias=False), "relu_conv1": nn.ReLU(),
        "conv2": nn.Conv2d(channels, channels, 3, groups=channels, bias=False), "relu_conv2": nn.ReLU(),
        "pool2": nn.MaxPool2d(2),
        "conv3": nn.Conv2d(channels, channels, 3, groups=channels, bias=False), "relu_conv3": nn.ReLU(),
        "pool3": nn.MaxPool2d(2), "flatten": nn.Flatten(),
    }  # fmt: skip
    widths = (channels * POOLED * POOLED, *hidden)
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
        layers |= dense(index, inputs, outputs)
    layers["head"] = nn.Linear(widths[-1], CLASSES, bias=False)
    return nn.Sequential(OrderedDict(layers))


def dense(index: int, inputs: int, outputs: int) -> "dict[str, nn.Module]":
    """A linear layer with its ReLU."""
    from torch import nn

    return {f"linear{index}": nn.Linear(inputs, outputs, bias=False), f"relu{index}": nn.ReLU()}
