"""A row of the table: what it says about itself, and how tensors of any shape are packed by it."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.errors import FormatError
from nadoo_graphs.formats import Format, Kind, PlainPacking, standard_formats

ROWS = list(standard_formats())
CODED = [row for row in ROWS if row.codec is not None]
PACKED_ONLY = [row for row in ROWS if row.codec is None]
SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
PLAIN = [row for row in ROWS if isinstance(row.packing, PlainPacking) and row.kind is not Kind.BOOLEAN]


def some_codes(row: Format, shape: tuple[int, ...]) -> torch.Tensor:
    """Codes that every format has: its largest and its smallest, taking turns."""
    if row.kind is Kind.FLOAT:
        return torch.from_numpy(np.resize([1.5, -2.0], shape)).to(row.dtype)
    return torch.from_numpy(np.resize(np.array([row.maximum, row.minimum], dtype=row.carrier), shape))


@pytest.mark.parametrize(
    ("name", "bits", "minimum", "maximum", "has_zero", "carrier"),
    [
        ("int8", 8, -128, 127, True, "int8"),
        ("int4", 4, -8, 7, True, "int8"),
        ("uint4", 4, 0, 15, True, "uint8"),
        ("uint1", 1, 0, 1, True, "uint8"),
        ("int16", 16, -32768, 32767, True, "int16"),
        ("bool", 8, 0, 1, True, "bool"),
        ("binary", 1, -1, 1, False, "int8"),
        ("ternary", Fraction(8, 5), -1, 1, True, "int8"),
        ("ternary20", Fraction(8, 5), -1, 1, True, "int8"),
        ("2bitsym", 2, -3, 3, False, "int8"),
        ("4bitsym", 4, -15, 15, False, "int8"),
        ("5bitsym", 5, -31, 31, False, "int8"),
        ("4bit", 4, -8, 7, True, "int8"),
        ("8bit", 8, -128, 127, True, "int8"),
        ("fp130", 4, -128, 128, False, "int16"),
        ("nf4", 4, 0, 15, True, "uint8"),
        ("23level", Fraction(32, 7), -11, 11, True, "int8"),
        ("float16", 16, -65504, 65504, True, "float16"),
    ],
)
def test_a_row_says_what_it_is(
    name: str, bits: int | Fraction, minimum: float, maximum: float, has_zero: bool, carrier: str
) -> None:
    row = standard_formats()[name]
    assert (row.bits, row.minimum, row.maximum, row.has_zero) == (bits, minimum, maximum, has_zero)
    assert row.carrier == carrier
    assert row.dtype == getattr(torch, carrier)


@pytest.mark.parametrize("row", PACKED_ONLY, ids=lambda row: row.name)
def test_a_row_without_a_codec_says_what_it_offers(row: Format) -> None:
    codes = some_codes(row, (2,))
    requests = {
        "encode": lambda: row.encode(torch.ones(2)),
        "decode": lambda: row.decode(codes),
        "gradient": lambda: row.gradient(torch.ones(2)),
        "levels": row.levels,
    }
    for request, ask in requests.items():
        with pytest.raises(
            FormatError, match=f"'{request}' needs a codec.* offers pack, unpack, packed_bytes:"
        ) as caught:
            ask()
        assert caught.value.codes == ("E07",)
    assert row.offers == ("pack", "unpack", "packed_bytes")


def slope(row: Format, largest: float) -> torch.Tensor:
    """What a gradient is multiplied by at the largest level: DoReFa goes through tanh over its largest magnitude."""
    if not row.name.startswith("dorefa") or row.bits == 1:
        return torch.ones(2)
    squeezed = math.tanh(largest)
    return torch.full((2,), (1 - squeezed**2) / squeezed)


@pytest.mark.parametrize("row", CODED, ids=lambda row: row.name)
def test_a_row_with_a_codec_offers_everything(row: Format) -> None:
    assert row.offers == ("pack", "unpack", "packed_bytes", "encode", "decode", "gradient", "levels")
    largest = float(max(row.levels() or (1.0,)))
    decoded = row.decode(row.encode(torch.tensor([largest, largest]), row.scale_of(row.reach)))
    assert torch.equal(decoded, torch.full((2,), largest))
    assert torch.allclose(row.gradient(torch.full((2,), largest)), slope(row, largest), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@settings(max_examples=40)
@given(shape=SHAPES)
def test_tensors_of_any_shape_are_packed_and_unpacked(row: Format, shape: tuple[int, ...]) -> None:
    """unpack(pack(codes), shape) = codes in dtype and value; the bytes are those promised."""
    codes = some_codes(row, shape)
    packed = row.pack(codes)
    assert packed.nbytes == row.packed_bytes(shape)
    unpacked = row.unpack(packed, shape)
    assert unpacked.dtype == codes.dtype
    assert torch.equal(unpacked, codes)


@pytest.mark.parametrize("row", PLAIN, ids=lambda row: row.name)
def test_whole_words_are_stored_without_padding(row: Format) -> None:
    assert row.packed_bytes((3, 5)) == 15 * row.bits / 8


def test_a_bfloat16_is_stored_as_its_bit_pattern() -> None:
    packed = standard_formats()["bfloat16"].pack(torch.tensor([1.0, -2.0], dtype=torch.bfloat16))
    assert packed.tolist() == [[0x3F80, 0xC000]]


@pytest.mark.parametrize(
    ("name", "layers", "total"),
    [
        ("4bitsym", [(64, 256), (64, 64), (64, 64), (10, 64)], 12608),
        ("2bitsym", [(112, 256), (96, 112), (96, 96), (10, 96)], 12400),
        ("8bit", [(40, 256), (32, 40), (32, 32), (10, 32)], 12864),
        ("ternary", [(128, 256), (128, 128), (112, 128), (10, 112)], 13136),
        ("binary", [(176, 256), (160, 176), (160, 160), (10, 160)], 12872),
    ],
)
def test_the_networks_of_12_kilobytes(name: str, layers: list[tuple[int, int]], total: int) -> None:
    assert sum(standard_formats()[name].packed_bytes(shape) for shape in layers) == total


def test_packing_detaches_and_copies() -> None:
    weights = torch.ones(1, 4, requires_grad=True)
    packed = standard_formats()["float32"].pack(weights)
    with torch.no_grad():
        weights.fill_(2)
    assert packed.tolist() == [[1.0, 1.0, 1.0, 1.0]]


def test_codes_in_another_dtype_are_refused() -> None:
    row = standard_formats()["int4"]
    with pytest.raises(FormatError, match=r"torch\.float32, but this format holds them as torch\.int8"):
        row.pack(torch.ones(2, 2))
    with pytest.raises(FormatError, match=r"torch\.int64, but this format holds them as torch\.int8"):
        row.decode(torch.ones(2, 2, dtype=torch.int64))


@pytest.mark.parametrize("words", [np.zeros((3, 1), np.uint32), np.zeros(2, np.uint32), np.zeros((), np.uint32)])
def test_packed_data_of_another_number_of_rows_is_refused(words: np.ndarray) -> None:
    with pytest.raises(FormatError, match=r"the shape \(2, 8\) is packed as 2 rows"):
        standard_formats()["int4"].unpack(words, (2, 8))


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(FormatError, match=r"\(2, -8\) has a negative size"):
        standard_formats()["int4"].packed_bytes((2, -8))
