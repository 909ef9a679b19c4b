"""scikit-learn's bundled handwritten digits: 1,797 images of 8×8, which need neither a network nor a data folder.

Only the one file is read: importing scikit-learn for it would take longer than a small training.
"""

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from nadoo_core.data.dataset import TEST, as_labels
from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples
from nadoo_core.data.files import file_digest
from nadoo_core.data.idx import damaged
from nadoo_core.data.images import ImageDataset
from nadoo_core.data.order import hashed_order, stratified

if TYPE_CHECKING:
    import torch

SIDE = 8
COLUMNS = SIDE * SIDE + 1
TEST_SHARE = 0.2
INSIDE = ("datasets", "data", "digits.csv.gz")


@frozen(kw_only=True)
class Digits(ImageDataset):
    """Small grey digits; a fixed fifth of them, drawn class by class, is the test set."""

    name: ClassVar[str] = "digits"
    brightest: ClassVar[int] = 16

    def read(self, split: str) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The images of a split in the order of the file."""
        import torch

        table = read_table(digits_file())
        labels = as_labels(self.name, table[:, -1], len(self.classes))
        order = hashed_order(len(labels), 0, "digits test split")
        kinds = Examples(labels, labels).groups()
        test, train = stratified(order, kinds, round(TEST_SHARE * len(labels)))
        chosen = torch.tensor(sorted(test if split == TEST else train))
        return table[chosen, :-1].reshape(-1, 1, SIDE, SIDE), labels[chosen]

    def contents(self) -> tuple[str, ...]:
        """The hash of the file."""
        return (file_digest(digits_file()),)


def digits_file() -> Path:
    """The file inside the installed scikit-learn, which is not imported."""
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        message = "comes with scikit-learn, which is not installed; run: pip install 'nadoo[examples]'"
        raise data_error("dataset 'digits'", message)
    path = Path(package.submodule_search_locations[0]).joinpath(*INSIDE)
    if not path.is_file():
        message = f"{str(path)!r} is missing; install scikit-learn again: pip install --force-reinstall scikit-learn"
        raise data_error("dataset 'digits'", message)
    return path


def read_table(path: Path) -> "torch.Tensor":
    """One row an image: 64 grey values from 0 to 16, and the digit."""
    import torch

    try:
        lines = gzip.decompress(path.read_bytes()).decode().split()
        rows = [[int(float(number)) for number in line.split(",")] for line in lines]
    except (OSError, EOFError, ValueError) as error:
        raise damaged(path, f"cannot be read ({error})") from error
    if any(len(row) != COLUMNS for row in rows) or not rows:
        raise damaged(path, f"does not have {COLUMNS} numbers in every line")
    return torch.tensor(rows)
