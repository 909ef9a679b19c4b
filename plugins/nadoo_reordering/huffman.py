"""Canonical Huffman codes: how long, and the bits themselves, so that what is counted is also shown to work."""

import heapq
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

SHORT_BITS, LONG_BITS = 4, 8
LONGEST_SHORT = 15


@frozen(eq=False)
class HuffmanCode:
    """The length of each symbol's code; the codes follow from the lengths, which is all that a table holds."""

    lengths: Mapping[int, int]
    levels: int

    @classmethod
    def of(cls, symbols: NDArray[np.int64], levels: int) -> "HuffmanCode":
        """The best code for the symbols that there are.

        Law: H ≤ mean length < H + 1; the lengths fulfil Kraft's equality; one symbol alone has one bit.
        """
        counts = np.bincount(symbols.reshape(-1), minlength=levels)
        return cls(code_lengths({int(symbol): int(counts[symbol]) for symbol in np.flatnonzero(counts)}), levels)

    @property
    def table_bits(self) -> int:
        """The lengths of all levels, four bits each, or eight where one is longer than fifteen."""
        longest = max(self.lengths.values(), default=0)
        return self.levels * (SHORT_BITS if longest <= LONGEST_SHORT else LONG_BITS)

    def payload_bits(self, symbols: NDArray[np.int64]) -> int:
        """The bits of all symbols."""
        counts = np.bincount(symbols.reshape(-1), minlength=self.levels)
        return sum(int(counts[symbol]) * length for symbol, length in self.lengths.items())

    def codes(self) -> dict[int, str]:
        """The canonical codes: shorter first, and of equal length in the order of symbols."""
        found: dict[int, str] = {}
        code, before = 0, 0
        for symbol, length in sorted(self.lengths.items(), key=lambda item: (item[1], item[0])):
            code <<= length - before
            found[symbol] = format(code, f"0{length}b")
            code, before = code + 1, length
        return found

    def encode(self, symbols: Sequence[int]) -> str:
        """The symbols as a text of bits."""
        codes = self.codes()
        return "".join(codes[symbol] for symbol in symbols)

    def decode(self, bits: str) -> list[int]:
        """The symbols of a text of bits."""
        known = {code: symbol for symbol, code in self.codes().items()}
        found: list[int] = []
        start = 0
        for end in range(1, len(bits) + 1):
            if bits[start:end] in known:
                found.append(known[bits[start:end]])
                start = end
        return found


def code_lengths(counts: Mapping[int, int]) -> dict[int, int]:
    """Huffman's lengths: the two rarest become one, again and again; ties go by symbol, so that they repeat."""
    if len(counts) <= 1:
        return dict.fromkeys(counts, 1)
    heap: list[tuple[int, int, tuple[int, ...]]] = [
        (count, symbol, (symbol,)) for symbol, count in sorted(counts.items())
    ]
    heapq.heapify(heap)
    lengths = dict.fromkeys(counts, 0)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        members = (*first[2], *second[2])
        for symbol in members:
            lengths[symbol] += 1
        heapq.heappush(heap, (first[0] + second[0], min(first[1], second[1]), members))
    return lengths
