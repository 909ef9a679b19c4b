"""From rows of codes to the words that lie in flash, and back.

The packed form is an array with a row of words for each row of codes, so an exporter prints it as it is,
and the number of bytes is known without packing. Packing by digits of a base that is no power of two is in
`digits`.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.bitstream import WORD_BITS, read_stream, stream_bytes, write_stream
from nadoo_graphs.formats.book import CodeBook
from nadoo_graphs.formats.checks import Array, refusal, require_matrix, require_words

BLOCK_CODES = 1 << 20
"""Codes packed at a time: enough for NumPy's speed, few enough that intermediates stay in a few MiB."""


class Packing(Protocol):
    """How the codes of a format lie in memory."""

    @property
    def word(self) -> str:
        """The NumPy dtype of the packed array."""
        ...

    def words(self, columns: int) -> int:
        """The words of a row of so many codes, with its padding."""
        ...

    def pack(self, codes: Array) -> Array:
        """Rows of codes as rows of words."""
        ...

    def unpack(self, words: Array, columns: int) -> Array:
        """Rows of words as rows of so many codes."""
        ...


def row_bytes(packing: Packing, columns: int) -> int:
    """The bytes of flash that a row of so many codes takes."""
    return packing.words(columns) * np.dtype(packing.word).itemsize


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of rows that keep intermediates small; a single long row is one block."""
    step = max(1, BLOCK_CODES // max(1, columns))
    return (slice(start, start + step) for start in range(0, rows, step))


@frozen
class PlainPacking:
    """An array as C declares it: one element a code, no padding."""

    name: str
    word: str

    def words(self, columns: int) -> int:
        """As many words as codes."""
        return columns

    def pack(self, codes: Array) -> Array:
        """A copy, so that what is packed does not change when the codes do."""
        require_matrix(codes, self.word, self.name)
        return codes.copy()

    def unpack(self, words: Array, columns: int) -> Array:
        """A copy of the words, which are the codes."""
        require_words(words, self.word, columns, columns, self.name)
        return words.copy()


@frozen
class StreamPacking:
    """A stream of bits for each row, most significant first, straddling words: for widths like 3 and 5."""

    book: CodeBook
    word: str = "uint8"

    def words(self, columns: int) -> int:
        """The bytes of the row, a multiple of four."""
        return stream_bytes(columns, self.book.bits)

    def pack(self, codes: Array) -> Array:
        """The bytes of each row; its last word ends with padding codes, cut off where the word ends."""
        require_matrix(codes, self.book.carrier, self.book.name)
        rows, columns = codes.shape
        packed = np.empty((rows, self.words(columns)), dtype=np.uint8)
        for block in row_blocks(rows, columns):
            patterns = self.book.patterns(codes[block])
            packed[block] = write_stream(patterns, self.book.bits, self.book.padding_pattern)
        return packed

    def unpack(self, words: Array, columns: int) -> Array:
        """The codes of each row, without its padding."""
        require_words(words, self.word, self.words(columns), columns, self.book.name)
        codes = np.empty((len(words), columns), dtype=self.book.carrier)
        for block in row_blocks(*codes.shape):
            codes[block] = self.book.codes_of(read_stream(words[block], self.book.bits, columns))
        return codes


@frozen
class WordPacking:
    """Whole codes in words of 32 bits, the first one in the most significant bits, as the C export has it."""

    book: CodeBook
    word: str = "uint32"

    def __attrs_post_init__(self) -> None:
        if WORD_BITS % self.book.bits:
            message = f"codes of {self.book.bits} bits do not fill a word of {WORD_BITS}; use StreamPacking"
            raise refusal(Code.DATA, self.book.name, message)

    @property
    def per_word(self) -> int:
        """The codes in a word."""
        return WORD_BITS // self.book.bits

    def words(self, columns: int) -> int:
        """The words of a row, the last one padded."""
        return -(-columns // self.per_word)

    def pack(self, codes: Array) -> Array:
        """The stream of bits, read as numbers with the first byte on top."""
        return StreamPacking(self.book).pack(codes).view(">u4").astype(np.uint32)

    def unpack(self, words: Array, columns: int) -> Array:
        """The codes of each row, without its padding."""
        require_words(words, self.word, self.words(columns), columns, self.book.name)
        stream = np.ascontiguousarray(words.astype(">u4")).view(np.uint8)
        return StreamPacking(self.book).unpack(stream, columns)
