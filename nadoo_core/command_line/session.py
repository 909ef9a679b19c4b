"""Session: what the options that every command has decide, gathered wherever on the line they stand."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import define, field

if TYPE_CHECKING:
    from nadoo_core.registry import Registry


@define
class Session:
    """One call of `nadoo`: how to answer, which plugins are in use, and whether code that is not installed may run."""

    json: bool = False
    files: tuple[Path, ...] = ()
    without: tuple[str, ...] = ()
    trust: bool = False
    debug: bool = False
    _known: "tuple[object, Registry] | None" = field(default=None, init=False, repr=False)

    def registry(self) -> "Registry":
        """Everything that plugins offer; they are loaded once a call."""
        chosen = (self.files, self.without)
        if self._known is None or self._known[0] != chosen:
            from nadoo_core.registry import Registry

            self._known = (chosen, Registry.of(installed=True, files=self.files, without=self.without))
        return self._known[1]


def session_of(context: click.Context) -> Session:
    """The session of a call; the first who asks begins it."""
    root = context.find_root()
    if root.obj is None:
        root.obj = Session()
    session: Session = root.obj
    context.obj = session
    return session
