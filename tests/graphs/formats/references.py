"""The packings written down a second time, one code after the other in plain Python, to compare with."""

from collections.abc import Sequence

from nadoo_graphs.formats import CodeBook


def bits_of_row(book: CodeBook, codes: Sequence[int]) -> str:
    """The patterns of a row as a string of 0 and 1, filled up to whole words of 32 bits."""
    text = "".join(format(book.codes.index(code), f"0{book.bits}b") for code in codes)
    filler = format(book.codes.index(book.padding), f"0{book.bits}b")
    length = -(-len(text) // 32) * 32
    return (text + filler * 32)[:length]


def stream_of_row(book: CodeBook, codes: Sequence[int]) -> list[int]:
    """The bytes of a row."""
    text = bits_of_row(book, codes)
    return [int(text[start : start + 8], 2) for start in range(0, len(text), 8)]


def words_of_row(book: CodeBook, codes: Sequence[int]) -> list[int]:
    """The words of a row."""
    text = bits_of_row(book, codes)
    return [int(text[start : start + 32], 2) for start in range(0, len(text), 32)]


def trit_words_of_row(codes: Sequence[int], per_word: int, word_bits: int) -> list[int]:
    """The words of a row of trits: the first trit on top, rounded up."""
    digit = {1: 0, -1: 1, 0: 2}
    padded = [*codes, *[0] * (-len(codes) % per_word)]
    words: list[int] = []
    for start in range(0, len(padded), per_word):
        number = sum(
            digit[code] * 3 ** (per_word - 1 - place) for place, code in enumerate(padded[start : start + per_word])
        )
        words.append(-(-(number << word_bits) // 3**per_word))
    return words


def level_words_of_row(codes: Sequence[int], levels: int, smallest: int) -> list[int]:
    """The words of a row of so many levels: as many digits as 32 bits hold, the first one the least."""
    count = max(digits for digits in range(1, 33) if levels**digits <= 2**32)
    padded = [*codes, *[0] * (-len(codes) % count)]
    groups = [padded[start : start + count] for start in range(0, len(padded), count)]
    return [sum((code - smallest) * levels**place for place, code in enumerate(group)) for group in groups]
