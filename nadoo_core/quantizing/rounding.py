"""Rounding that looks at the data: which levels make a layer's outputs right, instead of each weight.

A layer's output error on calibration data is (w − q)·H·(w − q)ᵀ for every output, with H the Gram matrix of its
inputs. Rounding one weight after the other, each error is made up for by the weights that are not rounded yet;
afterwards single weights are moved as long as that helps, and the scale is fitted to the levels that were chosen.
"""

import torch
from attrs import evolve, frozen

from nadoo_core.quantizing.algebra import inverse_factor, solved_from_right
from nadoo_core.quantizing.book import Book

DAMPING = 0.01
SWEEPS = 4
ROUNDS = 2
BLOCK = 128
SMALLEST = 1e-300
PRECISION = 2.0**-18
"""Sums are exact to this share of what was added: inputs that never change have moments of that size, of any sign."""
MOST_NOISE = 0.99


@frozen
class Moments:
    """The second moments of a layer's inputs and of its wanted outputs with them, over all calibration data.

    `gram` is [in, in], `cross` [out, in]; with a bias both are about the means, which the bias then takes care of.
    `noise` is the share of the Gram matrix that is chance, because so few examples were seen: see `damped`.
    """

    gram: torch.Tensor
    cross: torch.Tensor
    input_mean: torch.Tensor
    output_mean: torch.Tensor
    noise: float = 0.0


@frozen
class Rounded:
    """Levels in code units, [out, in], and the scale of every row, [out, 1]."""

    levels: torch.Tensor
    scale: torch.Tensor

    @property
    def weight(self) -> torch.Tensor:
        """The weights that are stored."""
        return self.levels * self.scale


class MomentSums:
    """Sums over batches, in float64, from which the moments follow."""

    def __init__(self, inputs: int, outputs: int) -> None:
        self.count = 0
        self.examples = 0
        self.fourth = 0.0
        self.gram = torch.zeros(inputs, inputs, dtype=torch.float64)
        self.cross = torch.zeros(outputs, inputs, dtype=torch.float64)
        self.inputs = torch.zeros(inputs, dtype=torch.float64)
        self.outputs = torch.zeros(outputs, dtype=torch.float64)

    def add(self, inputs: torch.Tensor, outputs: torch.Tensor, examples: int | None = None) -> None:
        """Take in rows of inputs and the outputs that are wanted for them, from so many independent examples."""
        self.count += len(inputs)
        self.examples += len(inputs) if examples is None else examples
        self.fourth += float((inputs - inputs.mean(0)).square().sum(1).double().square().sum())
        self.gram += inputs.T @ inputs
        self.cross += outputs.T @ inputs
        self.inputs += inputs.sum(0, dtype=torch.float64)
        self.outputs += outputs.sum(0, dtype=torch.float64)

    def moments(self, *, centred: bool) -> Moments:
        """The means of products, about the means where a bias can make up for those."""
        count = max(self.count, 1)
        input_mean, output_mean = self.inputs / count, self.outputs / count
        gram, cross = self.gram / count, self.cross / count
        if centred:
            gram = gram - torch.outer(input_mean, input_mean)
            cross = cross - torch.outer(output_mean, input_mean)
        return Moments(gram, cross, input_mean, output_mean, self.noise(gram))

    def noise(self, gram: torch.Tensor) -> float:
        """The share of chance in a Gram matrix, after Ledoit and Wolf: its variance over its distance from a multiple
        of the identity. The rows of one example are alike, so that examples and rows count alike.
        """
        if not self.count:
            return 0.0
        size = float(gram.square().sum())
        spread = size - float(gram.diagonal().sum()) ** 2 / len(gram)
        variance = (self.fourth / self.count - size) / (self.count * self.examples) ** 0.5
        return min(max(variance / max(spread, SMALLEST), 0.0), MOST_NOISE) if spread > 0 else 0.0


def damped(moments: Moments, weight: torch.Tensor, damping: float = DAMPING) -> Moments:
    """The moments with a pull towards the weights as they are, where the data say little: as much as is chance.

    Law: weights that give the wanted outputs exactly stay the best; inputs that never occur leave their weights alone.
    """
    strength = max(damping, moments.noise / (1 - moments.noise))
    certain = PRECISION * float(moments.input_mean.square().sum())
    pull = max(strength * float(moments.gram.diagonal().mean()), certain) or 1.0
    eye = torch.eye(len(moments.gram), dtype=torch.float64)
    return evolve(moments, gram=moments.gram + pull * eye, cross=moments.cross + pull * weight.double())


def best_weight(moments: Moments) -> torch.Tensor:
    """The real weights whose outputs are closest to the wanted ones: cross · gram⁻¹."""
    return solved_from_right(moments.gram, moments.cross)


def output_error(weight: torch.Tensor, rounded: torch.Tensor, gram: torch.Tensor) -> torch.Tensor:
    """The mean square error of every output, (w − q)·H·(w − q)ᵀ."""
    difference = weight - rounded
    return ((difference @ gram) * difference).sum(1)


def adaptive_rounding(
    weight: torch.Tensor, moments: Moments, book: Book, scale: torch.Tensor, *, fit_scale: bool = True
) -> Rounded:
    """Levels and scales of little output error, from scales [out, 1] to begin with, which may have to stay.

    Law: its output error is at most that of rounding every weight to the nearest level at the first scale.
    """
    wanted, gram = best_weight(moments), moments.gram
    nearest = Rounded(book.nearest(weight / scale), scale)
    found = Rounded(error_feedback(wanted, gram, book, scale), scale)
    for _ in range(ROUNDS):
        found = Rounded(coordinate_descent(wanted, found, gram, book), found.scale)
        if fit_scale:
            found = evolve(found, scale=fitted_scale(wanted, found, gram))
    found = Rounded(coordinate_descent(wanted, found, gram, book), found.scale)
    better = output_error(wanted, found.weight, gram) <= output_error(wanted, nearest.weight, gram)
    choice = better[:, None]
    return Rounded(torch.where(choice, found.levels, nearest.levels), torch.where(choice, found.scale, scale))


def error_feedback(weight: torch.Tensor, gram: torch.Tensor, book: Book, scale: torch.Tensor) -> torch.Tensor:
    """Round input by input, the strongest first, and let the inputs that follow make up for each error.

    How much an input can make up for another follows from the triangular factor of the inverse Gram matrix; the
    columns behind a block are brought up to date once a block.
    """
    order = gram.diagonal().argsort(descending=True)
    factor = inverse_factor(gram[order][:, order])
    left, levels = weight[:, order].clone(), torch.empty_like(weight)
    for start in range(0, len(order), BLOCK):
        end = min(start + BLOCK, len(order))
        errors = torch.empty(len(weight), end - start, dtype=weight.dtype)
        for index in range(start, end):
            column = book.nearest(left[:, index] / scale[:, 0])
            levels[:, order[index]] = column
            error = (left[:, index] - column * scale[:, 0]) / factor[index, index]
            left[:, index + 1 : end] -= torch.outer(error, factor[index, index + 1 : end])
            errors[:, index - start] = error
        left[:, end:] -= errors @ factor[start:end, end:]
    return levels


def coordinate_descent(weight: torch.Tensor, rounded: Rounded, gram: torch.Tensor, book: Book) -> torch.Tensor:
    """Move single weights to the level that is best with all others as they are, until nothing moves."""
    levels, scale = rounded.levels.clone(), rounded.scale[:, 0]
    slope, curvature = (weight - rounded.weight) @ gram, gram.diagonal()
    for _ in range(SWEEPS):
        moved = False
        for index in range(weight.shape[1]):
            before = levels[:, index]
            after = book.nearest(before + slope[:, index] / (curvature[index] * scale))
            step = (before - after) * scale
            rows = step.nonzero()[:, 0]
            if len(rows):
                moved = True
                slope[rows] += torch.outer(step[rows], gram[index])
                levels[:, index] = after
        if not moved:
            break
    return levels


def fitted_scale(weight: torch.Tensor, rounded: Rounded, gram: torch.Tensor) -> torch.Tensor:
    """The scale of every row with the least output error for its levels; the one it has where none is better."""
    product = rounded.levels @ gram
    numerator = (product * weight).sum(1, keepdim=True)
    denominator = (product * rounded.levels).sum(1, keepdim=True)
    fitted = numerator / denominator.clamp(min=SMALLEST)
    return torch.where((numerator > 0) & (denominator > 0), fitted, rounded.scale)


def corrected_bias(moments: Moments, weight: torch.Tensor) -> torch.Tensor:
    """The bias with which the mean of every output is the wanted one."""
    return moments.output_mean - weight @ moments.input_mean
