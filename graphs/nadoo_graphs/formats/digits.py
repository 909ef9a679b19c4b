"""Packing in a base that is no power of two, where whole bits would be wasted: trits, and the 23 levels.

Ternary words hold a fraction rather than a number: a kernel multiplies by three and reads the digit that
overflows, which needs no division. The word is rounded up so that every digit comes out exactly.
"""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.book import CodeBook
from nadoo_graphs.formats.checks import Array, refusal, require_matrix, require_words
from nadoo_graphs.formats.packing import row_blocks


def digit_groups(book: CodeBook, codes: Array, per_word: int) -> NDArray[np.uint64]:
    """The digits of each word of each row, the end of the row filled with the padding code."""
    rows, columns = codes.shape
    words = -(-columns // per_word)
    digits = np.full((rows, words * per_word), book.padding_pattern, dtype=np.uint64)
    digits[:, :columns] = book.patterns(codes)
    return digits.reshape(rows, words, per_word)


@frozen
class TritPacking:
    """Trits as a fraction of the word, 10 in 16 bits or 20 in 32, the first one on top."""

    book: CodeBook
    per_word: int = 10
    word: str = "uint16"

    def __attrs_post_init__(self) -> None:
        if len(self.book.codes) != 3 or 3**self.per_word > 1 << self.word_bits:
            message = f"{self.per_word} digits of {len(self.book.codes)} codes were asked for in a {self.word}"
            raise refusal(Code.DATA, self.book.name, f"{message}; there must be 3 codes, and the digits must fit")

    @property
    def word_bits(self) -> int:
        """The width of a word."""
        return np.dtype(self.word).itemsize * 8

    def words(self, columns: int) -> int:
        """The words of a row, the last one padded with zeros."""
        return -(-columns // self.per_word)

    def pack(self, codes: Array) -> Array:
        """For each word the smallest fraction from which every digit can be read."""
        require_matrix(codes, self.book.carrier, self.book.name)
        packed = np.empty((len(codes), self.words(codes.shape[1])), dtype=self.word)
        for block in row_blocks(*codes.shape):
            packed[block] = self.fractions(digit_groups(self.book, codes[block], self.per_word))
        return packed

    def fractions(self, groups: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """ceil(number * 2**word_bits / 3**per_word), which stays below 2**64 for 20 trits too."""
        numbers = np.zeros(groups.shape[:2], dtype=np.uint64)
        for digit in range(self.per_word):
            numbers = numbers * np.uint64(3) + groups[:, :, digit]
        count = 3**self.per_word
        return ((numbers << np.uint64(self.word_bits)) + np.uint64(count - 1)) // np.uint64(count)

    def unpack(self, words: Array, columns: int) -> Array:
        """The trits of each row, read as a kernel reads them: times three, and the overflow is the digit."""
        require_words(words, self.word, self.words(columns), columns, self.book.name)
        codes = np.empty((len(words), columns), dtype=self.book.carrier)
        for block in row_blocks(*codes.shape):
            codes[block] = self.book.codes_of(self.overflows(words[block]))[:, :columns]
        return codes

    def overflows(self, words: Array) -> NDArray[np.uint8]:
        """The digits of the fractions, row by row."""
        rows, count = words.shape
        fractions = words.astype(np.uint64)
        digits = np.empty((rows, count, self.per_word), dtype=np.uint8)
        for digit in range(self.per_word):
            fractions = fractions * np.uint64(3)
            digits[:, :, digit] = fractions >> np.uint64(self.word_bits)
            fractions &= np.uint64((1 << self.word_bits) - 1)
        return digits.reshape(rows, count * self.per_word)


@frozen
class DigitPacking:
    """As many digits as a word of 32 bits holds, the first code being the least significant digit."""

    book: CodeBook
    word: str = "uint32"

    @property
    def base(self) -> int:
        """The number of codes."""
        return len(self.book.codes)

    @property
    def per_word(self) -> int:
        """The digits in a word."""
        count = 0
        while self.base ** (count + 1) <= 1 << 32:
            count += 1
        return count

    def words(self, columns: int) -> int:
        """The words of a row, the last one padded."""
        return -(-columns // self.per_word)

    def pack(self, codes: Array) -> Array:
        """The number of each group of digits."""
        require_matrix(codes, self.book.carrier, self.book.name)
        packed = np.zeros((len(codes), self.words(codes.shape[1])), dtype=self.word)
        for block in row_blocks(*codes.shape):
            groups = digit_groups(self.book, codes[block], self.per_word)
            weights = np.array([self.base**digit for digit in range(self.per_word)], dtype=np.uint64)
            packed[block] = groups @ weights
        return packed

    def unpack(self, words: Array, columns: int) -> Array:
        """The codes of each row; a word that no digits add up to is refused."""
        require_words(words, self.word, self.words(columns), columns, self.book.name)
        self.require_numbers(words)
        codes = np.empty((len(words), columns), dtype=self.book.carrier)
        for block in row_blocks(*codes.shape):
            codes[block] = self.book.codes_of(self.remainders(words[block]))[:, :columns]
        return codes

    def require_numbers(self, words: Array) -> None:
        """A word beyond the largest number of so many digits was never packed by this format."""
        limit = self.base**self.per_word
        strange = words >= limit
        if strange.any():
            message = f"{int(strange.sum())} words, such as {int(words[strange][0])}, are not below {limit}"
            raise refusal(Code.DATA, self.book.name, f"{message}; the data is damaged or of another format")

    def remainders(self, words: Array) -> NDArray[np.uint8]:
        """The digits of the numbers, row by row."""
        rows, count = words.shape
        digits = np.empty((rows, count, self.per_word), dtype=np.uint8)
        numbers = words.copy()
        for digit in range(self.per_word):
            numbers, digits[:, :, digit] = np.divmod(numbers, np.uint32(self.base))
        return digits.reshape(rows, count * self.per_word)
