"""Variations of training images: every batch is varied by numbers that follow from seed, epoch and place.

So a training that was interrupted sees the same images again, and a step that is inserted elsewhere changes nothing.
"""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples
from nadoo_core.data.images import resized
from nadoo_core.data.order import derived_seed
from nadoo_core.options import Options, Share, option

if TYPE_CHECKING:
    import torch

IMAGE_RANK = 4
HALF_TURN = 180.0
GREY = (0.299, 0.587, 0.114)


@frozen(kw_only=True)
class Augmentation(Options):
    """How far training images may differ from the originals; without options nothing is varied."""

    share: Share = option(default=1.0, help="share of the images that are varied; the others stay as they are")
    flip: bool = option(default=False, help="whether half of the images are mirrored left to right")
    flip_vertical: bool = option(default=False, help="whether half of the images are mirrored top to bottom")
    rotation: float = option(default=0.0, minimum=0, maximum=180, help="largest angle in degrees, either way")
    shift: Share = option(default=0.0, help="largest shift as a share of height and width, either way")
    scale: tuple[float, float] = option(default=(1.0, 1.0), above=0, help="smallest and largest magnification")
    brightness: float = option(default=0.0, minimum=0, help="largest amount that is added to all pixels, either way")
    contrast: Share = option(default=0.0, help="largest change of the spread around the mean, as a share")
    saturation: Share = option(default=0.0, help="largest change of the distance from grey, colour images only")
    elastic: Share = option(default=0.0, help="largest local displacement, as a share of the image")
    elastic_points: int = option(default=4, minimum=2, help="control points of a displacement along each axis")
    resize: int | None = option(default=None, minimum=1, help="height and width in pixels; unset keeps them")

    def complaints(self) -> Iterable[str]:
        """A range has two ends, the smaller first."""
        if self.scale[0] > self.scale[1]:
            yield f"scale is {list(self.scale)}; give the smaller magnification first"
        if self.resize is not None and self.share < 1:
            yield f"share is {self.share:g} and resize changes the size of every image; leave one of them out"

    @property
    def moves(self) -> bool:
        """Whether pixels change places."""
        still = (False, False, 0.0, 0.0, (1.0, 1.0), 0.0, None)
        return still != (
            self.flip, self.flip_vertical, self.rotation, self.shift, tuple(self.scale), self.elastic, self.resize,
        )  # fmt: skip

    @property
    def colours(self) -> bool:
        """Whether pixels change their values."""
        return any((self.brightness, self.contrast, self.saturation))

    def vary(
        self, examples: Examples, device: "torch.device | str", seed: int, epoch: int, batch: int
    ) -> "torch.Tensor":
        """The inputs of this batch, varied; where there are larger images, those are varied and then shrunk."""
        if examples.larger is None:
            return self.apply(examples.inputs.to(device), seed, epoch, batch)
        varied = self.apply(examples.larger.to(device), seed, epoch, batch)
        return resized(varied, int(examples.inputs.shape[-1]))

    def apply(self, images: "torch.Tensor", seed: int, epoch: int, batch: int) -> "torch.Tensor":
        """The varied images of this batch of this epoch; the originals are left alone."""
        if not (self.moves or self.colours):
            return images
        require_images(images)
        draws = Draws(derived_seed("augmentation", seed, epoch, batch), images)
        varied = self.moved(images, draws) if self.moves else images
        varied = self.coloured(varied, draws) if self.colours else varied
        return varied if self.share == 1 else self.mixed(images, varied, draws)

    def mixed(self, images: "torch.Tensor", varied: "torch.Tensor", draws: "Draws") -> "torch.Tensor":
        """Each image varied, or as it is."""
        import torch

        chosen = draws.uniform(0, 1, (1, 1, 1)) < self.share
        return torch.where(chosen, varied, images)

    def moved(self, images: "torch.Tensor", draws: "Draws") -> "torch.Tensor":
        """Images sampled where an affine map and a displacement point; beyond the border there is the border."""
        import torch
        from torch.nn.functional import grid_sample

        side = (self.resize, self.resize) if self.resize else (int(images.shape[-2]), int(images.shape[-1]))
        places = torch.mm(self.maps(draws).flatten(0, 1), centres(side, images)).reshape(len(images), 2, *side)
        if self.elastic:
            places = places + self.displacement(draws, side)
        grid = places.permute(0, 2, 3, 1)
        return grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def maps(self, draws: "Draws") -> "torch.Tensor":
        """One affine map an image, from its place in the result to its place in the original."""
        import torch

        angle = draws.uniform(-self.rotation, self.rotation) * math.pi / HALF_TURN
        size = draws.uniform(*self.scale)
        across, down = draws.sign(self.flip), draws.sign(self.flip_vertical)
        right, below = draws.uniform(-2 * self.shift, 2 * self.shift), draws.uniform(-2 * self.shift, 2 * self.shift)
        aspect = draws.aspect
        cosine, sine = angle.cos() / size, angle.sin() / size
        first = torch.stack([across * cosine, -down * sine / aspect, right], 1)
        second = torch.stack([across * sine * aspect, down * cosine, below], 1)
        return torch.stack([first, second], 1)

    def displacement(self, draws: "Draws", side: tuple[int, int]) -> "torch.Tensor":
        """A smooth field: random at a few control points, interpolated between them; across first, then down."""
        import torch

        points = self.elastic_points
        field = draws.uniform(-2 * self.elastic, 2 * self.elastic, (2, points, points))
        basis = torch.kron(between(points, side[0], field), between(points, side[1], field))
        return torch.mm(field.flatten(2).flatten(0, 1), basis.t()).reshape(len(field), 2, *side)

    def coloured(self, images: "torch.Tensor", draws: "Draws") -> "torch.Tensor":
        """Images with brightness, contrast and saturation changed, in this order."""
        single = (1, 1, 1)
        varied = images + draws.uniform(-self.brightness, self.brightness, single)
        mean = varied.mean((1, 2, 3), keepdim=True)
        varied = mean + (varied - mean) * draws.uniform(1 - self.contrast, 1 + self.contrast, single)
        factor = draws.uniform(1 - self.saturation, 1 + self.saturation, single)
        if not self.saturation or images.shape[1] != len(GREY):
            return varied
        grey = (varied * varied.new_tensor(GREY).view(1, -1, 1, 1)).sum(1, keepdim=True)
        return grey + (varied - grey) * factor


def centres(side: tuple[int, int], images: "torch.Tensor") -> "torch.Tensor":
    """Across, down and 1 for the centre of every pixel; the image reaches from -1 to 1."""
    import torch

    down, across = (
        (2 * torch.arange(length, device=images.device, dtype=images.dtype) + 1) / length - 1 for length in side
    )
    one = images.new_ones(1)
    return torch.stack([across.repeat(side[0]), down.repeat_interleave(side[1]), one.expand(side[0] * side[1])])


def between(points: int, length: int, like: "torch.Tensor") -> "torch.Tensor":
    """How much every control point counts at every pixel of a line, by cubic interpolation."""
    import torch
    from torch.nn.functional import interpolate

    single = torch.eye(points, device=like.device, dtype=like.dtype).reshape(points, 1, points, 1)
    return interpolate(single, size=(length, 1), mode="bicubic", align_corners=True).reshape(points, length).t()


class Draws:
    """Random numbers for one batch, the same on every device: they are drawn on the processor."""

    def __init__(self, seed: int, images: "torch.Tensor") -> None:
        import torch

        self.generator = torch.Generator().manual_seed(seed)
        self.count = len(images)
        self.device, self.dtype = images.device, images.dtype
        self.aspect = images.shape[-1] / images.shape[-2]

    def uniform(self, low: float, high: float, shape: tuple[int, ...] = ()) -> "torch.Tensor":
        """Numbers between the bounds, so many an image."""
        import torch

        drawn = torch.rand((self.count, *shape), generator=self.generator)
        return (low + (high - low) * drawn).to(self.device, self.dtype)

    def sign(self, active: bool) -> "torch.Tensor":
        """1, or -1 for half of the images where mirroring is on."""
        drawn = self.uniform(0, 1)
        return 1 - 2 * (drawn < 1 / 2).to(self.dtype) * active


def require_images(images: "torch.Tensor") -> None:
    """Refuse what has no height and width."""
    if images.ndim == IMAGE_RANK and images.is_floating_point():
        return
    message = (
        f"is for floating images (number, channels, height, width), not {images.dtype} of shape {list(images.shape)}; "
        "remove the augmentation or choose an image data set"
    )
    raise data_error("augmentation", message)
