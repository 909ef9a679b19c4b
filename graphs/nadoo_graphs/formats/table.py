"""The one table of number formats, which passes, estimators, exporters and plugins all look names up in."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Self

from attrs import frozen

from nadoo_graphs.errors import Code, FormatError, Problem
from nadoo_graphs.formats.checks import refusal
from nadoo_graphs.formats.format import Format
from nadoo_graphs.formats.rows import standard_rows


@frozen
class FormatTable:
    """Formats by name; a value, so that a plugin's formats exist only in the tables that were given them.

    Names and aliases are compared without regard to case, and each belongs to one format.
    """

    formats: tuple[Format, ...]

    def __attrs_post_init__(self) -> None:
        problems = tuple(self.collisions())
        if problems:
            raise FormatError(problems)

    @cached_property
    def spellings(self) -> dict[str, Format]:
        """Every name and alias in lower case."""
        return {spelling: row for row in self.formats for spelling in spellings_of(row)}

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical names in the order of the table."""
        return tuple(row.name for row in self.formats)

    def __getitem__(self, name: str) -> Format:
        found = self.spellings.get(name.casefold())
        if found is None:
            raise self.unknown(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.casefold() in self.spellings

    def __iter__(self) -> Iterator[Format]:
        return iter(self.formats)

    def __len__(self) -> int:
        return len(self.formats)

    def with_formats(self, *formats: Format) -> Self:
        """A table with more rows, such as those of a plugin."""
        return type(self)((*self.formats, *formats))

    def unknown(self, name: str) -> FormatError:
        """The refusal of a name: the nearest spellings, then all that is allowed."""
        near = get_close_matches(name.casefold(), self.spellings, n=3)
        suggestion = f"did you mean {' or '.join(repr(each) for each in near)}? " if near else ""
        message = f"there is no such number format; {suggestion}allowed: {', '.join(self.names)}"
        return refusal(Code.UNKNOWN, f"format {name!r}", message)

    def collisions(self) -> Iterator[Problem]:
        """Spellings that two rows claim, naming both."""
        owners: dict[str, Format] = {}
        for row in self.formats:
            for spelling in spellings_of(row):
                owner = owners.setdefault(spelling, row)
                if owner is not row:
                    yield collision(spelling, owner, row)


def collision(spelling: str, owner: Format, row: Format) -> Problem:
    """Two rows with one spelling."""
    claims = " and ".join(f"{each.name!r} ({each.summary})" for each in (owner, row))
    return Problem(Code.NAME, f"format {spelling!r}", f"both {claims} claim it; rename one or drop the alias")


def spellings_of(row: Format) -> tuple[str, ...]:
    """The name and the aliases of a row as they are compared."""
    return tuple(spelling.casefold() for spelling in (row.name, *row.aliases))


@cache
def standard_formats() -> FormatTable:
    """The formats that the library comes with."""
    return FormatTable(tuple(standard_rows()))
