"""The book of a packed format: which code each bit pattern stands for.

One tuple says it all, since the code of pattern `i` is entry `i`: sign and magnitude, two's complement,
powers of two and table indices are then packed by the same few functions.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_graphs.errors import Code, FormatError, Problem
from nadoo_graphs.formats.checks import Array, refusal

SMALLEST_BOOK = 2
LARGEST_BOOK = 256
SHOWN_CODES = 4
SHOWN_ALLOWED = 16


@frozen
class CodeBook:
    """The codes by bit pattern, the dtype that holds them, and what the code nearest to zero is.

    That code, `padding`, fills the end of a row; `has_zero` says whether it stands for zero itself.
    """

    name: str
    codes: tuple[int, ...]
    carrier: str
    padding: int
    has_zero: bool = True

    def __attrs_post_init__(self) -> None:
        problems = [Problem(Code.DATA, f"code book {self.name!r}", message) for message in self.complaints()]
        if problems:
            raise FormatError(problems)

    def complaints(self) -> Iterator[str]:
        """Everything that keeps the book from being packed, at once."""
        if not SMALLEST_BOOK <= len(self.codes) <= LARGEST_BOOK:
            yield f"it has {len(self.codes)} codes; a book has {SMALLEST_BOOK} to {LARGEST_BOOK}"
        repeated = sorted({code for code in self.codes if self.codes.count(code) > 1})
        if repeated:
            yield f"the codes {repeated} appear twice; each needs one pattern"
        limits = np.iinfo(self.carrier)
        strange = [code for code in self.codes if not limits.min <= code <= limits.max]
        if strange:
            yield f"the codes {strange} do not fit in the carrier {self.carrier}; choose a wider one"
        if self.padding not in self.codes:
            yield f"rows are padded with {self.padding}, which is not a code; allowed: {self.allowed}"

    @property
    def bits(self) -> int:
        """The width of a pattern."""
        return max(1, (len(self.codes) - 1).bit_length())

    @property
    def allowed(self) -> str:
        """The codes as a message shows them."""
        ordered = sorted(self.codes)
        if not ordered:
            return "none"
        if ordered == list(range(ordered[0], ordered[-1] + 1)):
            return f"{ordered[0]} to {ordered[-1]}"
        if len(ordered) <= SHOWN_ALLOWED:
            return ", ".join(map(str, ordered))
        return f"{ordered[0]}, {ordered[1]}, … {ordered[-1]} in steps of {ordered[1] - ordered[0]}"

    @property
    def padding_pattern(self) -> int:
        """The bit pattern that fills the end of a row."""
        return self.codes.index(self.padding)

    @cached_property
    def pattern_table(self) -> NDArray[np.int16]:
        """The pattern of each integer from the smallest code to the largest, -1 for those between codes."""
        smallest = min(self.codes)
        table = np.full(max(self.codes) - smallest + 1, -1, dtype=np.int16)
        table[np.asarray(self.codes) - smallest] = np.arange(len(self.codes))
        return table

    def patterns(self, codes: Array) -> NDArray[np.uint8]:
        """The bit patterns of codes; a code outside the book is refused, never masked into another one."""
        offsets = codes.astype(np.intp) - min(self.codes)
        table = self.pattern_table
        patterns = table.take(offsets, mode="clip")
        strange = (patterns < 0) | (offsets < 0) | (offsets >= len(table))
        if strange.any():
            raise self.strangers(codes, strange)
        return patterns.astype(np.uint8)

    def strangers(self, codes: Array, strange: NDArray[np.bool_]) -> FormatError:
        """The refusal of codes that the book does not hold: how many, the first few, and what is allowed."""
        examples = ", ".join(str(code) for code in codes[strange][:SHOWN_CODES])
        count = int(strange.sum())
        message = f"{count} of {codes.size} codes are not in the format, such as {examples}"
        return refusal(Code.DATA, self.name, f"{message}; allowed: {self.allowed}; encode or clamp them first")

    def codes_of(self, patterns: NDArray[Any]) -> Array:
        """The codes of bit patterns; one that stands for nothing is a sign of damaged data."""
        largest = int(patterns.max(initial=0))
        if largest >= len(self.codes):
            message = f"the packed data holds the pattern {largest}, but there are only {len(self.codes)} codes"
            raise refusal(Code.DATA, self.name, f"{message}; it is damaged or of another format")
        return np.asarray(self.codes, dtype=self.carrier).take(patterns)


def twos_complement(name: str, bits: int) -> CodeBook:
    """Signed integers as C holds them: 0 upwards, then the negative ones."""
    half = 1 << (bits - 1)
    return CodeBook(name, (*range(half), *range(-half, 0)), "int8", 0)


def unsigned(name: str, bits: int) -> CodeBook:
    """Patterns that are their own codes: unsigned integers, and indices of a table of levels."""
    return CodeBook(name, tuple(range(1 << bits)), "uint8", 0)


def odd_integers(name: str, bits: int) -> CodeBook:
    """Sign and magnitude of the levels ±½, ±1½, … as the odd integers ±1, ±3, … that kernels use."""
    positive = tuple(range(1, 1 << bits, 2))
    return CodeBook(name, (*positive, *(-code for code in positive)), "int8", 1, has_zero=False)


def odd_steps(name: str, bits: int) -> CodeBook:
    """Odd integers whose patterns count upwards from the smallest, so that dropping a bit halves the levels."""
    steps = (1 << bits) - 1
    return CodeBook(name, tuple(range(-steps, steps + 1, 2)), "int16", 1, has_zero=False)


def signs(name: str) -> CodeBook:
    """One bit: set for +1, clear for -1."""
    return CodeBook(name, (-1, 1), "int8", 1, has_zero=False)


def powers_of_two(name: str) -> CodeBook:
    """Sign and exponent of ±1, ±2, … ±128, which needs int16 because of +128."""
    positive = tuple(1 << exponent for exponent in range(8))
    return CodeBook(name, (*positive, *(-code for code in positive)), "int16", 1, has_zero=False)


def trits(name: str) -> CodeBook:
    """The digits of ternary words: 0 is +1, 1 is -1 and 2 is zero, so that one bit of a digit says zero."""
    return CodeBook(name, (1, -1, 0), "int8", 0)


def centred(name: str, levels: int) -> CodeBook:
    """An odd number of consecutive integers around zero, the smallest one first."""
    half = levels // 2
    return CodeBook(name, tuple(range(-half, half + 1)), "int8", 0)
