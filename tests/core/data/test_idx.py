"""The idx parser gives what was written and refuses whatever is not exactly that."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.data.idx import read_idx
from nadoo_core.errors import DataError
from tests.core.data.files import idx_bytes, write_idx


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, count: int, height: int, width: int, seed: int
) -> None:
    """read ∘ write = identity."""
    array = np.random.default_rng(seed).integers(0, 256, (count, height, width))
    path = tmp_path_factory.mktemp("idx") / "images.gz"
    write_idx(path, array)
    assert read_idx(path, 3).tolist() == array.tolist()


def damaged(change: str) -> bytes:
    """A compressed idx file with one thing wrong."""
    good = idx_bytes(np.ones((2, 3)))
    if change == "not gzip":
        return good
    if change == "cut gzip":
        return gzip.compress(good, mtime=0)[:-6]
    changed = {
        "magic": b"\x00\x00\x0d" + good[3:],
        "rank": good[:3] + b"\x03" + good[4:],
        "short": good[:-1],
        "long": good + b"\x00",
        "empty": b"",
        "no sizes": good[:6],
        "huge": good[:4] + struct.pack(">2I", 2**31, 2**31),
    }
    return gzip.compress(changed[change], mtime=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("not gzip", "cannot be read as gzip"),
        ("cut gzip", "cannot be read as gzip"),
        ("magic", "begins with 00000d02"),
        ("rank", "begins with 00000803"),
        ("short", r"declares \[2, 3\], which is 6 bytes, and holds 5"),
        ("long", r"which is 6 bytes, and holds more"),
        ("empty", "begins with nothing"),
        ("no sizes", "ends inside its 2 sizes"),
        ("huge", "no data set that fits in memory"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, change: str, message: str) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(damaged(change))
    with pytest.raises(DataError, match=message):
        read_idx(path, 2)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read as gzip"):
        read_idx(tmp_path / "none.gz", 1)
