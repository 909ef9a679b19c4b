"""A book of codes checks itself, so that a plugin's mistake is found where it is made."""

import numpy as np
import pytest

from nadoo_graphs.errors import FormatError
from nadoo_graphs.formats import CodeBook, StreamPacking, WordPacking


def test_a_code_with_two_patterns_is_refused() -> None:
    with pytest.raises(FormatError, match=r"the codes \[1\] appear twice"):
        CodeBook("twice", (0, 1, 1, 2), "int8", 0)


def test_padding_that_is_no_code_is_refused() -> None:
    with pytest.raises(FormatError, match="padded with 0, which is not a code; allowed: -1, 1"):
        CodeBook("signs", (-1, 1), "int8", 0)


def test_a_book_of_a_plugin_packs_like_ours() -> None:
    gray = CodeBook("gray", (0, 1, 3, 2), "int8", 0)
    packed = WordPacking(gray).pack(np.array([[0, 1, 2, 3]], dtype=np.int8))
    assert packed.tolist() == [[0b00011110 << 24]]


def test_a_book_with_unused_patterns_refuses_them_on_unpacking() -> None:
    five = CodeBook("five", (-2, -1, 0, 1, 2), "int8", 0)
    packing = StreamPacking(five)
    damaged = np.full((1, 4), 255, dtype=np.uint8)
    with pytest.raises(FormatError, match=r"the pattern 7, but there are only 5 codes"):
        packing.unpack(damaged, 3)


@pytest.mark.parametrize("codes", [(0,), tuple(range(257))])
def test_a_book_has_between_two_and_256_codes(codes: tuple[int, ...]) -> None:
    with pytest.raises(FormatError, match="2 to 256"):
        CodeBook("odd", codes, "int16", 0)


def test_codes_that_the_carrier_cannot_hold_are_refused() -> None:
    with pytest.raises(FormatError, match=r"128. do not fit in the carrier int8"):
        CodeBook("wide", (0, 128), "int8", 0)


@pytest.mark.parametrize("bits", [3, 5])
def test_words_hold_whole_codes_only(bits: int) -> None:
    book = CodeBook("narrow", tuple(range(1 << bits)), "uint8", 0)
    with pytest.raises(FormatError, match="StreamPacking"):
        WordPacking(book)
