"""What a number format is: how its values are held, encoded, packed and differentiated.

Every format packs, because its layout in flash is a matter of bits. Turning real numbers into codes is a
separate part, the codec, which a format may lack: such a row can be stored and exported, and says so when
asked for more.
"""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Protocol

import torch
from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.checks import Array, Scale, ZeroPoint, refusal, rows_and_columns
from nadoo_graphs.formats.packing import Packing, row_bytes


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
    codes as the carrier holds them, and `has_zero` says whether a pruned weight stays zero.
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
    ) -> torch.Tensor:
        """Real numbers as codes."""
        return self.codec_for("encode").encode(values, scale, zero_point, nonfinite, where)

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
