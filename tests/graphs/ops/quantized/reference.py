"""An independent definition of every row over codes: Python integers and NumPy's int64, no line shared with the rows.

Real factors are exact fractions of the float32 scales wherever the definition rounds a product of them in float64.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor, frexp, isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
INT32 = 2**31
RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15), "int16": (-32768, 32767)}


def nearest_even(value: Fraction | float) -> int:
    """To nearest, ties to even, as Python rounds."""
    return round(Fraction(value))


def code_range(name: str, zero_point: int | None) -> tuple[int, int]:
    """The codes of a format of values."""
    low, high = RANGES[name]
    return (-high, high) if low < 0 and zero_point is None else (low, high)


def split(real: float) -> tuple[int, int]:
    """Multiplier and exponent of a factor."""
    mantissa, exponent = frexp(real)
    multiplier = round(mantissa * INT32)
    if multiplier == INT32:
        multiplier, exponent = INT32 // 2, exponent + 1
    return (multiplier, exponent) if exponent >= -31 else (0, 0)


def power_of_two(real: float) -> float:
    """The nearest power of two, by the logarithm."""
    return 2.0 ** round(float(np.log2(real)))


def rescale_one(accumulator: int, real: float, mode: str) -> int:
    """One accumulator times a factor, in Python's own integers."""
    multiplier, exponent = split(power_of_two(real) if mode == "shift" else real)
    if mode != "double":
        return (accumulator * multiplier + (1 << (30 - exponent))) >> (31 - exponent)
    shifted = max(-INT32, min(INT32 - 1, accumulator << max(exponent, 0)))
    high = (shifted * multiplier + 2**30) >> 31
    high = max(-INT32, min(INT32 - 1, high))
    right = max(-exponent, 0)
    magnitude = (abs(high) + ((1 << right) >> 1)) >> right
    return magnitude if high >= 0 else -magnitude


def rescale(accumulators: Ints, reals: NDArray[np.float64], mode: str, point: int, bounds: tuple[int, int]) -> Ints:
    """All accumulators, each with its factor."""
    factors = np.broadcast_to(reals, accumulators.shape)
    distinct: dict[tuple[int, float], int] = {}
    result = np.empty(accumulators.shape, dtype=np.int64)
    for index, accumulator in np.ndenumerate(accumulators):
        key = (int(accumulator), float(factors[index]))
        if key not in distinct:
            distinct[key] = rescale_one(*key, mode)
        result[index] = distinct[key]
    return np.clip(result + point, *bounds)


def quantize(x: NDArray[Any], scale: float, point: int, bounds: tuple[int, int]) -> Ints:
    """Numbers as codes."""
    return np.clip(np.rint(x.astype(np.float64) / scale) + point, *bounds).astype(np.int64)


def bias_codes(bias: NDArray[Any], unit: NDArray[np.float64]) -> Ints:
    """Biases in units of the accumulator."""
    return np.clip(np.rint(bias.astype(np.float64) / unit), -INT32, INT32 - 1).astype(np.int64)


def weight_codes(weight: NDArray[Any], scale: NDArray[np.float64], name: str) -> Ints:
    """The integers of a weight in some formats, laid along its first axis."""
    step = scale.reshape(-1, *[1] * (weight.ndim - 1)) if scale.ndim else scale
    ratio = weight.astype(np.float64) / step
    if name == "ternary":
        return np.clip(np.rint(ratio), -1, 1).astype(np.int64)
    if name.endswith("bitsym"):
        half = 1 << (int(name[0]) - 1)
        return (2 * np.clip(np.rint(weight / (2 * step) - 0.5), -half, half - 1) + 1).astype(np.int64)
    if name == "binarysym":
        return np.where(ratio >= 0, 1, -1).astype(np.int64)
    high = (1 << (int(name.removeprefix("int")) - 1)) - 1
    return np.clip(np.rint(ratio), -high, high).astype(np.int64)


def linear(x: Ints, weight: Ints) -> Ints:
    """Sums over the last axis."""
    return x @ weight.T


def convolve(
    x: Ints, weight: Ints, stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int], groups: int
) -> Ints:
    """A convolution of two axes, by its definition; the operand is counted from its zero point."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    batch, _, height, width = padded.shape
    channels, inner, rows, columns = weight.shape
    high = (height - dilation[0] * (rows - 1) - 1) // stride[0] + 1
    wide = (width - dilation[1] * (columns - 1) - 1) // stride[1] + 1
    result = np.zeros((batch, channels, high, wide), dtype=np.int64)
    for channel in range(channels):
        group = channel // (channels // groups)
        part = padded[:, group * inner : (group + 1) * inner]
        for row in range(rows):
            for column in range(columns):
                top, left = row * dilation[0], column * dilation[1]
                seen = part[:, :, top : top + stride[0] * high : stride[0], left : left + stride[1] * wide : stride[1]]
                result[:, channel] += np.einsum("nchw,c->nhw", seen, weight[channel, :, row, column])
    return result


def relu_norm(z: Ints, axes: tuple[int, ...], maximum: int) -> Ints:
    """The shift is found by shifting until nothing is left above the bits."""
    largest = z.max(axis=axes, keepdims=True)
    result = np.zeros_like(z)
    bits = maximum.bit_length()
    shifts = np.vectorize(lambda m: count_shifts(int(m), bits))(largest)
    for index, value in np.ndenumerate(z):
        place = tuple(0 if axis in axes else where for axis, where in enumerate(index))
        shift = int(shifts[place])
        result[index] = 0 if value < 0 else min((int(value) + ((1 << shift) >> 1)) >> shift, maximum)
    return result


def relu_shift(z: Ints, shift: int, maximum: int) -> Ints:
    """One shift for all, and what does not fit is cut off."""
    result = np.zeros_like(z)
    for index, value in np.ndenumerate(z):
        result[index] = 0 if value < 0 else min((int(value) + ((1 << shift) >> 1)) >> shift, maximum)
    return result


def count_shifts(largest: int, bits: int) -> int:
    """How often a number is shifted until it has so many bits."""
    count = 0
    while largest > 0 and largest >> bits:
        largest >>= 1
        count += 1
    return count


def add(
    one: Ints, two: Ints, scales: tuple[float, float, float], point: int, bounds: tuple[int, int], sign: int
) -> Ints:
    """Two values with 20 bits of their ratio."""
    ratios = [scale / scales[2] for scale in scales[:2]]
    exponent = frexp(max(ratios))[1]
    shift = max(0, min(20 - exponent, 31))
    first, second = (nearest_even(Fraction(ratio) * 2**shift) for ratio in ratios)
    total = one * first + sign * two * second
    return np.clip(((total + ((1 << shift) >> 1)) >> shift) + point, *bounds)


def windows(
    x: Ints, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int], *, include: bool
) -> tuple[Ints, Ints]:
    """Sums and counts of an average pool over two axes."""
    pad = ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2)
    padded, ones = np.pad(x, pad), np.pad(np.ones_like(x), pad, constant_values=int(include))
    high = (padded.shape[2] - kernel[0]) // stride[0] + 1
    wide = (padded.shape[3] - kernel[1]) // stride[1] + 1
    sums, counts = (np.zeros((*x.shape[:2], high, wide), dtype=np.int64) for _ in range(2))
    for row in range(high):
        for column in range(wide):
            place = (
                slice(None),
                slice(None),
                slice(row * stride[0], row * stride[0] + kernel[0]),
                slice(column * stride[1], column * stride[1] + kernel[1]),
            )
            sums[:, :, row, column] = padded[place].sum((2, 3))
            counts[:, :, row, column] = ones[place].sum((2, 3))
    return sums, counts


def adaptive(x: Ints, wanted: Sequence[int]) -> tuple[Ints, Ints]:
    """Sums and counts of an adaptive pool over two axes."""
    sums, counts = (np.zeros((*x.shape[:2], *wanted), dtype=np.int64) for _ in range(2))
    ends = [
        [(index * size // count, -(-(index + 1) * size // count)) for index in range(count)]
        for size, count in zip(x.shape[2:], wanted, strict=True)
    ]
    for row, (top, bottom) in enumerate(ends[0]):
        for column, (left, right) in enumerate(ends[1]):
            part = x[:, :, top:bottom, left:right]
            sums[:, :, row, column] = part.sum((2, 3))
            counts[:, :, row, column] = part.shape[2] * part.shape[3]
    return sums, counts


def softmax(q: Ints, step: float, output_step: float, point: int, bounds: tuple[int, int]) -> Ints:
    """Along the last axis, in Python's integers."""
    levels = round(1.0 / output_step)
    result = np.zeros_like(q)
    for place in np.ndindex(q.shape[:-1]):
        row = [int(value) for value in q[place]]
        powers = [round(float(np.exp(-(max(row) - value) * step)) * 2**15) for value in row]
        total = sum(powers)
        result[place] = [(2 * power * levels + total) // (2 * total) for power in powers]
    return np.clip(result + point, *bounds)


def norm(x: Ints, eps: float, step: float, *, centred: bool) -> Ints:
    """Over the last axis, in units of 1/1024, in Python's integers."""
    count = x.shape[-1]
    result = np.zeros_like(x)
    for place in np.ndindex(x.shape[:-1]):
        row = [int(value) for value in x[place]]
        total = sum(row) if centred else 0
        energy = count * sum(value * value for value in row) - total * total
        energy += round(eps * float(count) ** 2 / step**2)
        root = isqrt(energy << 16)
        for index, value in enumerate(row):
            centre = count * value - total
            result[(*place, index)] = floor(Fraction(centre * 2**18, root) + Fraction(1, 2)) if root else 0
    return result


def table(
    function: Callable[[float], float], source: tuple[float, int, int, int], target: tuple[float, int, int, int]
) -> Ints:
    """The output code of each input code; scales, points and ends of both sides."""
    step, point, low, high = source
    reals = np.array([function((code - point) * step) for code in range(low, high + 1)])
    return np.clip(np.rint(reals / target[0]) + target[1], *target[2:]).astype(np.int64)
