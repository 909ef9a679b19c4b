"""Indices as sums of loop variables, to see whether two turns of a loop can ever write one element."""

from collections.abc import Mapping

from attrs import frozen

from nadoo_graphs.lowered.expressions import Expression, Name, Number, Operation


@frozen
class Affine:
    """Σ coefficient·variable, without the constant, which does not matter here."""

    terms: Mapping[str, int]
    constant: int = 0

    def plus(self, other: "Affine", sign: int = 1) -> "Affine":
        """The sum or the difference of two."""
        names = {*self.terms, *other.terms}
        terms = {name: self.terms.get(name, 0) + sign * other.terms.get(name, 0) for name in names}
        return Affine(terms, self.constant + sign * other.constant)

    def times(self, factor: int) -> "Affine":
        """A multiple."""
        return Affine({name: factor * value for name, value in self.terms.items()}, factor * self.constant)


def affine(expression: Expression, known: Mapping[str, Affine]) -> Affine | None:
    """An expression as a sum of loop variables, if it is one; `known` are loop variables and locals made of them."""
    if isinstance(expression, Number):
        return None if expression.kind.floating else Affine({}, int(expression.value))
    if isinstance(expression, Name):
        return known.get(expression.name)
    if not isinstance(expression, Operation) or expression.op not in ("add", "sub", "mul"):
        return None
    left, right = (affine(operand, known) for operand in expression.operands)
    return None if left is None or right is None else combined(expression.op, left, right)


def combined(op: str, left: Affine, right: Affine) -> Affine | None:
    """A sum, a difference, or a product of which one side is a constant."""
    if op != "mul":
        return left.plus(right, 1 if op == "add" else -1)
    if not any(right.terms.values()):
        return left.times(right.constant)
    return right.times(left.constant) if not any(left.terms.values()) else None


def distinct(form: Affine, turns: Mapping[str, int]) -> bool:
    """Whether different turns of the loops always give different sums: each step is longer than all smaller ones."""
    reach = 0
    for name, count in sorted(turns.items(), key=lambda item: abs(form.terms.get(item[0], 0))):
        step = abs(form.terms.get(name, 0))
        if count > 1 and step <= reach:
            return False
        reach += step * (count - 1)
    return True
