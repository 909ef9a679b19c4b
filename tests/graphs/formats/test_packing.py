"""Packings: the vectors of the C export, an independent reference, byte counts, and refusals."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.errors import FormatError
from nadoo_graphs.formats import (
    CodeBook,
    DigitPacking,
    Format,
    PlainPacking,
    StreamPacking,
    TritPacking,
    WordPacking,
    standard_formats,
)
from tests.graphs.formats.references import (
    level_words_of_row,
    stream_of_row,
    trit_words_of_row,
    words_of_row,
)

BOOKED = [row for row in standard_formats() if not isinstance(row.packing, PlainPacking)]
CHOOSY = [row for row in BOOKED if row.maximum < np.iinfo(row.carrier).max]
FEW = settings(max_examples=40)
ROWS = st.integers(0, 4)
COLUMNS = st.integers(0, 70)
SEEDS = st.integers(0, 2**32 - 1)


def words_of(name: str, codes: list[int]) -> list[int]:
    """One row, packed."""
    row = standard_formats()[name]
    return row.packing.pack(np.array([codes], dtype=row.carrier))[0].tolist()


def drawn(row: Format, rows: int, columns: int, seed: int) -> np.ndarray:
    """Random codes of a format."""
    choices = np.array(book_of(row).codes, dtype=row.carrier)
    return np.random.default_rng(seed).choice(choices, size=(rows, columns))


def book_of(row: Format) -> CodeBook:
    """The book of a packing that has one."""
    assert isinstance(row.packing, StreamPacking | WordPacking | TritPacking | DigitPacking)
    return row.packing.book


def reference(row: Format, codes: list[int]) -> list[int]:
    """A row packed by the plain Python reference."""
    if isinstance(row.packing, TritPacking):
        return trit_words_of_row(codes, row.packing.per_word, row.packing.word_bits)
    if isinstance(row.packing, DigitPacking):
        return level_words_of_row(codes, len(row.packing.book.codes), int(row.minimum))
    if isinstance(row.packing, StreamPacking):
        return stream_of_row(book_of(row), codes)
    return words_of_row(book_of(row), codes)


@pytest.mark.parametrize(
    ("name", "codes", "word"),
    [
        ("2bitsym", [1, 3, -1, -3] * 4, 0x1B1B1B1B),
        ("4bitsym", [1, 15, -1, -15, 3, -7, 5, -3], 0x078F1B29),
        ("4bit", [-8, -1, 0, 7, 3, -4, 1, 2], 0x8F073C12),
        ("int4", [-8, -1, 0, 7, 3, -4, 1, 2], 0x8F073C12),
        ("8bit", [-128, -1, 0, 127], 0x80FF007F),
        ("fp130", [1, -1, 2, -2, 64, -64, 128, -128], 0x08196E7F),
        ("binary", [1, -1, 1, 1] + [-1] * 28, 0xB0000000),
        ("binarysym", [1, -1, 1, 1] + [-1] * 28, 0xB0000000),
        ("int1", [1, -1, 1, 1] + [-1] * 28, 0xB0000000),
        ("nf4", [0, 1, 2, 3, 12, 13, 14, 15], 0x0123CDEF),
        ("uint2", [0, 1, 2, 3] * 4, 0x1B1B1B1B),
        ("ternary", [1] * 10, 0x0000),
        ("ternary", [-1] * 10, 0x8000),
        ("ternary", [0] * 10, 0xFFFF),
        ("ternary", [1, 0, -1, 0, 0, 1, -1, -1, 0, 1], 0x4AFB),
        ("ternary20", [1] * 20, 0x00000000),
        ("ternary20", [-1] * 20, 0x80000000),
        ("ternary20", [0] * 20, 0xFFFFFFFF),
        ("23level", [-11] * 7, 0),
        ("23level", [-10] + [-11] * 6, 1),
        ("23level", [11] * 7, 23**7 - 1),
    ],
)
def test_the_vectors_of_the_export(name: str, codes: list[int], word: int) -> None:
    assert words_of(name, codes) == [word]


@pytest.mark.parametrize(
    ("name", "codes", "octets"),
    [
        ("uint3", [1, 2, 3], [0b00101001, 0b10000000, 0, 0]),
        ("int5", [-1, 0, -16], [0b11111000, 0b00100000, 0, 0]),
        ("5bitsym", [1, -1, 31], [0b00000100, 0b00011110, 0, 0]),
        ("uint7", [127, 0, 127, 0, 1], [0b11111110, 0b00000011, 0b11111000, 0b00000000, 0b00100000, 0, 0, 0]),
    ],
)
def test_other_widths_straddle_words(name: str, codes: list[int], octets: list[int]) -> None:
    assert words_of(name, codes) == octets


@pytest.mark.parametrize(
    ("name", "codes", "word"),
    [
        ("2bitsym", [-3], 0xC0000000),
        ("4bit", [-1], 0xF0000000),
        ("binary", [-1], 0x7FFFFFFF),
        ("nf4", [0], 0x07777777),
        ("ternary", [0], 0xFFFF),
        ("23level", [0], sum(11 * 23**place for place in range(7))),
    ],
)
def test_rows_are_padded_with_the_code_nearest_to_zero(name: str, codes: list[int], word: int) -> None:
    assert words_of(name, codes) == [word]


@pytest.mark.parametrize("row", BOOKED, ids=lambda row: row.name)
@FEW
@given(rows=ROWS, columns=COLUMNS, seed=SEEDS)
def test_packing_agrees_with_the_reference_and_is_undone(row: Format, rows: int, columns: int, seed: int) -> None:
    """unpack(pack(u)) = u, pack(u) is what plain Python writes, in the bytes that were promised."""
    codes = drawn(row, rows, columns, seed)
    packed = row.packing.pack(codes)
    assert packed.tolist() == [reference(row, each) for each in codes.tolist()]
    assert packed.dtype == np.dtype(row.packing.word)
    assert packed.nbytes == row.packed_bytes((rows, columns))
    unpacked = row.packing.unpack(packed, columns)
    assert unpacked.dtype == codes.dtype
    assert np.array_equal(unpacked, codes)


@pytest.mark.parametrize("row", BOOKED, ids=lambda row: row.name)
@FEW
@given(rows=ROWS, columns=COLUMNS)
def test_the_bytes_are_those_of_the_formula(row: Format, rows: int, columns: int) -> None:
    """Rows of ceil(columns * bits / 32) words of 32 bits; trits and digits by the codes in a word."""
    if isinstance(row.packing, TritPacking):
        per_row = ceil(columns / row.packing.per_word) * row.packing.word_bits // 8
    elif isinstance(row.packing, DigitPacking):
        per_row = ceil(columns / row.packing.per_word) * 4
    else:
        per_row = ceil(columns * int(row.bits) / 32) * 4
    assert row.packed_bytes((rows, columns)) == rows * per_row


@pytest.mark.parametrize("name", ["4bitsym", "5bitsym", "ternary", "23level"])
def test_more_codes_than_a_block_are_packed_like_few(name: str) -> None:
    row = standard_formats()[name]
    codes = drawn(row, 1500, 1001, seed=1)
    packed = row.packing.pack(codes)
    assert packed[[0, 1047, 1499]].tolist() == [reference(row, each) for each in codes[[0, 1047, 1499]].tolist()]
    assert np.array_equal(row.packing.unpack(packed, 1001), codes)


def test_all_words_of_ten_trits_are_distinct_and_exact() -> None:
    numbers = np.arange(3**10)
    digits = np.stack([numbers // 3 ** (9 - place) % 3 for place in range(10)], axis=1)
    codes = np.array([1, -1, 0], dtype=np.int8)[digits]
    packing = standard_formats()["ternary"].packing
    packed = packing.pack(codes)
    assert len(np.unique(packed)) == 3**10
    assert np.array_equal(packing.unpack(packed, 10), codes)


@given(columns=st.integers(1, 40), seed=SEEDS)
def test_a_kernel_on_sign_and_magnitude_words_is_the_integer_product(columns: int, seed: int) -> None:
    """Adding x * sign * (1 + 2 m) over a packed row, as the C export does, is the product with the codes."""
    row = standard_formats()["4bitsym"]
    codes = drawn(row, 3, columns, seed)
    inputs = np.random.default_rng(seed).integers(-128, 128, size=columns).tolist()
    for packed, expected in zip(row.packing.pack(codes).tolist(), codes.astype(np.int64) @ inputs, strict=True):
        total = 0
        for index, value in enumerate(inputs):
            nibble = packed[index // 8] >> (28 - 4 * (index % 8)) & 15
            total += value * (1 + 2 * (nibble & 7)) * (-1 if nibble & 8 else 1)
        assert total == expected


@given(columns=st.integers(1, 40), seed=SEEDS)
def test_a_kernel_on_trits_is_the_integer_product(columns: int, seed: int) -> None:
    """Times three, bit 17 says zero and bit 16 says minus: what the C export runs."""
    row = standard_formats()["ternary"]
    codes = drawn(row, 3, columns, seed)
    inputs = np.random.default_rng(seed).integers(-128, 128, size=columns).tolist()
    for packed, expected in zip(row.packing.pack(codes).tolist(), codes.astype(np.int64) @ inputs, strict=True):
        total = word = 0
        for index, value in enumerate(inputs):
            word = packed[index // 10] if index % 10 == 0 else word & 0xFFFF
            word *= 3
            total += 0 if word & 1 << 17 else -value if word & 1 << 16 else value
        assert total == expected


@pytest.mark.parametrize("row", CHOOSY, ids=lambda row: row.name)
def test_a_code_outside_the_format_is_refused_with_its_value(row: Format) -> None:
    codes = np.full((1, 3), book_of(row).padding, dtype=row.carrier)
    codes[0, 1] = np.iinfo(row.carrier).max
    with pytest.raises(FormatError, match=r"1 of 3 codes .* such as (127|255|32767); allowed: "):
        row.packing.pack(codes)


@pytest.mark.parametrize(("name", "code"), [("2bitsym", 0), ("fp130", 3), ("binary", 0), ("int4", -9), ("4bit", 8)])
def test_a_code_between_or_just_beyond_the_levels_is_refused(name: str, code: int) -> None:
    with pytest.raises(FormatError, match=f"such as {code}; allowed"):
        words_of(name, [code])


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, np.bool_])
def test_codes_of_another_dtype_are_refused_rather_than_cast(dtype: type) -> None:
    with pytest.raises(FormatError, match="packs int8; encode values") as caught:
        standard_formats()["4bit"].packing.pack(np.ones((1, 8), dtype=dtype))
    assert caught.value.codes == ("E04",)


@pytest.mark.parametrize("row", list(standard_formats()), ids=lambda row: row.name)
def test_wrong_lengths_dtypes_and_axes_are_refused(row: Format) -> None:
    word = np.dtype(row.packing.word)
    with pytest.raises(FormatError, match="40 codes a row are packed as"):
        row.packing.unpack(np.zeros((2, 1), dtype=word), 40)
    with pytest.raises(FormatError, match="40 codes a row are packed as"):
        row.packing.unpack(np.zeros(row.packing.words(40), dtype=word), 40)
    with pytest.raises(FormatError, match="is packed as"):
        row.packing.unpack(np.zeros((2, row.packing.words(40)), dtype=np.complex64), 40)
    with pytest.raises(FormatError, match="lengths are 0 or more"):
        row.packing.unpack(np.zeros((2, 0), dtype=word), -1)


def test_codes_that_are_not_rows_are_refused() -> None:
    with pytest.raises(FormatError, match=r"shape \(8,\).*reshape"):
        standard_formats()["int4"].packing.pack(np.zeros(8, dtype=np.int8))


def test_a_word_that_no_digits_add_up_to_is_refused() -> None:
    with pytest.raises(FormatError, match=f"such as 4294967295, are not below {23**7}"):
        standard_formats()["23level"].packing.unpack(np.array([[0xFFFFFFFF]], dtype=np.uint32), 7)


def test_what_is_packed_plainly_does_not_change_with_the_codes() -> None:
    codes = np.zeros((1, 4), dtype=np.int8)
    packed = standard_formats()["int8"].packing.pack(codes)
    codes[:] = 1
    assert not packed.any()


def test_non_contiguous_codes_and_words_are_packed_by_value() -> None:
    packing = standard_formats()["4bit"].packing
    codes = np.arange(-8, 8, dtype=np.int8).reshape(2, 8)
    assert np.array_equal(packing.pack(codes[:, ::-1]), packing.pack(codes[:, ::-1].copy()))
    words = np.repeat(packing.pack(np.tile(codes, 2)), 2, axis=1)[:, ::2]
    assert np.array_equal(packing.unpack(words, 16), np.tile(codes, 2))


@pytest.mark.parametrize(("codes", "per_word", "word"), [((-1, 1), 10, "uint16"), ((1, -1, 0), 11, "uint16")])
def test_trits_that_are_no_trits_or_do_not_fit_are_refused(codes: tuple[int, ...], per_word: int, word: str) -> None:
    with pytest.raises(FormatError, match="there must be 3 codes, and the digits must fit"):
        TritPacking(CodeBook("wrong", codes, "int8", 1), per_word, word)
