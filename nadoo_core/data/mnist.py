"""MNIST and Fashion-MNIST: four gzip-compressed idx files each, 28×28 grey images in ten classes."""

from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from nadoo_core.data.dataset import TRAIN, as_labels
from nadoo_core.data.errors import data_error
from nadoo_core.data.files import Source, file_digest, require_or_fetch
from nadoo_core.data.idx import read_idx
from nadoo_core.data.images import ImageDataset
from nadoo_core.options import option

if TYPE_CHECKING:
    import torch

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
MNIST_HASHES = (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
FASHION_HASHES = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
GARMENTS = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


def sources(base: str, hashes: tuple[str, ...]) -> tuple[Source, ...]:
    """The four files, where they are offered, and their hashes."""
    return tuple(Source(file, f"{base}{file}", sha256) for file, sha256 in zip(FILES, hashes, strict=True))


@frozen(kw_only=True)
class Mnist(ImageDataset):
    """Handwritten digits: 60,000 images to train with, 10,000 to test."""

    download: bool = option(default=False, help="whether missing files may be fetched over the network")

    name: ClassVar[str] = "mnist"
    sources: ClassVar[tuple[Source, ...]] = sources("https://ossci-datasets.s3.amazonaws.com/mnist/", MNIST_HASHES)

    def read(self, split: str) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The images of a split, as many as there are labels."""
        paths = require_or_fetch(self.name, self.sources, self.download)
        images_path, labels_path = paths[:2] if split == TRAIN else paths[2:]
        images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
        if len(images) != len(labels):
            message = f"{len(images)} images in {images_path.name} and {len(labels)} labels in {labels_path.name}"
            raise data_error(f"dataset {self.name!r}", f"{message}; get both files from one place")
        return images[:, None], as_labels(self.name, labels, len(self.classes))

    def contents(self) -> tuple[str, ...]:
        """The hashes of the four files."""
        return tuple(map(file_digest, require_or_fetch(self.name, self.sources, self.download)))


@frozen(kw_only=True)
class FashionMnist(Mnist):
    """Photographs of garments in MNIST's form; harder, so that differences show."""

    name: ClassVar[str] = "fashion-mnist"
    sources: ClassVar[tuple[Source, ...]] = sources(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/", FASHION_HASHES
    )

    @property
    def classes(self) -> tuple[str, ...]:
        """The ten kinds of garment."""
        return GARMENTS
