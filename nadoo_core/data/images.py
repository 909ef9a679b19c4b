"""Images as networks take them: float32, (number, channels, height, width), sized, scaled and normalised.

The work is done in portions, so that a large data set never stands twice in memory.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import frozen

from nadoo_core.data.dataset import TRAIN, fingerprint, require_split
from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples
from nadoo_core.options import Options, option

if TYPE_CHECKING:
    import torch

PORTION = 1024
LUMINANCE = (0.299, 0.587, 0.114)
COLOURS = 3


@frozen(kw_only=True)
class ImageDataset(Options):
    """The options that all image data sets share; a data set of its own kind says how it is read."""

    size: int | None = option(default=None, minimum=1, help="height and width in pixels; unset keeps them")
    vary_at: int | None = option(
        default=None, minimum=1, help="height and width in which training images are varied before they shrink to size"
    )
    channels: Literal[1, 3] | None = option(default=None, help="1 for luminance, 3 for colour; unset keeps them")
    scale: float | None = option(default=None, above=0, help="factor of the raw pixel values; unset brings them to 0…1")
    mean: tuple[float, ...] = option(default=(), help="subtracted after scaling: one number, or one a channel")
    std: tuple[float, ...] = option(default=(), above=0, help="divided by after that: one number, or one a channel")

    name: ClassVar[str] = "images"
    brightest: ClassVar[int] = 255

    @property
    def title(self) -> str:
        """How messages name the data set."""
        return f"dataset {self.name!r}"

    @property
    def classes(self) -> tuple[str, ...]:
        """What the labels mean, in their order."""
        return tuple(map(str, range(10)))

    @abstractmethod
    def read(self, split: str) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The raw images of a split (number, channels, height, width) and their labels."""

    @abstractmethod
    def contents(self) -> tuple[str, ...]:
        """The hashes of what the images are read from."""

    def load(self, split: str) -> Examples:
        """The prepared examples of "train" or "test"."""
        require_split(self.name, split)
        images, labels = self.read(split)
        larger = self.prepare(images, self.vary_at) if self.vary_at and split == TRAIN else None
        return Examples(self.prepare(images, self.size), labels, larger)

    def complaints(self) -> Iterable[str]:
        """Images are varied in a larger size, or in their own."""
        if self.vary_at is not None and (self.size is None or self.vary_at <= self.size):
            given = "is unset" if self.size is None else f"is {self.size}"
            yield f"vary_at is {self.vary_at} and size {given}; give a size below vary_at, or leave vary_at out"

    def fingerprint(self) -> str:
        """A hash of the options and the files."""
        return fingerprint(self, self.contents())

    def prepare(self, images: "torch.Tensor", size: int | None) -> "torch.Tensor":
        """Raw images in a size, and else as the options want them."""
        import torch

        if not len(images):
            raise data_error(self.title, "holds no image; put some into it")
        first = self.prepare_portion(images[:PORTION], size)
        prepared = torch.empty((len(images), *first.shape[1:]), dtype=torch.float32)
        prepared[:PORTION] = first
        for start in range(PORTION, len(images), PORTION):
            prepared[start : start + PORTION] = self.prepare_portion(images[start : start + PORTION], size)
        return prepared

    def prepare_portion(self, images: "torch.Tensor", size: int | None) -> "torch.Tensor":
        """A few images, all at once."""
        factor = 1 / self.brightest if self.scale is None else self.scale
        scaled = resized(self.coloured(images.float() * factor), size)
        return self.normalised(scaled)

    def coloured(self, images: "torch.Tensor") -> "torch.Tensor":
        """Images with as many channels as were asked for."""
        present = images.shape[1]
        if self.channels in {None, present}:
            return images
        if (present, self.channels) == (COLOURS, 1):
            return (images * images.new_tensor(LUMINANCE).view(1, -1, 1, 1)).sum(1, keepdim=True)
        if present == 1:
            return images.expand(-1, COLOURS, -1, -1)
        message = f"has {present} channels, which cannot become {self.channels}; leave channels unset"
        raise data_error(self.title, message)

    def normalised(self, images: "torch.Tensor") -> "torch.Tensor":
        """Images with the mean subtracted and divided by the standard deviation."""
        for key, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in {0, 1, images.shape[1]}:
                message = f"{key} has {len(values)} numbers for {images.shape[1]} channels; give one, or one a channel"
                raise data_error(self.title, message)
        mean = images.new_tensor(self.mean or (0.0,)).view(1, -1, 1, 1)
        return (images - mean) / images.new_tensor(self.std or (1.0,)).view(1, -1, 1, 1)


def resized(images: "torch.Tensor", size: int | None) -> "torch.Tensor":
    """Square images of this size; what shrinks is smoothed first, so that no pixel is overlooked."""
    from torch.nn.functional import interpolate

    if size is None or images.shape[-2:] == (size, size):
        return images
    return interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
