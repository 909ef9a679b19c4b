"""Where a value is read: its path, what is known of it, and the list that takes what is wrong with it."""

from attrs import evolve, field, frozen

from nadoo_core.errors import CoreCode, Problem
from nadoo_core.options.bounds import Bounds
from nadoo_core.options.units import Unit


class Missing:
    """The type of the two marks below, which no option can have as a value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


REQUIRED = Missing("required")
FAILED = Missing("failed")


@frozen
class Place:
    """One value on its way in."""

    where: str
    problems: list[Problem] = field(factory=list[Problem])
    bounds: Bounds = field(factory=Bounds)
    unit: Unit | None = None
    default: object = REQUIRED

    def refuse(self, message: str, code: CoreCode = CoreCode.OPTION) -> Missing:
        """Note what is wrong here; gives the mark of a failed reading, so that it can be returned."""
        self.problems.append(Problem(code, self.where, message))
        return FAILED

    def key(self, key: str) -> "Place":
        """An entry of the table that stands here."""
        step = f".{key}" if key.replace("_", "a").isalnum() else f"[{key!r}]"
        return evolve(self, where=f"{self.where}{step}" if self.where else key, default=REQUIRED)

    def item(self, index: int) -> "Place":
        """An item of the list that stands here."""
        return evolve(self, where=f"{self.where}[{index}]", bounds=self.bounds.without_lengths(), default=REQUIRED)

    def trial(self) -> "Place":
        """The same place with a list of its own, to see whether a reading fits."""
        return evolve(self, problems=[])
