"""The table of operators: a value, so that a plugin's rows are added without changing anybody else's."""

import difflib
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.ops.op import Op

if TYPE_CHECKING:
    from nadoo_graphs.formats import Format, FormatTable


@frozen
class OpTable:
    """All operators that a graph may use, by name, and the number formats that they may speak of."""

    rows: tuple[Op, ...]
    more_formats: "tuple[Format, ...]" = ()
    by_name: dict[str, Op] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        found = {row.name: row for row in self.rows}
        if len(found) != len(self.rows):
            raise GraphError([duplicate(row) for row in self.rows if found[row.name] is not row])
        object.__setattr__(self, "by_name", found)

    def with_rows(self, rows: Iterable[Op]) -> "OpTable":
        """This table and more rows; a name that is taken is refused."""
        return OpTable((*self.rows, *rows), self.more_formats)

    @cached_property
    def formats(self) -> "FormatTable":
        """The standard number formats and those that were added."""
        from nadoo_graphs.formats import standard_formats

        return standard_formats().with_formats(*self.more_formats) if self.more_formats else standard_formats()

    def with_formats(self, formats: "Iterable[Format]") -> "OpTable":
        """This table and more number formats; a name that is taken is refused."""
        more = tuple(formats)
        if not more:
            return self
        table = evolve(self, more_formats=(*self.more_formats, *more))
        return table if table.formats else self

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def __getitem__(self, name: str) -> Op:
        if name in self.by_name:
            return self.by_name[name]
        near = difflib.get_close_matches(name, self.by_name, 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known: {', '.join(sorted(self.by_name))}"
        raise GraphError(Problem(Code.UNKNOWN, f"op {name!r}", f"no row of the operator table has this name; {hint}"))

    def __iter__(self) -> Iterator[Op]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def duplicate(row: Op) -> Problem:
    """What is said of a name that two rows claim."""
    return Problem(Code.NAME, f"op {row.name!r}", "two rows have this name; rename one of them")


@cache
def standard_ops() -> OpTable:
    """The rows that come with nadoo."""
    from nadoo_graphs.ops.families import FAMILIES

    return OpTable(tuple(row for family in FAMILIES for row in family))
