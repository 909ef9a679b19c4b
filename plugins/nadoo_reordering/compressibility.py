"""How small a tensor of codes becomes: its entropy, and a canonical Huffman code with its table, of codes or deltas."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from nadoo_core.formulas.entropy import entropy_of_counts
from nadoo_reordering.deltas import Codes, modular_deltas
from nadoo_reordering.huffman import HuffmanCode

FLAG_BITS = 2
"""Which of codes, deltas along rows and deltas along columns was coded."""


@frozen(eq=False)
class Coding:
    """One way to code a tensor, and what it comes to."""

    kind: str
    entropy: float
    bits: int


@frozen(eq=False)
class Compressibility:
    """The codes of a tensor: what each coding comes to, flag and table counted."""

    numbers: int
    levels: int
    codings: tuple[Coding, ...]

    @property
    def best(self) -> Coding:
        """The smallest coding; of equals the first."""
        return min(self.codings, key=lambda coding: coding.bits)

    def row(self) -> dict[str, Any]:
        """The numbers for a report."""
        entropies = {f"entropy_{coding.kind}": coding.entropy for coding in self.codings}
        bits = {"coding": self.best.kind, "coded_bits": self.best.bits}
        return {**entropies, **bits, "bits_a_weight": self.best.bits / max(self.numbers, 1)}


def compressibility(codes: Codes, levels: int) -> Compressibility:
    """What the codes of a weight [outputs, columns] come to, as they are and as deltas along rows and columns.

    Law: every coding can be undone; a reordering changes only those of deltas.
    """
    streams = {
        "codes": codes,
        "row_deltas": modular_deltas(codes, levels, 1),
        "column_deltas": modular_deltas(codes, levels, 0),
    }
    return Compressibility(codes.size, levels, tuple(coded(kind, part, levels) for kind, part in streams.items()))


def coded(kind: str, symbols: NDArray[np.int64], levels: int) -> Coding:
    """One coding of a stream of symbols."""
    code = HuffmanCode.of(symbols, levels)
    counts = np.bincount(symbols.reshape(-1), minlength=levels)
    entropy = entropy_of_counts(counts) if symbols.size else 0.0
    return Coding(kind, entropy, code.payload_bits(symbols) + code.table_bits + FLAG_BITS)


def total_bits(parts: Sequence[Compressibility]) -> int:
    """What several tensors come to."""
    return sum(part.best.bits for part in parts)
