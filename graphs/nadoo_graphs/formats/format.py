"""What a number format is: how its values are held, encoded, packed and differentiated.

Every format packs, because its layout in flash is a matter of bits. Turning real numbers into codes is a
separate part, the codec, which a format may lack: such a row can be stored and exported, and says so when
asked for more.
"""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Protocol

import torch
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.checks import (
    Array,
    Scale,
    ZeroPoint,
    refusal,
    require_finite,
    require_levels,
    rows_and_columns,
)
from nadoo_graphs.formats.packing import Packing, row_bytes

LARGEST_TABLE_ENTRY = 127
"""What the largest level of a table becomes in kernels, which multiply by signed bytes."""


class Kind(StrEnum):
    """What the codes of a format are, which decides the kernels that can use them."""

    FLOAT = "float"
    INTEGER = "integer"
    CODEBOOK = "codebook"
    BOOLEAN = "boolean"


class GradientRule(StrEnum):
    """What training sees of a rounding, whose true gradient is zero almost everywhere."""

    STRAIGHT_THROUGH = "straight-through"
    CLIPPED = "clipped"


class NonFinite(StrEnum):
    """What becomes of NaN and infinities: an error, or themselves where the format can hold them."""

    RAISE = "raise"
    PROPAGATE = "propagate"


class Codec(Protocol):
    """The half of a format that knows real numbers: real = (code - zero point) * scale."""

    def encode(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        nonfinite: NonFinite = NonFinite.RAISE,
        where: str = "values",
    ) -> torch.Tensor:
        """The codes nearest to the values, in the carrier's dtype; `where` names the tensor in messages."""
        ...

    def decode(
        self,
        codes: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """The real numbers that codes stand for."""
        ...

    def gradient(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        rule: GradientRule = GradientRule.STRAIGHT_THROUGH,
    ) -> torch.Tensor:
        """The factor by which a gradient with respect to the decoded values reaches the values."""
        ...

    def levels(self) -> Sequence[float] | None:
        """The real numbers at scale 1 without a zero point, ascending; None where they are floating point."""
        ...


@frozen(kw_only=True)
class Format:
    """One row of the table of number formats.

    `bits` is the width of a code in flash without the padding of rows, `minimum` and `maximum` bound the
    codes as the carrier holds them, and `has_zero` says whether a pruned weight stays zero. Kernels multiply by
    `integers` of the codes, which are the codes themselves where `multiplies_codes` says so or the levels are whole.
    """

    name: str
    summary: str
    kind: Kind
    bits: Fraction
    carrier: str
    minimum: float
    maximum: float
    has_zero: bool
    packing: Packing
    codec: Codec | None = None
    aliases: tuple[str, ...] = ()
    multiplies_codes: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The carrier as torch knows it."""
        return getattr(torch, self.carrier)

    @property
    def offers(self) -> tuple[str, ...]:
        """What can be asked of this row, for messages and for listings."""
        packing = ("pack", "unpack", "packed_bytes")
        return packing if self.codec is None else (*packing, "encode", "decode", "gradient", "levels")

    def encode(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        nonfinite: NonFinite = NonFinite.RAISE,
        where: str = "values",
        *,
        allow_degenerate: bool = False,
    ) -> torch.Tensor:
        """Real numbers as codes; all zeros in a format without a zero are refused unless they are allowed."""
        codec = self.codec_for("encode")
        if not (self.has_zero or allow_degenerate or getattr(codec, "keeps_zeros", False)):
            require_levels(values, self.name, where)
        return codec.encode(values, scale, zero_point, nonfinite, where)

    def decode(
        self,
        codes: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        dtype: torch.dtype | None = None,
    ) -> torch.Tensor:
        """Codes as real numbers."""
        self.require_carrier(codes)
        return self.codec_for("decode").decode(codes, scale, zero_point, dtype)

    def gradient(
        self,
        values: torch.Tensor,
        scale: Scale = 1.0,
        zero_point: ZeroPoint | None = None,
        rule: GradientRule = GradientRule.STRAIGHT_THROUGH,
    ) -> torch.Tensor:
        """The factor that the backward pass multiplies by."""
        return self.codec_for("gradient").gradient(values, scale, zero_point, rule)

    def levels(self) -> Sequence[float] | None:
        """The representable numbers at scale 1, or None where they are floating point."""
        return self.codec_for("levels").levels()

    @cached_property
    def unit(self) -> float:
        """How many kernel integers one scale is: real = integer * scale / unit."""
        if self.kind is Kind.INTEGER or self.multiplies_codes:
            return 1.0
        levels = self.levels()
        if levels is None:
            message = f"its levels are no finite list, so no kernel multiplies integers by it; it is {self.summary}"
            raise refusal(Code.UNKNOWN, self.name, f"{message}: use it for the weights of a float layer")
        if all(float(level).is_integer() for level in levels):
            return 1.0
        return LARGEST_TABLE_ENTRY / max(abs(level) for level in levels)

    def integers(self, codes: torch.Tensor) -> torch.Tensor:
        """The integers that kernels multiply with, in int32: the codes, or the rounded levels of a table."""
        self.require_carrier(codes)
        if self.multiplies_codes or self.kind is Kind.INTEGER:
            return codes.to(torch.int32)
        levels = self.codec_for("integers").decode(codes, 1.0, None, torch.float64)
        return (levels * self.unit).round().to(torch.int32)

    def integers_of(self, values: torch.Tensor, scale: Scale, where: str) -> torch.Tensor:
        """The kernel integers of real numbers, in their own dtype, which must hold them: what each training step needs.

        All zeros are let through, since a channel may die while training.
        """
        codec = self.codec_for("encode")
        fast = getattr(codec, "fast", None)
        if fast is None or not (self.multiplies_codes or self.unit == 1.0):
            return self.integers(codec.encode(values, scale, None, NonFinite.RAISE, where)).to(values.dtype)
        require_finite(values, where)
        found: torch.Tensor = fast(values, scale, values.dtype)
        return found

    @cached_property
    def largest_integer(self) -> int:
        """The largest magnitude that kernels multiply with, which bounds their accumulators."""
        if self.multiplies_codes or self.kind is Kind.INTEGER:
            return int(max(abs(self.minimum), abs(self.maximum)))
        levels = self.levels() or ()
        return round(max(abs(level) for level in levels) * self.unit)

    @property
    def passes_gradients(self) -> bool:
        """Whether a straight-through gradient passes unchanged, as it does unless a codec bends the numbers."""
        return bool(getattr(self.codec, "straight", False))

    @cached_property
    def decodes_integers(self) -> bool:
        """Whether what is decoded is what kernels multiply with times the scale, with nothing rounded between."""
        return self.kind is not Kind.FLOAT and self.unit == 1.0 and not self.multiplies_codes

    @cached_property
    def reach(self) -> float:
        """The clip in units of the scale: the magnitude at which a format saturates, as its definition counts it."""
        stated = getattr(self.codec, "reach", None)
        levels = self.levels()
        if stated is None and levels is None:
            return float(self.maximum)
        return float(stated or max(abs(levels[0]), abs(levels[-1])))  # type: ignore[index]

    def scale_of(self, clip: Scale) -> Scale:
        """The scale at which a clip lies at the end of the format."""
        return clip / self.reach

    def code_range(self, *, with_zero_point: bool) -> tuple[int, int]:
        """The codes of activations: all of them, but without a zero point signed integers are symmetric."""
        if self.kind is Kind.INTEGER and self.minimum < 0 and not with_zero_point:
            return -int(self.maximum), int(self.maximum)
        return int(self.minimum), int(self.maximum)

    def codec_for(self, request: str) -> Codec:
        """The codec, or a refusal that says what the row does offer."""
        if self.codec is None:
            message = f"{request!r} needs a codec, which this format lacks; it offers {', '.join(self.offers)}"
            raise refusal(Code.UNKNOWN, self.name, f"{message}: choose another format, or add a codec")
        return self.codec

    def pack(self, codes: torch.Tensor) -> Array:
        """Codes of any shape as rows of words; all axes but the first make up a row."""
        self.require_carrier(codes)
        matrix = codes.detach().cpu().reshape(rows_and_columns(codes.shape)).contiguous()
        return self.packing.pack(bits_of(matrix).numpy())

    def unpack(self, words: Array, shape: Sequence[int]) -> torch.Tensor:
        """The codes of a shape; the opposite of `pack`."""
        rows, columns = rows_and_columns(shape)
        if words.ndim != 2 or len(words) != rows:
            message = f"the packed data has shape {words.shape}; the shape {tuple(shape)} is packed as {rows} rows"
            raise refusal(Code.SHAPE, self.name, f"{message}: check the shape and the data")
        codes = torch.as_tensor(self.packing.unpack(words, columns))
        return codes.view(self.dtype).reshape(tuple(shape))

    def packed_bytes(self, shape: Sequence[int]) -> int:
        """The flash that a tensor of this shape takes, known without packing it."""
        rows, columns = rows_and_columns(shape)
        return rows * row_bytes(self.packing, columns)

    def require_carrier(self, codes: torch.Tensor) -> None:
        """Codes are what `encode` returns; real numbers or another integer dtype are a mistake."""
        if codes.dtype != self.dtype:
            message = f"the codes are {codes.dtype}, but this format holds them as torch.{self.carrier}"
            raise refusal(Code.DTYPE, self.name, f"{message}; encode real values first")


def bits_of(codes: torch.Tensor) -> torch.Tensor:
    """bfloat16 as its bit patterns, because NumPy has no such type."""
    return codes.view(torch.uint16) if codes.dtype == torch.bfloat16 else codes
