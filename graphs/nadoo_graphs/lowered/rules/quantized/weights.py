"""Weights in flash as their format packs them, and how a kernel reads their integers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.digits import DigitPacking, TritPacking
from nadoo_graphs.formats.packing import PlainPacking, StreamPacking, WordPacking
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, i32, i64
from nadoo_graphs.lowered.rules.nests import scaled
from nadoo_graphs.lowered.rules.quantized.scales import has, step
from nadoo_graphs.lowered.types import OF_DTYPES, Kind, kind_of_range

if TYPE_CHECKING:
    from nadoo_graphs.formats import Format

Array = np.ndarray[Any, Any]
Use = Callable[[Expression, Expression], None]


@frozen(eq=False)
class Weights:
    """The encoded weight of a layer: its integers [rows, columns], and where they lie packed."""

    call: LoweringCall
    form: "Format"
    integers: Array
    words: int
    place: Place
    levels: Place | None
    powers: Place | None

    @property
    def columns(self) -> int:
        """The weights of a row."""
        return int(self.integers.shape[1])

    @property
    def packing(self) -> Any:
        """How codes lie in words."""
        return self.form.packing

    def at(self, row: Expression, column: Expression) -> Expression:
        """The integer of one weight, wherever it lies."""
        packing = self.packing
        if isinstance(packing, PlainPacking):
            return self.place.at(scaled(row, self.columns) + column)
        if isinstance(packing, WordPacking):
            word = self.place.at(scaled(row, self.words) + column // packing.per_word)
            width = packing.book.bits
            shift = (i32(32 - width) - column % packing.per_word * width).to(Kind.U32)
            return self.level(((word >> shift) & ((1 << width) - 1)).to(Kind.I32))
        return self.digit(row, column)

    def digit(self, row: Expression, column: Expression) -> Expression:
        """The integer of a weight in a layout that straddles words or counts in another base."""
        packing = self.packing
        if isinstance(packing, StreamPacking):
            return self.level(self.window(row, column, packing.book.bits))
        place = column % packing.per_word
        word = self.place.at(scaled(row, self.words) + column // packing.per_word).to(Kind.U32)
        if isinstance(packing, DigitPacking):
            return self.level(((word // self.power(place)) % packing.base).to(Kind.I32))
        if packing.word_bits == 16:
            return self.level((((word * self.power(place)) >> 16) % 3).to(Kind.I32))
        return self.level(self.overflow(word, place))

    def power(self, place: Expression) -> Expression:
        """A power of the base."""
        return self.place.at(place) if self.powers is None else self.powers.at(place)

    def overflow(self, word: Expression, place: Expression) -> Expression:
        """The trit that comes out when a fraction of 32 bits is multiplied by 3 so often."""
        body = self.call.body
        rest = body.let("rest", word.to(Kind.I64))
        digit = body.let("digit", i64(0))
        with body.loop("turn", place + 1):
            body.assign(rest, rest * 3)
            body.assign(digit, rest >> 32)
            body.assign(rest, rest & 0xFFFFFFFF)
        return digit.to(Kind.I32).clamped(0, 2)

    def window(self, row: Expression, column: Expression, width: int) -> Expression:
        """The bits of a code in a stream of bytes; the byte behind the last is never needed."""
        body = self.call.body
        bit = body.let("bit", column * width)
        byte = scaled(row, self.words) + bit // 8
        after = (byte + 1).at_most(len(self.integers) * self.words - 1)
        pair = (self.place.at(byte) * 256 + self.place.at(after)).to(Kind.U32)
        shift = (i32(16 - width) - bit % 8).to(Kind.U32)
        return ((pair >> shift) & ((1 << width) - 1)).to(Kind.I32)

    def level(self, pattern: Expression) -> Expression:
        """The integer that a bit pattern stands for: by arithmetic where that is simple, else from a table."""
        if self.levels is not None:
            return self.levels.at(pattern)
        table = levels_of(self.form)
        first, half = int(table[0]), len(table) // 2
        if table == list(range(first, first + len(table))):
            return pattern + first if first else pattern
        if len(table) == 2:
            return pattern * (int(table[1]) - first) + first
        return (pattern ^ half) - half

    def each(self, body: Body, row: Expression, use: Use) -> None:
        """All weights of a row in their order."""
        packing = self.packing
        if isinstance(packing, WordPacking):
            self.by_word(body, row, use, packing)
        elif isinstance(packing, TritPacking):
            self.by_trits(body, row, use, packing)
        else:
            with body.loop("k", self.columns) as k:
                use(k, self.at(row, k))

    def by_word(self, body: Body, row: Expression, use: Use, packing: WordPacking) -> None:
        """Each word is read once, and its codes come out on top."""
        width, per_word = packing.book.bits, packing.per_word

        def lanes(index: Expression, count: int) -> None:
            bits = body.let("bits", self.place.at(scaled(row, self.words) + index))
            with body.loop("lane", count) as lane:
                use(scaled(index, per_word) + lane, self.level((bits >> (32 - width)).to(Kind.I32)))
                body.assign(bits, bits << width)

        in_words(body, self.columns, per_word, lanes)

    def by_trits(self, body: Body, row: Expression, use: Use, packing: TritPacking) -> None:
        """Each word is read once; times three, and the digit is what overflows."""
        bits = packing.word_bits
        kind = Kind.U32 if bits == 16 else Kind.I64

        def lanes(index: Expression, count: int) -> None:
            rest = body.let("rest", self.place.at(scaled(row, self.words) + index).to(kind))
            with body.loop("lane", count) as lane:
                body.assign(rest, rest * 3)
                use(scaled(index, packing.per_word) + lane, self.level((rest >> bits).to(Kind.I32)))
                body.assign(rest, rest & ((1 << bits) - 1))

        in_words(body, self.columns, packing.per_word, lanes)


def in_words(body: Body, columns: int, per_word: int, lanes: Callable[[Expression, int], None]) -> None:
    """Whole words in a loop, then what is left of the last."""
    whole, rest = divmod(columns, per_word)
    if whole == 1:
        lanes(i32(0), per_word)
    elif whole:
        with body.loop("word", whole) as word:
            lanes(word, per_word)
    if rest:
        lanes(i32(whole), rest)


def levels_of(form: "Format") -> list[int]:
    """The integer of each bit pattern."""
    book = getattr(form.packing, "book", None)
    if book is None:
        return []
    codes = torch.tensor(book.codes).to(form.dtype)
    return [int(value) for value in form.integers(codes)]


def real_levels(form: "Format") -> Array:
    """The real number of each bit pattern at scale 1."""
    codes = torch.tensor(form.packing.book.codes).to(form.dtype)  # type: ignore[attr-defined]
    return form.decode(codes, 1.0, None, torch.float32).numpy()


def is_simple(table: list[int]) -> bool:
    """Whether integers follow from patterns by arithmetic that costs no more than a table."""
    first, half = table[0], len(table) // 2
    twos_complement = [*range(half), *range(-half, 0)]
    return len(table) == 2 or table == list(range(first, first + len(table))) or table == twos_complement


def encoded(
    call: LoweringCall, *, real: bool = False, role: str = "weight", scale_role: str = "weight_scale"
) -> Weights:
    """The weight of a node in the layout of its kernel: a row for each output, channels last.

    `real` asks for the levels themselves where they are no multiples of a unit, as float layers have them.
    """
    name = str(call.attributes["weight_format"])
    form = call.views.graph.formats[name]
    call.require(form.kind != "float" and form.bits <= 16, f"has weights of format {name}, which no kernel reads")
    weight = call.tensor(role)
    if weight is None:
        raise call.refuse(f"has no {role}", Code.NAME)
    scale = step(call, scale_role) if has(call, scale_role) else torch.ones((), dtype=torch.float64)
    laid = scale if scale.ndim == 0 else scale.reshape(-1, *[1] * (weight.ndim - 1))
    codes = form.encode(weight, laid, where=call.where, allow_degenerate=True)
    matrix = codes.movedim(1, -1).reshape(codes.shape[0], -1) if codes.ndim > 2 else codes
    return laid_down(call, form, matrix.contiguous(), real=real and not form.decodes_integers, role=role)


def laid_down(call: LoweringCall, form: "Format", codes: torch.Tensor, *, real: bool, role: str) -> Weights:
    """Codes packed into flash, with the tables that reading them needs."""
    packed = form.pack(codes)
    integers = form.integers(codes).numpy().astype(np.int32)
    call.integers, call.format = integers, form.name
    place = call.flash(role, packed, OF_DTYPES[str(packed.dtype)], form.name)
    table, suffix = levels_of(form), role.removeprefix("weight")
    levels = call.flash(f"levels{suffix}", real_levels(form), Kind.F32) if real else None
    if levels is None and not isinstance(form.packing, PlainPacking) and not is_simple(table):
        levels = call.flash(f"levels{suffix}", np.array(table), kind_of_range(min(table), max(table)))
    return Weights(call, form, integers, packed.shape[1], place, levels, powers_of(call, form, suffix))


def powers_of(call: LoweringCall, form: "Format", suffix: str) -> Place | None:
    """The powers of the base of a layout that is no power of two."""
    packing, name = form.packing, f"powers{suffix}"
    if isinstance(packing, DigitPacking):
        return call.flash(name, np.array([packing.base**place for place in range(packing.per_word)]), Kind.U32)
    if isinstance(packing, TritPacking) and packing.word_bits == 16:
        return call.flash(name, np.array([3 ** (place + 1) for place in range(packing.per_word)]), Kind.U32)
    return None
