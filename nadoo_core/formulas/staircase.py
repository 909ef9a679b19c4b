"""Published formulas of the cycles of GAP8's kernels, whose work is cut into tiles: latency rises in steps.

Cutting a channel that does not free a tile saves nothing, which is why channels are pruned in multiples.
"""

from math import ceil

from nadoo_core.formulas.parameters import require, whole


def gap8_conv_cycles(kernel: int, inputs: int, outputs: int, height: int, width: int) -> int:
    """The cycles of a convolution with a square kernel, on an output of height × width.

    Law: ⌈w/2⌉·⌈h/8⌉·(2k²c + ⌈o/4⌉·(5 + 14⌈k²c/4⌉ + 10)); non-decreasing in every size, constant within a tile.
    """
    refuse_sizes(kernel=kernel, inputs=inputs, outputs=outputs, height=height, width=width)
    patch = kernel * kernel * inputs
    return ceil(width / 2) * ceil(height / 8) * (2 * patch + ceil(outputs / 4) * (5 + 14 * ceil(patch / 4) + 10))


def gap8_depthwise_cycles(kernel: int, channels: int, height: int, width: int) -> int:
    """The cycles of a depthwise convolution with a square kernel, on an output of height × width.

    Law: 4·⌈o/4⌉·w·h·k²; four channels at a time.
    """
    refuse_sizes(kernel=kernel, channels=channels, height=height, width=width)
    return 4 * ceil(channels / 4) * width * height * kernel * kernel


def gap8_linear_cycles(inputs: int, outputs: int) -> int:
    """The cycles of a linear layer.

    Law: ⌈in/2⌉·⌈out/4⌉.
    """
    refuse_sizes(inputs=inputs, outputs=outputs)
    return ceil(inputs / 2) * ceil(outputs / 4)


def refuse_sizes(**sizes: int) -> None:
    """Every size is a whole number of at least 1."""
    require(*(whole(name, size, 1) for name, size in sizes.items()))
