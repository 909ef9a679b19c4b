"""What a check found: one item a thing that a plugin offers, and the report of all of them."""

from typing import Any, Literal, TypeAlias

from attrs import frozen

State: TypeAlias = Literal["holds", "broken", "not checked"]
MUST_BE_CHECKED = ("passes",)
"""Kinds of which one that could not be tried is a failure: a pass can offer graphs that suit it."""
MARKS = {"holds": "ok", "broken": "BROKEN", "not checked": "not checked"}


class LawError(AssertionError):
    """A thing of a plugin breaks the laws of its kind; a test that meets this fails."""


@frozen
class Item:
    """One thing that was checked: what is wrong with it, and what whoever reads the report should know."""

    kind: str
    name: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    checked: bool = True

    @property
    def state(self) -> State:
        """The verdict."""
        if self.problems:
            return "broken"
        return "holds" if self.checked else "not checked"

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong, and what must be tried has been."""
        return self.state == "holds" or (self.state == "not checked" and self.kind not in MUST_BE_CHECKED)

    def require(self) -> None:
        """Raise with everything that is wrong; for tests."""
        if not self.ok:
            raise LawError(self.text())

    def text(self) -> str:
        """The verdict, and one line a problem and a note."""
        lines = [f"{MARKS[self.state]:<12}{self.kind} {self.name}"]
        return "\n".join([*lines, *(f"    {line}" for line in (*self.problems, *self.notes))])

    def as_dict(self) -> dict[str, Any]:
        """The item as JSON holds it."""
        lists = {"problems": list(self.problems), "notes": list(self.notes)}
        return {"kind": self.kind, "name": self.name, "state": self.state, **lists}


@frozen
class Report:
    """All items of a plugin."""

    plugin: str
    items: tuple[Item, ...]

    @property
    def ok(self) -> bool:
        """Whether every item is; a plugin that offers nothing has nothing wrong, and nothing right."""
        return bool(self.items) and all(item.ok for item in self.items)

    def require(self) -> None:
        """Raise with everything that is wrong; for tests."""
        if not self.ok:
            raise LawError(self.text())

    def text(self) -> str:
        """The report as a person reads it."""
        wrong = sum(not item.ok for item in self.items)
        last = f"{self.plugin}: {len(self.items)} checked, {wrong} with problems" if self.items else self.nothing()
        return "\n".join([*(item.text() for item in self.items), last])

    def nothing(self) -> str:
        """What is said of a plugin without content."""
        return f"{self.plugin} offers nothing that can be checked; name its passes in nadoo_plugin()"

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return {"plugin": self.plugin, "ok": self.ok, "items": [item.as_dict() for item in self.items]}
