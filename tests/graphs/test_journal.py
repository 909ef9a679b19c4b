"""The journal: undone in reverse, nested, and never half."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from nadoo_graphs.journal import Journal


class Stack:
    """A list whose changes are journalled."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.journal = Journal()
        self.ends: list[str] = []

    def push(self, item: str) -> None:
        self.items.append(item)
        self.journal.record(self.pop)

    def pop(self) -> None:
        item = self.items.pop()
        self.journal.record(lambda: self.push(item))

    def edit(self) -> AbstractContextManager[None]:
        return self.journal.edit(lambda: self.ends.append("settled"), lambda: self.ends.append("abandoned"))

    def broken_edit(self, work: Callable[[], object]) -> None:
        """An edit that does something and is then given up."""
        with pytest.raises(KeyboardInterrupt), self.edit():
            interrupted(work)


def interrupted(work: Callable[[], object]) -> None:
    work()
    raise KeyboardInterrupt


def fail() -> None:
    raise ValueError("no")


def test_changes_outside_an_edit_are_final() -> None:
    stack = Stack()
    stack.push("a")
    stack.broken_edit(lambda: None)
    assert stack.items == ["a"]


def test_a_finished_edit_settles_once_and_forgets() -> None:
    stack = Stack()
    with stack.edit(), stack.edit():
        stack.push("a")
    assert (stack.items, stack.ends, stack.journal.steps) == (["a"], ["settled"], [])


def test_a_broken_edit_is_undone_last_change_first() -> None:
    stack = Stack()
    stack.push("a")
    stack.broken_edit(lambda: (stack.pop(), stack.push("b"), stack.push("c")))
    assert (stack.items, stack.ends, stack.journal.steps) == (["a"], ["abandoned"], [])


def test_a_broken_inner_edit_undoes_only_itself() -> None:
    stack = Stack()
    with stack.edit():
        stack.push("a")
        stack.broken_edit(lambda: stack.push("b"))
        stack.push("c")
    assert (stack.items, stack.ends) == (["a", "c"], ["settled"])


def test_a_broken_outer_edit_undoes_what_inner_ones_finished() -> None:
    stack = Stack()

    def inner() -> None:
        with stack.edit():
            stack.push("a")

    stack.broken_edit(inner)
    assert stack.items == []


def test_an_edit_that_cannot_be_settled_is_undone() -> None:
    stack = Stack()
    with pytest.raises(ValueError, match="no"), stack.journal.edit(settle=fail, abandon=lambda: None):
        stack.push("a")
    assert stack.items == []


def test_an_undo_that_fails_leaves_the_journal_usable() -> None:
    stack = Stack()
    with pytest.raises(ValueError, match="no"), stack.edit():
        interrupted(lambda: stack.journal.record(fail))
    assert (stack.journal.depth, stack.journal.steps) == (0, [])
