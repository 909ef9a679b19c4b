"""Images in files, one folder a class: in tar archives or in folders. Pillow decodes them and comes with an extra."""

import io
import tarfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from nadoo_core.data.archive import content, plain_members
from nadoo_core.data.dataset import SPLITS, TRAIN
from nadoo_core.data.errors import data_error
from nadoo_core.data.extras import require_extra
from nadoo_core.data.files import DATA_VARIABLE, absence, data_folders, file_digest, identity
from nadoo_core.data.idx import damaged
from nadoo_core.data.images import COLOURS, ImageDataset, resized
from nadoo_core.errors import DataError
from nadoo_core.options import option

if TYPE_CHECKING:
    import torch

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp")
MOST_PIXELS = 64 * 1024**2


@frozen(kw_only=True)
class PictureDataset(ImageDataset):
    """What archives and folders of pictures share: the class is the name of the folder."""

    folder: str = option(min_length=1, help="a path, or a name that is looked up under $NADOO_DATA")

    @abstractmethod
    def names(self, split: str) -> tuple[str, ...]:
        """The paths of a split's pictures, as class/picture."""

    @abstractmethod
    def pictures(self, split: str) -> Iterator[tuple[str, bytes]]:
        """The paths and contents of a split's pictures, in the order of `names`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The folders of the training split, sorted."""
        return tuple(sorted({PurePosixPath(name).parts[0] for name in self.names(TRAIN)}))

    def read(self, split: str) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The decoded pictures and their labels."""
        import torch

        places = {name: index for index, name in enumerate(self.classes)}
        images: list[torch.Tensor] = []
        labels: list[int] = []
        for name, data in self.pictures(split):
            kind = PurePosixPath(name).parts[0]
            if kind not in places:
                message = f"{split} has a class {kind!r} that train has not; remove it or add it to train"
                raise data_error(self.title, message)
            images.append(decoded(data, name, self.channels))
            labels.append(places[kind])
        return self.stacked(images), torch.tensor(labels)

    def stacked(self, images: "Sequence[torch.Tensor]") -> "torch.Tensor":
        """The pictures as one tensor; different sizes need a size that all are brought to."""
        import torch

        shapes = {tuple(image.shape[-2:]) for image in images}
        if not shapes:
            raise data_error(self.title, "holds no picture; put some into it")
        if len(shapes) == 1:
            return torch.stack(list(images))
        if self.size is None:
            found = ", ".join(f"{height}×{width}" for height, width in sorted(shapes)[:5])
            message = f"has pictures of {len(shapes)} sizes ({found}…); set `size` to bring them to one"
            raise data_error(self.title, message)
        return torch.cat([resized(image[None].float(), self.size) for image in images])

    def roots(self) -> tuple[Path, ...]:
        """Where the data set may lie, first the path itself."""
        return (Path(self.folder), *data_folders(self.folder))

    def locate(self, child: str) -> Path:
        """The file or folder of this name in the first place that has it."""
        found = next((root / child for root in self.roots() if (root / child).exists()), None)
        if found is None:
            advice = f"put it there, give another path, or set {DATA_VARIABLE} to the folder that holds {self.folder}/"
            raise data_error(self.title, absence([child], self.roots(), advice))
        return found


@frozen(kw_only=True)
class ImageTar(PictureDataset):
    """`train.tar` and `test.tar` with a folder a class, read without being unpacked."""

    name: ClassVar[str] = "image-tar"

    def names(self, split: str) -> tuple[str, ...]:
        """The members of the split's archive."""
        return tar_names(identity(self.locate(f"{split}.tar")), split)

    def pictures(self, split: str) -> Iterator[tuple[str, bytes]]:
        """The members with their contents."""
        path = self.locate(f"{split}.tar")
        yield from read_tar(path, split, contents=True)

    def contents(self) -> tuple[str, ...]:
        """The hashes of both archives."""
        return tuple(file_digest(self.locate(f"{split}.tar")) for split in SPLITS)


@frozen(kw_only=True)
class ImageFolder(PictureDataset):
    """`train/` and `test/` with a folder a class."""

    name: ClassVar[str] = "image-folder"

    def names(self, split: str) -> tuple[str, ...]:
        """The pictures below the split's folder, sorted."""
        root = self.locate(split)
        paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        found = (picture_name(path.as_posix(), split, root) for path in sorted(paths))
        return tuple(name for name in found if name)

    def pictures(self, split: str) -> Iterator[tuple[str, bytes]]:
        """The pictures with their contents."""
        root = self.locate(split)
        return ((name, (root / name).read_bytes()) for name in self.names(split))

    def contents(self) -> tuple[str, ...]:
        """The names and hashes of all files."""
        return tuple(
            f"{split}/{name}:{file_digest(self.locate(split) / name)}" for split in SPLITS for name in self.names(split)
        )


@lru_cache(maxsize=64)
def tar_names(place: tuple[Any, ...], split: str) -> tuple[str, ...]:
    """The pictures of an archive, listed once while the file stays what it is."""
    return tuple(name for name, _ in read_tar(Path(place[0]), split, contents=False))


def read_tar(path: Path, split: str, contents: bool) -> Iterator[tuple[str, bytes]]:
    """The pictures of an archive in its order, with their contents where they are wanted."""
    try:
        with tarfile.open(path, "r:") as archive:
            for member in plain_members(archive, path):
                name = picture_name(member.name, split, path)
                if name:
                    yield name, content(archive, member) if contents else b""
    except (tarfile.TarError, OSError) as error:
        raise damaged(path, f"cannot be read as an uncompressed tar archive ({error})") from error


def picture_name(name: str, split: str, path: Path) -> str:
    """A file's path as class/picture; "" for the hidden files that systems leave."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if any(part.startswith((".", "__MACOSX")) for part in parts):
        return ""
    if len(parts) > 2 and parts[0] == split:
        parts = parts[1:]
    if len(parts) != 2:
        raise data_error(f"file {str(path)!r}", f"{name!r} does not lie in a folder of its class; give class/picture")
    if PurePosixPath(parts[1]).suffix.lower() not in SUFFIXES:
        message = f"{name!r} is no picture; remove it, or convert it to one of {', '.join(SUFFIXES)}"
        raise data_error(f"file {str(path)!r}", message)
    return "/".join(parts)


def decoded(data: bytes, name: str, channels: int | None) -> "torch.Tensor":
    """A picture as bytes (channels, height, width)."""
    import numpy as np
    import torch

    pillow = require_extra("PIL.Image", "images", f"picture {name!r}")
    try:
        with pillow.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise too_large(name, picture.width, picture.height)
            array = np.array(picture.convert("L" if channels == 1 else "RGB"))
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise data_error(f"picture {name!r}", f"cannot be decoded ({error}); replace or remove it") from error
    return torch.from_numpy(array).reshape(*array.shape[:2], 1 if channels == 1 else COLOURS).permute(2, 0, 1)


def too_large(name: str, width: int, height: int) -> DataError:
    """The error of a picture whose decoding would fill the memory."""
    message = f"has {width}×{height} pixels; at most {MOST_PIXELS} are read, shrink it"
    return data_error(f"picture {name!r}", message)
