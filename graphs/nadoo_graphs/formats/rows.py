"""The rows of the standard table: every format that the library knows without a plugin, one line each."""

from collections.abc import Iterator
from fractions import Fraction

import torch

from nadoo_graphs.formats.book import (
    CodeBook,
    centred,
    odd_integers,
    powers_of_two,
    signs,
    trits,
    twos_complement,
    unsigned,
)
from nadoo_graphs.formats.codecs import FloatCodec, IntegerCodec
from nadoo_graphs.formats.digits import DigitPacking, TritPacking
from nadoo_graphs.formats.format import Format, Kind
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
    """Formats whose levels are no plain integers; their codecs come with the work on quantizers."""
    yield coded(WordPacking, signs("int1"), "signs, -1 and +1")
    yield coded(WordPacking, signs("binary"), "signs around the mean of the weights", "BinaryBalanced")
    yield coded(WordPacking, signs("binarysym"), "signs around zero", "binary-sym")
    yield ternary("ternary", 10, "uint16")
    yield ternary("ternary20", 20, "uint32")
    yield coded(WordPacking, odd_integers("2bitsym", 2), "±½, ±1½, held as odd integers")
    yield coded(WordPacking, odd_integers("4bitsym", 4), "±½ to ±7½, held as odd integers")
    yield coded(StreamPacking, odd_integers("5bitsym", 5), "±½ to ±15½, held as odd integers")
    yield coded(WordPacking, twos_complement("4bit", 4), "-8 to 7 with an offset, two's complement; not int4")
    yield coded(WordPacking, twos_complement("8bit", 8), "-128 to 127, two's complement in words; not int8")
    yield coded(WordPacking, powers_of_two("fp130"), "signed powers of two, ±1 to ±128", "FP1.3.0")
    yield coded(WordPacking, normal_float(), "indices of the 16 levels of a normal distribution", "normalfloat4")
    yield coded(DigitPacking, centred("23level", 23), "-11 to 11, seven in a word", "23-level")


def normal_float() -> CodeBook:
    """Indices of ascending levels, of which number 7 is zero."""
    return CodeBook("nf4", tuple(range(16)), "uint8", 7)


def ternary(name: str, per_word: int, word: str) -> Format:
    """Ternary weights at 1.6 bits; the wider word is for kernels that read 32 bits at a time."""
    book = trits(name)
    packing = TritPacking(book, per_word, word)
    return row(book, packing, Fraction(8, 5), f"-1, 0 and +1, {per_word} in a word of type {word}", ())


def coded(
    packing: type[WordPacking | StreamPacking | DigitPacking], book: CodeBook, summary: str, *aliases: str
) -> Format:
    """A row of a code book; its width follows from the codes in a word."""
    layout = packing(book)
    bits = Fraction(book.bits) if isinstance(layout, StreamPacking) else Fraction(32, layout.per_word)
    return row(book, layout, bits, summary, aliases)


def row(book: CodeBook, packing: Packing, bits: Fraction, summary: str, aliases: tuple[str, ...]) -> Format:
    """A row that packs codes and has no codec yet."""
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
    )
