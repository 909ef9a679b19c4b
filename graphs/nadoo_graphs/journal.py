"""The primitive changes of a graph and how each is undone, so that a refused edit leaves nothing behind."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeAlias

Undo: TypeAlias = Callable[[], object]


class Journal:
    """The undo steps of the edit in progress; edits may nest, the outermost one decides."""

    def __init__(self) -> None:
        self.steps: list[Undo] = []
        self.depth = 0

    def record(self, undo: Undo) -> None:
        """Remember how to take one change back; outside an edit there is nothing to take back to."""
        if self.depth:
            self.steps.append(undo)

    @contextmanager
    def edit(self, settle: Callable[[], None], abandon: Callable[[], None]) -> Generator[None]:
        """Run an edit: `settle` ends the outermost; if anything raises, all is undone and `abandon` runs."""
        mark = len(self.steps)
        self.depth += 1
        try:
            yield
            if self.depth == 1:
                settle()
        except BaseException:
            self.undo_to(mark)
            if self.depth == 1:
                abandon()
            raise
        finally:
            self.depth -= 1
            if not self.depth:
                self.steps.clear()

    def undo_to(self, mark: int) -> None:
        """Take back, last first, everything since the mark, recording none of it."""
        steps = self.steps[mark:]
        del self.steps[mark:]
        depth, self.depth = self.depth, 0
        try:
            for step in reversed(steps):
                step()
        finally:
            self.depth = depth
