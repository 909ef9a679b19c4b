"""What can be wrong with a graph, as codes that a program can act on and messages that a person can.

Every error of this package is a `GraphError` and carries all problems that were found, not only the first, so that
a file or a graph is mended in one go.
"""

from collections.abc import Iterable
from enum import StrEnum

from attrs import frozen


class Code(StrEnum):
    """The stable name of a kind of problem; messages may be reworded, codes may not."""

    SCHEMA = "E01"
    NAME = "E02"
    SHAPE = "E03"
    DTYPE = "E04"
    DATA = "E05"
    OUTPUT = "E06"
    UNKNOWN = "E07"
    CYCLE = "E08"
    NONFINITE = "E09"
    SYMBOL = "E10"
    CAPTURE = "E11"
    PATH = "E12"
    LIMIT = "E13"

    @property
    def meaning(self) -> str:
        """One line for the reference page and for `nadoo explain`."""
        return MEANINGS[self]


MEANINGS = {
    Code.SCHEMA: "the document has a wrong form: a missing key, an unknown key or a value of the wrong kind",
    Code.NAME: "a name is defined twice, or used and never defined",
    Code.SHAPE: "a declared shape is not the one that follows from the operands",
    Code.DTYPE: "a declared dtype is not the one that follows from the operands",
    Code.DATA: "a data file is missing, too short, too long, or its hash differs",
    Code.OUTPUT: "an output is not assigned, or assigned twice",
    Code.UNKNOWN: "an operator, layer or attribute that no table knows or the allow-list does not admit",
    Code.CYCLE: "a value depends on itself",
    Code.NONFINITE: "a parameter holds NaN or an infinity",
    Code.SYMBOL: "a symbolic size has no value",
    Code.CAPTURE: "the model cannot be captured as a graph",
    Code.PATH: "a path leads outside its folder",
    Code.LIMIT: "a size, a count or a depth exceeds its limit",
}


@frozen
class Problem:
    """One thing that is wrong: its kind, the node, key or file it sits in, and what to do about it.

    The layers above have codes of their own kind, which is why any enumeration of texts will do.
    """

    code: StrEnum
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.code.value} {self.where}: {self.message}"


class GraphError(Exception):
    """The base of every error a user of this package can cause; `problems` holds all of them."""

    def __init__(self, problems: Iterable[Problem] | Problem, title: str = "") -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.title = title
        super().__init__(self.render())

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes in the order of the problems, for programs that decide by them."""
        return tuple(problem.code.value for problem in self.problems)

    def render(self) -> str:
        """The message as a person reads it: the title, then one line a problem."""
        lines = [str(problem) for problem in self.problems]
        return "\n".join([self.title, *(f"  {line}" for line in lines)]) if self.title else "\n".join(lines)


class InvalidGraphError(GraphError):
    """A graph breaks one of its own rules; `ModelGraph.verify` raises it with every violation."""


class EditError(GraphError):
    """An edit was refused because it would have broken the graph; the graph is as it was before."""


class CaptureError(GraphError):
    """A module could not be captured; the message names the user's line and a way out."""


class LoadError(GraphError):
    """A saved graph or document was refused; nothing of it was executed or kept."""


class SaveError(GraphError):
    """A graph could not be written; nothing half-written stands under its final name."""


class FormatError(GraphError):
    """A number format is unknown, or was given something that it cannot hold."""


class NonFiniteError(FormatError):
    """A tensor that must be finite holds NaN or an infinity."""


class EmptyTensorError(FormatError):
    """A statistic was asked of a tensor without elements."""


class DegenerateTensorError(FormatError):
    """A tensor cannot be represented at all, such as all zeros in a code book without a zero."""
