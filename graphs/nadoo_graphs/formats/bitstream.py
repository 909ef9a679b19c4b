"""Bit patterns of 1 to 8 bits as a stream of bytes, the most significant bit first, each row on its own.

Eight patterns of b bits fill exactly b bytes, so one loop over eight lanes serves every width, and a width
that divides 32 yields the words of the C export as the same bytes read as big-endian numbers.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]

WORD_BITS = 32
LANES = 8


def stream_bytes(columns: int, bits: int) -> int:
    """The bytes of a row, which ends on a word boundary so that the next one starts on one."""
    return WORD_BITS // 8 * -(-columns * bits // WORD_BITS)


def write_stream(patterns: Bytes, bits: int, padding: int) -> Bytes:
    """Rows of patterns as rows of bytes; what is left of the last word is filled with the padding pattern."""
    rows, columns = patterns.shape
    length = stream_bytes(columns, bits)
    groups = -(-length // bits)
    padded = np.full((rows, groups * LANES), padding, dtype=np.uint8)
    padded[:, :columns] = patterns
    gathered = gather(padded.reshape(rows, groups, LANES), bits)
    octets = gathered.astype(">u8").view(np.uint8).reshape(rows, groups, 8)[:, :, 8 - bits :]
    return octets.reshape(rows, groups * bits)[:, :length]


def gather(lanes: NDArray[Any], bits: int) -> NDArray[np.uint64]:
    """Eight patterns side by side in one number, the first one on top."""
    gathered = np.zeros(lanes.shape[:2], dtype=np.uint64)
    for lane in range(LANES):
        gathered |= lanes[:, :, lane].astype(np.uint64) << np.uint64(bits * (LANES - 1 - lane))
    return gathered


def read_stream(stream: Bytes, bits: int, columns: int) -> Bytes:
    """The patterns of rows of bytes, without the padding."""
    rows, length = stream.shape
    groups = -(-length // bits)
    octets = np.zeros((rows, groups, 8), dtype=np.uint8)
    padded = np.zeros((rows, groups * bits), dtype=np.uint8)
    padded[:, :length] = stream
    octets[:, :, 8 - bits :] = padded.reshape(rows, groups, bits)
    gathered = octets.reshape(rows, groups * 8).view(">u8").astype(np.uint64)
    return scatter(gathered, bits)[:, :columns]


def scatter(gathered: NDArray[np.uint64], bits: int) -> Bytes:
    """The eight patterns of each number, in the order of the stream."""
    rows, groups = gathered.shape
    lanes = np.empty((rows, groups, LANES), dtype=np.uint8)
    mask = np.uint64((1 << bits) - 1)
    for lane in range(LANES):
        lanes[:, :, lane] = (gathered >> np.uint64(bits * (LANES - 1 - lane))) & mask
    return lanes.reshape(rows, groups * LANES)
