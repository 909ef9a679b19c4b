"""CIFAR-10 from its binary archive: records of one label and 3,072 pixel bytes, read in memory and never unpacked."""

import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from nadoo_core.data.archive import read_members
from nadoo_core.data.dataset import TRAIN, as_labels
from nadoo_core.data.files import Source, file_digest, require_or_fetch
from nadoo_core.data.idx import damaged
from nadoo_core.data.images import COLOURS, ImageDataset
from nadoo_core.options import option

if TYPE_CHECKING:
    import torch

SIDE = 32
RECORD_BYTES = 1 + COLOURS * SIDE * SIDE
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin/"
TRAIN_FILES = tuple(f"{FOLDER}data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = (f"{FOLDER}test_batch.bin",)
ARCHIVE = Source(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)


@frozen(kw_only=True)
class Cifar10(ImageDataset):
    """Small colour photographs in ten classes: 50,000 to train with, 10,000 to test."""

    download: bool = option(default=False, help="whether the archive may be fetched over the network")

    name: ClassVar[str] = "cifar10"

    @property
    def classes(self) -> tuple[str, ...]:
        """The ten classes in the order of the archive's labels."""
        return CLASSES

    def read(self, split: str) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The images of a split; colours come before rows in a record."""
        import torch

        path = self.archive()
        content = read_records(path, TRAIN_FILES if split == TRAIN else TEST_FILES)
        records = torch.frombuffer(content, dtype=torch.uint8).reshape(-1, RECORD_BYTES)
        images = records[:, 1:].reshape(-1, COLOURS, SIDE, SIDE)
        return images, as_labels(self.name, records[:, 0], len(CLASSES))

    def contents(self) -> tuple[str, ...]:
        """The hash of the archive."""
        return (file_digest(self.archive()),)

    def archive(self) -> Path:
        """Where the archive lies."""
        return require_or_fetch(self.name, (ARCHIVE,), self.download)[0]


def read_records(path: Path, names: tuple[str, ...]) -> bytearray:
    """The records of the named files of the archive, one after the other."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            members = read_members(archive, path, names)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise damaged(path, f"cannot be read as a tar archive ({error})") from error
    for name in names:
        if name not in members:
            raise damaged(path, f"holds no {name!r}")
        if not members[name] or len(members[name]) % RECORD_BYTES:
            raise damaged(path, f"{name!r} has {len(members[name])} bytes, no multiple of {RECORD_BYTES}")
    return bytearray(b"".join(members[name] for name in names))
