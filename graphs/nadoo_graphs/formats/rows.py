"""The rows of the standard table: every format that the library knows without a plugin, one line each."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import isfinite

import torch
from attrs import evolve

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.book import (
    CodeBook,
    centred,
    odd_integers,
    odd_steps,
    powers_of_two,
    signs,
    trits,
    twos_complement,
    unsigned,
)
from nadoo_graphs.formats.checks import refusal
from nadoo_graphs.formats.code_books import (
    NORMAL_FLOAT,
    NORMAL_FLOAT_ROUNDED,
    OddCodec,
    PowerCodec,
    PowerRounding,
    ShiftedCodec,
    SignCodec,
    TableCodec,
    TanhCodec,
)
from nadoo_graphs.formats.codecs import FloatCodec, IntegerCodec
from nadoo_graphs.formats.digits import DigitPacking, TritPacking
from nadoo_graphs.formats.format import Codec, Format, Kind
from nadoo_graphs.formats.joint import JOINT_LEVELS
from nadoo_graphs.formats.packing import Packing, PlainPacking, StreamPacking, WordPacking

NARROW_WIDTHS = range(2, 8)
CODED_WORDS = (8, 16)
STORED_WORDS = (32, 64)


def standard_rows() -> Iterator[Format]:
    """All rows: floating point, integers, then code books in the order of their widths."""
    yield from float_rows()
    yield from whole_word_rows()
    yield from narrow_rows()
    yield from code_book_rows()


def float_rows() -> Iterator[Format]:
    """The floating-point types that torch computes in."""
    yield floating("float64", "IEEE double precision", "fp64", "double")
    yield floating("float32", "IEEE single precision", "fp32")
    yield floating("float16", "IEEE half precision", "fp16", "half")
    yield floating("bfloat16", "single precision with a mantissa of 7 bits", "bf16")


def floating(name: str, summary: str, *aliases: str) -> Format:
    """A row whose codes are floating-point numbers; NumPy sees bfloat16 as bit patterns."""
    limits = torch.finfo(getattr(torch, name))
    return Format(
        name=name,
        aliases=aliases,
        summary=summary,
        kind=Kind.FLOAT,
        bits=Fraction(limits.bits),
        carrier=name,
        minimum=limits.min,
        maximum=limits.max,
        has_zero=True,
        packing=PlainPacking(name, "uint16" if name == "bfloat16" else name),
        codec=FloatCodec(name),
    )


def whole_word_rows() -> Iterator[Format]:
    """The integers that C has types for; 32 bits and more hold biases and indices, which nobody encodes."""
    for bits in CODED_WORDS:
        for name in (f"int{bits}", f"uint{bits}"):
            yield integer(name, bits, PlainPacking(name, name), name)
    for bits in STORED_WORDS:
        for name in (f"int{bits}", f"uint{bits}"):
            yield stored(name, f"plain integers of {bits} bits", *limits_of(name, bits), bits)
    yield stored("bool", "truth values, one byte each", 0, 1, 8)


def limits_of(name: str, bits: int) -> tuple[int, int]:
    """The smallest and the largest integer of a width."""
    if name.startswith("u"):
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def integer(name: str, bits: int, packing: Packing, carrier: str) -> Format:
    """A row of consecutive integers that real values can be encoded to."""
    minimum, maximum = limits_of(name, bits)
    signed = "unsigned" if minimum == 0 else "two's complement; weights without a zero point are symmetric"
    return Format(
        name=name,
        summary=f"integers of {bits} bits, {signed}",
        kind=Kind.INTEGER,
        bits=Fraction(bits),
        carrier=carrier,
        minimum=minimum,
        maximum=maximum,
        has_zero=True,
        packing=packing,
        codec=IntegerCodec(carrier, minimum, maximum),
    )


def stored(name: str, summary: str, minimum: int, maximum: int, bits: int) -> Format:
    """A row that is stored as it is."""
    return Format(
        name=name,
        summary=summary,
        kind=Kind.BOOLEAN if name == "bool" else Kind.INTEGER,
        bits=Fraction(bits),
        carrier=name,
        minimum=minimum,
        maximum=maximum,
        has_zero=True,
        packing=PlainPacking(name, name),
    )


def narrow_rows() -> Iterator[Format]:
    """Integers below a byte: words where the width divides 32, else a stream of bits."""
    yield integer("uint1", 1, WordPacking(unsigned("uint1", 1)), "uint8")
    for bits in NARROW_WIDTHS:
        for book in (twos_complement(f"int{bits}", bits), unsigned(f"uint{bits}", bits)):
            packing = WordPacking(book) if 32 % bits == 0 else StreamPacking(book)
            yield integer(book.name, bits, packing, book.carrier)


def code_book_rows() -> Iterator[Format]:
    """Formats whose levels are no plain integers."""
    yield coded(WordPacking, signs("int1"), SignCodec("int8", 1.0), "signs, -1 and +1")
    centred_signs = SignCodec("int8", 1.0, centred=True)
    yield coded(WordPacking, signs("binary"), centred_signs, "signs around the mean of the weights", "BinaryBalanced")
    yield coded(WordPacking, signs("binarysym"), SignCodec("int8", 1.0), "signs around zero", "binary-sym")
    yield ternary("ternary", 10, "uint16")
    yield ternary("ternary20", 20, "uint32")
    yield odd("2bitsym", 2, "±½, ±1½, held as odd integers")
    yield odd("4bitsym", 4, "±½ to ±7½, held as odd integers")
    yield odd("5bitsym", 5, "±½ to ±15½, held as odd integers")
    yield from shifted_rows()
    yield from power_rows()
    yield from normal_rows()
    yield from level_rows()
    yield from tanh_rows()


def odd(name: str, bits: int, summary: str) -> Format:
    """Levels half a step off zero; the clip lies half a step beyond the last."""
    packing = WordPacking if 32 % bits == 0 else StreamPacking
    half = 1 << (bits - 1)
    return coded(packing, odd_integers(name, bits), OddCodec("int8", 2.0 * half, half), summary)


def shifted_rows() -> Iterator[Format]:
    """Two's complement that uses its most negative code, with and without the small offset of the original."""
    four, eight = ShiftedCodec("int8", 8.0, -8, 7), ShiftedCodec("int8", 128.0, -128, 127)
    yield coded(WordPacking, twos_complement("4bit", 4), four, "-8 to 7, two's complement; not int4")
    offset = ShiftedCodec("int8", 8.0, -8, 7, 0.01)
    summary = "-8 to 7 and an offset of 0.01 that kernels drop"
    yield evolve(coded(WordPacking, twos_complement("4bitoffset", 4), offset, summary), multiplies_codes=True)
    yield coded(WordPacking, twos_complement("8bit", 8), eight, "-128 to 127, two's complement in words; not int8")


def power_rows() -> Iterator[Format]:
    """Signed powers of two in three roundings; the plain name is the one that loses least."""
    for name, rounding in (
        ("fp130", PowerRounding.NEAREST),
        ("fp130log", PowerRounding.LOG),
        ("fp130floor", PowerRounding.FLOOR),
    ):
        aliases = ("FP1.3.0",) if name == "fp130" else ()
        summary = f"signed powers of two, ±1 to ±128, rounded by {rounding}"
        yield coded(WordPacking, powers_of_two(name), PowerCodec("int16", 128.0, rounding), summary, *aliases)


def normal_rows() -> Iterator[Format]:
    """The sixteen levels of a normal distribution: the official table, and the one of four digits."""
    summary = "indices of the 16 levels of a normal distribution"
    yield level_table("nf4", NORMAL_FLOAT, summary, "normalfloat4")
    yield level_table("nf4bitnetmcu", NORMAL_FLOAT_ROUNDED, f"{summary}, rounded to four digits")


def level_table(name: str, levels: Sequence[float], summary: str, *aliases: str) -> Format:
    """A format of any ascending levels, whose codes are their indices: how a plugin makes one of its own."""
    table = tuple(float(level) for level in levels)
    if not all(map(isfinite, table)) or any(after <= before for before, after in pairwise(table)):
        message = f"the levels are {list(table)}; give finite numbers, each above the one before"
        raise refusal(Code.DATA, f"format {name!r}", message)
    nearest = min(range(len(table)), key=lambda index: abs(table[index]), default=0)
    book = CodeBook(name, tuple(range(len(table))), "uint8", nearest, has_zero=0.0 in table)
    packing = StreamPacking if 32 % book.bits else WordPacking
    return coded(packing, book, TableCodec("uint8", max(map(abs, table)), table), summary, *aliases)


def level_rows() -> Iterator[Format]:
    """Odd numbers of levels, whose products with their partners fit in a signed byte; unsigned for activations."""
    for levels in JOINT_LEVELS:
        half = levels // 2
        summary = f"{-half} to {half}, a product with a partner's level fits in a byte"
        codec = IntegerCodec("int8", -half, half)
        aliases = ("23-level",) if levels == 23 else ()
        yield coded(DigitPacking, centred(f"{levels}level", levels), codec, summary, *aliases)
        book = CodeBook(f"u{levels}level", tuple(range(levels)), "uint8", 0)
        codec = IntegerCodec("uint8", 0, levels - 1)
        yield coded(DigitPacking, book, codec, f"0 to {levels - 1}, for activations beside levels of weights")


def tanh_rows() -> Iterator[Format]:
    """DoReFa weights of 1 to 8 bits; at one bit they are signs."""
    yield coded(WordPacking, odd_steps("dorefa1", 1), SignCodec("int16", 1.0), "DoReFa weights of 1 bit: signs")
    for bits in range(2, 9):
        packing = WordPacking if 32 % bits == 0 else StreamPacking
        codec = TanhCodec("int16", float((1 << bits) - 1), bits)
        yield coded(packing, odd_steps(f"dorefa{bits}", bits), codec, f"DoReFa weights of {bits} bits, by tanh")


def ternary(name: str, per_word: int, word: str) -> Format:
    """Ternary weights at 1.6 bits; the wider word is for kernels that read 32 bits at a time."""
    book = trits(name)
    packing = TritPacking(book, per_word, word)
    codec = IntegerCodec(book.carrier, -1, 1)
    return row(book, packing, codec, Fraction(8, 5), f"-1, 0 and +1, {per_word} in a word of type {word}", ())


def coded(
    packing: type[WordPacking | StreamPacking | DigitPacking], book: CodeBook, codec: Codec, summary: str, *aliases: str
) -> Format:
    """A row of a code book; its width follows from the codes in a word."""
    layout = packing(book)
    bits = Fraction(book.bits) if isinstance(layout, StreamPacking) else Fraction(32, layout.per_word)
    return row(book, layout, codec, bits, summary, aliases)


def row(
    book: CodeBook, packing: Packing, codec: Codec, bits: Fraction, summary: str, aliases: tuple[str, ...]
) -> Format:
    """A row whose codes are those of a book."""
    return Format(
        name=book.name,
        aliases=aliases,
        summary=summary,
        kind=Kind.CODEBOOK,
        bits=bits,
        carrier=book.carrier,
        minimum=min(book.codes),
        maximum=max(book.codes),
        has_zero=book.has_zero,
        packing=packing,
        codec=codec,
    )
