"""Symbolic sizes: arithmetic against plain integers, one canonical form, text that reads back, refusals."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given, strategies

from nadoo_graphs.errors import GraphError
from nadoo_graphs.size_reader import MOST_CHARACTERS, MOST_NESTING
from nadoo_graphs.sizes import (
    LARGEST,
    MOST_TERMS,
    Size,
    Symbolic,
    as_size,
    bind,
    parse_size,
    size_product,
    substitute,
    symbol,
    symbols_of,
)

N, M = symbol("N"), symbol("M")
values = strategies.fixed_dictionaries({name: strategies.integers(1, 50) for name in ("N", "M", "K")})
leaves = strategies.one_of(strategies.integers(-9, 9), strategies.sampled_from([N, M, symbol("K")]))


def combined(inner: strategies.SearchStrategy[Size]) -> strategies.SearchStrategy[Size]:
    return strategies.one_of(
        strategies.builds(lambda one, two: one + two, inner, inner),
        strategies.builds(lambda one, two: one - two, inner, inner),
        strategies.builds(lambda one, two: one * two, inner, inner),
        strategies.builds(lambda one, two: one // two, inner, strategies.integers(1, 7)),
        strategies.builds(lambda one, two: one // two, inner, strategies.sampled_from([N, M + 1, 2 * M])),
    )


sizes = strategies.recursive(leaves, combined, max_leaves=6)


@given(sizes, sizes, values)
def test_arithmetic_is_that_of_integers(left: Size, right: Size, bound: dict[str, int]) -> None:
    """bind(a ∘ b) = bind(a) ∘ bind(b) for +, -, * and negation."""
    one, two = bind(left, bound), bind(right, bound)
    assert bind(left + right, bound) == one + two
    assert bind(left - right, bound) == one - two
    assert bind(left * right, bound) == one * two
    assert bind(-left, bound) == -one


@given(sizes, strategies.integers(-8, 8), values)
def test_floor_division_is_that_of_integers(size: Size, divisor: int, bound: dict[str, int]) -> None:
    """bind(a // d) = bind(a) // d, and a = (a // d) * d + a % d."""
    assume(divisor)
    assert bind(size // divisor, bound) == bind(size, bound) // divisor
    assert bind(size % divisor, bound) == bind(size, bound) % divisor
    assert (size // divisor) * divisor + size % divisor == size


@given(sizes, sizes, values)
def test_division_by_a_symbolic_size_is_that_of_integers(left: Size, right: Size, bound: dict[str, int]) -> None:
    """bind(a // b) = bind(a) // bind(b) wherever b is not zero."""
    assume(right != 0)
    quotient = left // right
    assume(bind(right, bound) != 0 and all_defined(quotient, bound))
    assert bind(quotient, bound) == bind(left, bound) // bind(right, bound)


def all_defined(size: Size, bound: dict[str, int]) -> bool:
    try:
        bind(size, bound)
    except GraphError:
        return False
    return True


@given(sizes)
def test_text_reads_back(size: Size) -> None:
    """parse(str(a)) = a."""
    assert parse_size(str(size)) == size
    assert str(parse_size(str(size))) == str(size)


@given(sizes, sizes, sizes)
def test_polynomials_have_one_form(first: Size, second: Size, third: Size) -> None:
    """Sums and products are associative, commutative and distributive, and equal sizes hash equally."""
    for one, two in [
        (first + second, second + first),
        (first * second, second * first),
        ((first + second) + third, first + (second + third)),
        ((first * second) * third, first * (second * third)),
        (first * (second + third), first * second + first * third),
        (first - first, 0),
    ]:
        assert one == two
        assert hash(one) == hash(two)


@given(strategies.integers(1, 6), strategies.integers(1, 6), strategies.integers(-5, 5), strategies.integers(-5, 5))
def test_two_strides_in_a_row_read_as_one(first: int, second: int, shift: int, more: int) -> None:
    """⌊(⌊(N + c)/a⌋ + d) / b⌋ = ⌊(N + c + d·a) / (a·b)⌋, in form and not only in value."""
    assert ((N + shift) // first + more) // second == (N + shift + more * first) // (first * second)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (N, "N"),
        (4 * N + 1, "4*N + 1"),
        (N * M * 3 - N, "3*M*N - N"),
        (N // 2, "N//2"),
        ((N - 1) // 2 + 1, "(N + 1)//2"),
        ((N + 4 - 3) // 2 + 1, "(N + 1)//2 + 1"),
        ((4 * N + 6) // 2, "2*N + 3"),
        ((2 * N + 3) // 4, "(N + 1)//2"),
        ((6 * N + 3) // 9, "(2*N + 1)//3"),
        (N // 2 * 3, "3*(N//2)"),
        (N // 2 * M, "M*(N//2)"),
        (-(N // 2), "-N//2"),
        (N // M, "N//M"),
        (5 // N, "5//N"),
        (N // (M + 1), "N//(M + 1)"),
        (N * N, "N*N"),
        ((2 * N + 2) // (N + 1), "2"),
        (N * M // N, "M"),
        (N - N + 7, "7"),
    ],
)
def test_a_size_prints_as_a_person_would_write_it(size: Size, text: str) -> None:
    assert str(size) == text


def test_a_constant_result_is_an_integer_again() -> None:
    for size in (N - N, N * 0, (3 * N) // N, (N + 5) - N):
        assert isinstance(size, int)


def test_integers_take_part_from_the_left() -> None:
    assert str(1 + N) == "N + 1"
    assert 1 - N == -(N - 1)
    assert 2 * N == N * 2
    assert bind(9 // N, {"N": 2}) == 4


def test_a_size_is_never_equal_to_a_number_or_text() -> None:
    assert N != 1
    assert N != "N"
    assert symbol("N") == N
    assert repr(N + 1) == "Size('N + 1')"


def test_symbols_are_found_inside_floor_divisions() -> None:
    assert symbols_of((N + M) // symbol("K") + 3) == ("K", "M", "N")
    assert symbols_of(7) == ()


def test_an_unbound_symbol_is_named() -> None:
    with pytest.raises(GraphError, match=r"E10 size M \+ N: symbol 'N' has no value"):
        bind(N + M, {"M": 1})


def test_a_divisor_that_becomes_zero_is_named() -> None:
    with pytest.raises(GraphError, match=r"size N//\(M - 1\).*divisor is 0"):
        bind(N // (M - 1), {"N": 4, "M": 1})


@pytest.mark.parametrize("divide", [lambda: N // 0, lambda: N // (M - M), lambda: parse_size("N//0")])
def test_division_by_zero_is_refused(divide: Callable[[], Size]) -> None:
    with pytest.raises(GraphError, match="divided by zero"):
        divide()


@given(sizes, values)
def test_substitution_by_numbers_is_binding(size: Size, bound: dict[str, int]) -> None:
    """substitute(a, numbers) = bind(a, numbers)."""
    assume(all_defined(size, bound))
    assert substitute(size, dict(bound)) == bind(size, bound)


@given(sizes)
def test_substitution_by_other_symbols_can_be_undone(size: Size) -> None:
    """Renaming symbols there and back changes nothing."""
    names = {"N": "batch", "M": "time", "K": "width"}
    there = substitute(size, {old: symbol(new) for old, new in names.items()})
    back = substitute(there, {new: symbol(old) for old, new in names.items()})
    assert back == size


def test_the_number_of_elements_is_the_product() -> None:
    assert size_product((N, 4, 4)) == 16 * N
    assert size_product(()) == 1


def test_users_write_sizes_as_numbers_symbols_or_text() -> None:
    assert as_size(4) == 4
    assert as_size("N") == N
    assert as_size(N) is N
    assert as_size("2*N + 1") == 2 * N + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found 'the end'"),
        ("   ", "found 'the end'"),
        ("N +", "found 'the end'"),
        ("N N", "expected an operator or the end"),
        ("(N", "expected '\\)'"),
        ("N)", "expected an operator or the end"),
        ("--N", "found '-'"),
        ("N ** 2", "found '\\*'"),
        ("N / 2", "'/' is neither"),
        ("N % 2", "'%' is neither"),
        ("N.shape", "'.' is neither"),
        ("1.5", "'.' is neither"),
        ("2N", "expected an operator or the end"),
        ("f(N)", "expected an operator or the end"),
        ("__import__('os')", "is neither"),
        ("٣", "'٣' is neither"),
        ("N\x00", "is neither"),
        (str(LARGEST + 1), "does not fit in 64 bits"),
        ("9" * 100, "does not fit in 64 bits"),
        ("N*" + str(LARGEST) + "*" + str(LARGEST), "does not fit in 64 bits"),
        ("(" * (MOST_NESTING + 2) + "N" + ")" * (MOST_NESTING + 2), "nest deeper"),
        ("(" * 10_000, "characters"),
        ("N+" * MOST_CHARACTERS + "N", "characters"),
        ("*".join(f"(a{index}+b{index})" for index in range(100)), f"at most {MOST_TERMS}"),
    ],
)
def test_text_that_is_no_size_is_refused(text: str, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        parse_size(text)


@given(strategies.text(alphabet="NM0129+-*/() ._", max_size=30))
def test_any_text_is_a_size_or_refused_with_a_graph_error(text: str) -> None:
    try:
        size = parse_size(text)
    except GraphError:
        return
    assert parse_size(str(size)) == size


def test_nesting_within_the_limit_is_read() -> None:
    assert parse_size("(" * MOST_NESTING + "N" + ")" * MOST_NESTING) == N
    assert parse_size(str(LARGEST)) == LARGEST


@pytest.mark.parametrize("name", ["", "1N", "N//2", "a b", "N-1", "ü"])
def test_a_symbol_is_an_identifier(name: str) -> None:
    with pytest.raises(GraphError, match="is no symbol"):
        symbol(name)


def test_sizes_are_values() -> None:
    assert len({N, symbol("N"), N + 1, 1 + N}) == 2
    assert isinstance(N, Symbolic)
