"""Small data files in their original formats, written where a test wants them."""

import gzip
import io
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of bytes as idx has it."""
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(idx_bytes(array), mtime=0))


def write_mnist(folder: Path, train: int = 20, test: int = 10, side: int = 28) -> None:
    """The four files: example i shows the number i everywhere and has the label i mod 10."""
    for prefix, count in (("train", train), ("t10k", test)):
        images = np.arange(count)[:, None, None] * np.ones((1, side, side))
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", np.arange(count) % 10)


def write_tar(path: Path, members: Mapping[str, bytes], mode: str = "w") -> None:
    """An archive of plain files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def cifar_record(label: int, red: int, green: int, blue: int) -> bytes:
    """One image of one colour."""
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def cifar_members() -> dict[str, bytes]:
    """One record a file; the training label is the number of its file."""
    batches = {f"cifar-10-batches-bin/data_batch_{i}.bin": cifar_record(i, 255, 51, 0) for i in range(1, 6)}
    return {**batches, "cifar-10-batches-bin/test_batch.bin": cifar_record(9, 0, 0, 255)}


def ppm(red: int, green: int, blue: int, side: int = 4) -> bytes:
    """A picture of one colour in a format simple enough to write by hand."""
    return f"P6 {side} {side} 255\n".encode() + bytes((red, green, blue)) * side * side
