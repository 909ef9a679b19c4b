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


def mnist_perceptron(hidden: Sequence[int] = (64, 64, 64), *, norm: bool = False) -> "nn.Module":
    """Linear layers with a ReLU between them, from 256 pixels to 10 classes; 25,216 weights as it is.

    With norms, what goes into a layer is divided by its root mean square, so that the size of activations is no matter.
    """
    from torch import nn

    layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
    widths = (SIDE * SIDE, *hidden)
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
        layers |= normed(f"norm{index}", inputs, norm=norm) | dense(index, inputs, outputs)
    layers |= normed("norm_head", widths[-1], norm=norm)
    layers["head"] = nn.Linear(widths[-1], CLASSES, bias=False)
    return nn.Sequential(OrderedDict(layers))


def normed(name: str, width: int, *, norm: bool) -> "dict[str, nn.Module]":
    """A norm without weights, or nothing."""
    from torch import nn

    return {name: nn.RMSNorm(width, elementwise_affine=False)} if norm else {}


def mnist_cnn(
    channels: int = 64, hidden: Sequence[int] = (96, 64), *, seen: int = 1, batch_norm: bool = False
) -> "nn.Module":
    """A 3×3 convolution, a depthwise one, one that sees a few channels at a time, then linear layers.

    Groups of `seen` channels are computed from the image alone up to the first linear layer, so one after the other can
    be. Where one is seen, the third convolution is depthwise too, and the network has 236,416 multiply-accumulates.
    Batch norms behind the convolutions help training; folded, they are a bias of the convolution and no work.
    """
    from torch import nn

    if seen < 1 or channels % seen:
        message = f"seen is {seen}; give a number that divides the {channels} channels, such as 1 or {channels}"
        raise ValueError(message)
    layers: dict[str, nn.Module] = {
        **convolution(1, 1, channels, batch_norm=batch_norm),
        **convolution(2, channels, channels, batch_norm=batch_norm), "pool2": nn.MaxPool2d(2),
        **convolution(3, channels, channels, seen=seen, batch_norm=batch_norm), "pool3": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
    }  # fmt: skip
    widths = (channels * POOLED * POOLED, *hidden)
    for index, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
        layers |= dense(index, inputs, outputs)
    layers["head"] = nn.Linear(widths[-1], CLASSES, bias=False)
    return nn.Sequential(OrderedDict(layers))


def convolution(index: int, inputs: int, outputs: int, *, seen: int = 1, batch_norm: bool) -> "dict[str, nn.Module]":
    """A 3×3 convolution of a few channels at a time, with its batch norm if there is one, and its ReLU."""
    from torch import nn

    norm = {f"norm{index}": nn.BatchNorm2d(outputs)} if batch_norm else {}
    conv = nn.Conv2d(inputs, outputs, 3, groups=inputs // seen, bias=False)
    return {f"conv{index}": conv, **norm, f"relu_conv{index}": nn.ReLU()}


def dense(index: int, inputs: int, outputs: int) -> "dict[str, nn.Module]":
    """A linear layer with its ReLU."""
    from torch import nn

    return {f"linear{index}": nn.Linear(inputs, outputs, bias=False), f"relu{index}": nn.ReLU()}
