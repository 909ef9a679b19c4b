"""The idx format of MNIST: a magic number, the sizes big-endian, then the bytes. Nothing missing, nothing left over."""

import gzip
import struct
import zlib
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from nadoo_core.data.errors import data_error
from nadoo_core.errors import DataError

if TYPE_CHECKING:
    import torch

UNSIGNED_BYTE = 0x08
MOST_BYTES = 2 * 1024**3
WORD_BYTES = 4


def read_idx(path: Path, rank: int) -> "torch.Tensor":
    """The unsigned bytes of a gzip-compressed idx file of this rank."""
    import torch

    try:
        with gzip.open(path, "rb") as file:
            shape = read_sizes(file, path, rank)
            count = prod(shape)
            content = file.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(path, f"cannot be read as gzip ({error})") from error
    if len(content) != count:
        held = "more" if len(content) > count else f"{len(content)}"
        raise damaged(path, f"declares {list(shape)}, which is {count} bytes, and holds {held}")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(shape) if count else torch.empty(shape)


def read_sizes(file: gzip.GzipFile, path: Path, rank: int) -> tuple[int, ...]:
    """The sizes that the head of the file declares, within reason."""
    magic = file.read(WORD_BYTES)
    expected = bytes((0, 0, UNSIGNED_BYTE, rank))
    if magic != expected:
        raise damaged(path, f"begins with {magic.hex() or 'nothing'}, an idx file of rank {rank} with {expected.hex()}")
    head = file.read(WORD_BYTES * rank)
    if len(head) < WORD_BYTES * rank:
        raise damaged(path, f"ends inside its {rank} sizes")
    shape = struct.unpack(f">{rank}I", head)
    if prod(shape) > MOST_BYTES:
        message = f"declares {list(shape)}, more than {MOST_BYTES} bytes; it is no data set that fits in memory"
        raise data_error(f"file {str(path)!r}", message)
    return shape


def damaged(path: Path, what: str) -> DataError:
    """The error of a file that is not what its name says."""
    return data_error(f"file {str(path)!r}", f"{what}; get the file again")
