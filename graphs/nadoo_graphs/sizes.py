"""Sizes that may be symbolic, so that one graph serves every batch.

A `Size` is an `int`, or a `Symbolic`: an integer polynomial over symbols, with floor division. Arithmetic
keeps a canonical form: sizes are equal exactly when they print the same, and a constant result is an `int`
again. Symbols stand for positive sizes, so what divides a product evenly may be cancelled.
"""

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias, Union

from attrs import field, frozen

from nadoo_graphs.errors import Code, GraphError, Problem

Size: TypeAlias = Union[int, "Symbolic"]
Shape: TypeAlias = tuple[Size, ...]
Atom: TypeAlias = Union[str, "Floor"]
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]

SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MOST_TERMS = 64
LARGEST = 2**63 - 1


@frozen
class Floor:
    """A floor division that does not come out even, kept as one indivisible factor."""

    numerator: Size
    divisor: Size

    def __str__(self) -> str:
        return f"{factor_text(self.numerator)}//{factor_text(self.divisor)}"


@frozen(eq=False, repr=False)
class Symbolic:
    """A size that depends on symbols: a sum of coefficients times products of atoms, in canonical order."""

    terms: tuple[tuple[Monomial, int], ...]
    text: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "text", render(self.terms))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Size({self.text!r})"

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbolic) and other.text == self.text

    def __add__(self, other: Size) -> Size:
        return add(self, other)

    def __radd__(self, other: int) -> Size:
        return add(other, self)

    def __sub__(self, other: Size) -> Size:
        return add(self, multiply(other, -1))

    def __rsub__(self, other: int) -> Size:
        return add(other, multiply(self, -1))

    def __mul__(self, other: Size) -> Size:
        return multiply(self, other)

    def __rmul__(self, other: int) -> Size:
        return multiply(self, other)

    def __neg__(self) -> Size:
        return multiply(self, -1)

    def __floordiv__(self, other: Size) -> Size:
        return floor_divide(self, other)

    def __rfloordiv__(self, other: int) -> Size:
        return floor_divide(other, self)

    def __mod__(self, other: Size) -> Size:
        return add(self, multiply(multiply(floor_divide(self, other), other), -1))


def symbol(name: str) -> Symbolic:
    """The size that is exactly the symbol `name`, such as the batch N."""
    if not SYMBOL.fullmatch(name):
        raise size_error(repr(name[:60]), "is no symbol; use letters, digits and _, a letter first", Code.SYMBOL)
    return Symbolic(((((name, 1),), 1),))


def terms_of(size: Size) -> dict[Monomial, int]:
    """The polynomial as a mapping, the one form that all arithmetic works on."""
    if isinstance(size, Symbolic):
        return dict(size.terms)
    return {(): size} if size else {}


def from_terms(terms: Mapping[Monomial, int]) -> Size:
    """The canonical size of a polynomial: an int when no symbol is left."""
    kept = {monomial: coefficient for monomial, coefficient in terms.items() if coefficient}
    if not any(kept):
        return kept.get((), 0)
    if len(kept) > MOST_TERMS:
        raise size_error("expression", f"has {len(kept)} terms, at most {MOST_TERMS} are kept", Code.LIMIT)
    if max(map(abs, kept.values())) > LARGEST:
        raise size_error("expression", "has a coefficient that does not fit in 64 bits", Code.LIMIT)
    return Symbolic(tuple(sorted(kept.items(), key=lambda item: monomial_key(item[0]))))


def monomial_key(monomial: Monomial) -> tuple[int, str]:
    """Higher degrees first, then by text: the order in which a polynomial is written."""
    return (-sum(power for _, power in monomial), render_monomial(monomial))


def add(left: Size, right: Size) -> Size:
    """The sum of two sizes."""
    terms = terms_of(left)
    for monomial, coefficient in terms_of(right).items():
        terms[monomial] = terms.get(monomial, 0) + coefficient
    return from_terms(terms)


def multiply(left: Size, right: Size) -> Size:
    """The product of two sizes."""
    if isinstance(right, int):
        return scale(left, right)
    if isinstance(left, int):
        return scale(right, left)
    terms: dict[Monomial, int] = {}
    for first, one in terms_of(left).items():
        for second, two in terms_of(right).items():
            monomial = multiply_monomials(first, second)
            terms[monomial] = terms.get(monomial, 0) + one * two
    return from_terms(terms)


@lru_cache(maxsize=4096)
def scale(size: Size, factor: int) -> Size:
    """A size so many times; its terms keep their order. A network asks for few different ones, and often."""
    if isinstance(size, int) or factor == 0:
        return size * factor if isinstance(size, int) else 0
    if factor == 1:
        return size
    terms = tuple((monomial, coefficient * factor) for monomial, coefficient in size.terms)
    if max(abs(coefficient) for _, coefficient in terms) > LARGEST:
        raise size_error("expression", "has a coefficient that does not fit in 64 bits", Code.LIMIT)
    return Symbolic(terms)


def multiply_monomials(left: Monomial, right: Monomial) -> Monomial:
    """The product of two products of atoms, atoms in order."""
    powers = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: str(item[0])))


def floor_divide(numerator: Size, divisor: Size) -> Size:
    """⌊numerator / divisor⌋, with everything that divides evenly taken out of the brackets."""
    if isinstance(divisor, int):
        if divisor == 0:
            raise size_error("0", "a size was divided by zero; the smallest divisor is 1")
        return divide_by_constant(numerator, divisor)
    exact = divide_exactly(numerator, divisor)
    return Symbolic(((((Floor(numerator, divisor), 1),), 1),)) if exact is None else exact


def divide_by_constant(numerator: Size, divisor: int) -> Size:
    """Split each coefficient into a multiple of the divisor and a rest; only the rest stays divided."""
    if isinstance(numerator, int):
        return numerator // divisor
    if divisor < 0:
        return divide_by_constant(multiply(numerator, -1), -divisor)
    terms = terms_of(numerator)
    whole = from_terms({monomial: value // divisor for monomial, value in terms.items()})
    rest = from_terms({monomial: value % divisor for monomial, value in terms.items()})
    if isinstance(rest, int):
        return whole
    return add(whole, flatten_floor(*lowest_terms(rest, divisor)))


def lowest_terms(rest: Symbolic, divisor: int) -> tuple[Symbolic, int]:
    """⌊(g·x + c) / (g·d)⌋ is ⌊(x + ⌊c/g⌋) / d⌋."""
    common = math.gcd(divisor, *(value for monomial, value in rest.terms if monomial))
    reduced = from_terms({monomial: value // common for monomial, value in rest.terms})
    return (rest, divisor) if isinstance(reduced, int) else (reduced, divisor // common)


def flatten_floor(rest: Symbolic, divisor: int) -> Size:
    """⌊(⌊x/a⌋ + c) / b⌋ is ⌊(x + c·a) / (a·b)⌋: two strides in a row read as one."""
    inner = [(monomial, value) for monomial, value in rest.terms if monomial]
    constant = dict(rest.terms).get((), 0)
    if len(inner) == 1 and inner[0][1] == 1 and len(inner[0][0]) == 1:
        atom, power = inner[0][0][0]
        if isinstance(atom, Floor) and power == 1 and isinstance(atom.divisor, int):
            return divide_by_constant(add(atom.numerator, constant * atom.divisor), atom.divisor * divisor)
    return Symbolic(((((Floor(rest, divisor), 1),), 1),))


def divide_exactly(numerator: Size, divisor: Symbolic) -> Size | None:
    """The quotient when one product divides every term, or the two differ by a constant factor; else None."""
    if isinstance(numerator, int):
        return 0 if numerator == 0 else None
    if len(divisor.terms) == 1:
        return divide_by_monomial(numerator, *divisor.terms[0])
    factor, rest = divmod(numerator.terms[0][1], divisor.terms[0][1])
    return factor if not rest and multiply(divisor, factor) == numerator else None


def divide_by_monomial(numerator: Symbolic, monomial: Monomial, coefficient: int) -> Size | None:
    """Term by term, or None as soon as one term does not divide."""
    quotient: dict[Monomial, int] = {}
    for other, value in numerator.terms:
        powers = dict(other)
        for atom, power in monomial:
            powers[atom] = powers.get(atom, 0) - power
        if value % coefficient or min(powers.values(), default=0) < 0:
            return None
        left = tuple(sorted(((a, p) for a, p in powers.items() if p), key=lambda item: str(item[0])))
        quotient[left] = value // coefficient
    return from_terms(quotient)


def render(terms: Iterable[tuple[Monomial, int]]) -> str:
    """The polynomial as text that `parse_size` reads back."""
    parts: list[str] = []
    for monomial, coefficient in terms:
        sign = "-" if coefficient < 0 else "+"
        body = render_term(monomial, abs(coefficient))
        parts.append(f" {sign} {body}" if parts else ("-" if coefficient < 0 else "") + body)
    return "".join(parts)


def render_term(monomial: Monomial, coefficient: int) -> str:
    """One term without its sign."""
    if not monomial:
        return str(coefficient)
    if coefficient == 1:
        return render_monomial(monomial)
    factors = factor_texts(monomial)
    return "*".join([str(coefficient), *factors])


def render_monomial(monomial: Monomial) -> str:
    """A product of atoms; one floor division alone needs no brackets."""
    factors = factor_texts(monomial)
    return "*".join(factors) if len(factors) > 1 else str(monomial[0][0]) if factors else ""


def factor_texts(monomial: Monomial) -> list[str]:
    """The factors of a product; powers are written out, they are small."""
    texts = ((f"({atom})" if isinstance(atom, Floor) else atom, power) for atom, power in monomial)
    return [text for text, power in texts for _ in range(power)]


def factor_text(size: Size) -> str:
    """A size beside a division sign: in brackets unless it is one number or symbol."""
    text = str(size)
    return text if text.isdigit() or SYMBOL.fullmatch(text) else f"({text})"


def size_product(sizes: Iterable[Size]) -> Size:
    """The number of elements of a shape; known sizes are multiplied first, because that is cheap."""
    known, total = 1, None
    for size in sizes:
        if isinstance(size, int):
            known *= size
        else:
            total = size if total is None else multiply(total, size)
    return known if total is None else scale(total, known)


def symbols_of(size: Size) -> tuple[str, ...]:
    """The symbols that a size depends on, sorted."""
    if isinstance(size, int):
        return ()
    found: set[str] = set()
    for monomial, _ in size.terms:
        for atom, _ in monomial:
            parts = (atom.numerator, atom.divisor) if isinstance(atom, Floor) else ()
            found.update([atom] if isinstance(atom, str) else [s for part in parts for s in symbols_of(part)])
    return tuple(sorted(found))


def bind(size: Size, values: Mapping[str, int]) -> int:
    """The number that a size is once its symbols have values; an unbound symbol is E10."""
    if isinstance(size, int):
        return size
    total = 0
    try:
        for monomial, coefficient in size.terms:
            total += coefficient * math.prod(bind_atom(atom, values) ** power for atom, power in monomial)
    except KeyError as error:
        missing = next(name for name in symbols_of(size) if name not in values)
        message = f"symbol {missing!r} has no value; bind it, for example to 1"
        raise size_error(str(size), message, Code.SYMBOL) from error
    return total


def bind_atom(atom: Atom, values: Mapping[str, int]) -> int:
    """The number that one factor is."""
    if isinstance(atom, str):
        return values[atom]
    divisor = bind(atom.divisor, values)
    if not divisor:
        raise size_error(str(atom), f"its divisor is 0 for {dict(values)}; bind other values")
    return bind(atom.numerator, values) // divisor


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """Replace symbols by sizes, such as a name that torch invented by N."""
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, coefficient in size.terms:
        product: Size = coefficient
        for atom, power in monomial:
            for _ in range(power):
                product = product * substitute_atom(atom, values)
        total = total + product
    return total


def substitute_atom(atom: Atom, values: Mapping[str, Size]) -> Size:
    """One factor with its symbols replaced."""
    if isinstance(atom, str):
        return values.get(atom, symbol(atom))
    return floor_divide(substitute(atom.numerator, values), substitute(atom.divisor, values))


def size_error(where: str, message: str, code: Code = Code.SHAPE) -> GraphError:
    """The error of this module."""
    return GraphError(Problem(code, f"size {where}", message))


def parse_size(text: str) -> Size:
    """The size that a text such as "4*N + (N - 1)//2" denotes; a wrong text is refused, and never run."""
    from nadoo_graphs.size_reader import read_size

    return read_size(text)


def as_size(value: int | str | Symbolic) -> Size:
    """A size as users write it: a number, a symbol's name or an expression in it."""
    return parse_size(value) if isinstance(value, str) else value
