"""Arrays of a numpy archive as a data set: the short way in for whoever has features of their own.

The archive is read without pickle. One archive holds both splits under names with the split in them, or only one
split, of which a fixed share then becomes the test set.
"""

import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import frozen

from nadoo_core.data.dataset import SPLITS, TEST, fingerprint, require_split
from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples
from nadoo_core.data.files import DATA_VARIABLE, data_folders, file_digest
from nadoo_core.data.idx import damaged
from nadoo_core.data.order import hashed_order, stratified
from nadoo_core.errors import DataError
from nadoo_core.options import Options, option

if TYPE_CHECKING:
    import torch


@frozen(kw_only=True)
class Npz(Options):
    """Inputs and targets from the arrays of one file."""

    file: str = option(min_length=1, help="the archive: a path, or a name that is looked up under $NADOO_DATA/npz")
    inputs: str = option(default="{split}_inputs", help="the array of inputs; {split} stands for train or test")
    targets: str = option(default="{split}_targets", help="the array of targets; empty for none")
    test: float = option(default=0.2, above=0, below=1, help="share for testing where no name holds {split}")
    scale: float = option(default=1.0, above=0, help="what inputs are multiplied by")
    class_names: tuple[str, ...] = option(default=(), help="what the labels mean, in their order")

    name: ClassVar[str] = "npz"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names that were given."""
        return self.class_names

    @property
    def split_by_name(self) -> bool:
        """Whether the archive itself says what is for testing."""
        return "{split}" in self.inputs

    def load(self, split: str) -> Examples:
        """The examples of "train" or "test"."""
        require_split(self.name, split)
        path = self.path()
        names = [self.inputs, *([self.targets] if self.targets else [])]
        arrays = read_arrays(path, [name.replace("{split}", split) for name in names])
        inputs = as_tensor(arrays[0], path).float() * self.scale
        examples = Examples(inputs, as_targets(arrays[1], path) if len(arrays) > 1 else None)
        return examples if self.split_by_name else self.share(examples, split)

    def share(self, examples: Examples, split: str) -> Examples:
        """The part of the examples that is this split's, in the order of the file."""
        count = round(self.test * len(examples))
        order = hashed_order(len(examples), 0, "npz test split")
        test, train = stratified(order, examples.groups(), count)
        return examples.take(sorted(test if split == TEST else train))

    def fingerprint(self) -> str:
        """A hash of the options and the archive."""
        return fingerprint(self, (file_digest(self.path()),))

    def path(self) -> Path:
        """Where the archive lies."""
        candidates = (Path(self.file), *(folder / self.file for folder in data_folders(self.name)))
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            looked = ", ".join(map(str, candidates))
            message = f"{self.file!r} not found (looked at {looked}); give a path, or set {DATA_VARIABLE}"
            raise data_error("dataset 'npz'", message)
        return found


def read_arrays(path: Path, names: Collection[str]) -> list[Any]:
    """The named arrays of an archive, read without pickle."""
    import numpy as np

    if not zipfile.is_zipfile(path):
        raise damaged(path, "is no npz archive")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise absent(path, missing, archive.files)
            return [archive[name] for name in names]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path, f"cannot be read as an npz archive without pickle ({error})") from error


def absent(path: Path, missing: Collection[str], present: Collection[str]) -> DataError:
    """The error of names that the archive does not hold."""
    advice = f"set inputs and targets; {{split}} in a name stands for {' or '.join(SPLITS)}"
    message = f"has no array {', '.join(missing)}; it holds {', '.join(sorted(present)) or 'none'}; {advice}"
    return data_error(f"file {str(path)!r}", message)


def as_tensor(array: Any, path: Path) -> "torch.Tensor":
    """Numbers as a tensor; texts and objects are refused."""
    import torch

    if array.dtype.kind not in "biuf" or array.ndim == 0:
        message = f"an array of dtype {array.dtype} and shape {list(array.shape)} is no set of examples; store numbers"
        raise data_error(f"file {str(path)!r}", message)
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))


def as_targets(array: Any, path: Path) -> "torch.Tensor":
    """Whole numbers are classes, all others are values."""
    import torch

    found = as_tensor(array, path)
    return found.float() if found.is_floating_point() else found.to(torch.int64)
