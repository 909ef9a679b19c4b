"""What commands print: one JSON document, or tables and lines for people, plain where nobody's terminal is."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from nadoo_core.command_line.session import Session

NAME = "nadoo"
UNLIMITED = 10_000
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
KIBI = 1024


def answer(session: Session, document: Any, show: Callable[[], None]) -> None:
    """Print a document as JSON where that was asked for, else what people read."""
    if session.json:
        print_json(document)
    else:
        show()


def print_json(document: Any) -> None:
    """One document on the standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "", numbers: str = "") -> None:
    """A table; `numbers` names the columns that are aligned to the right, separated by spaces."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD if terminal else None, pad_edge=False)
    for column in columns:
        alignment = "right" if column in numbers.split() else "left"
        table.add_column(column, justify=alignment, overflow="fold", no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = Console(width=None if terminal else UNLIMITED, highlight=False)
    with console.capture() as capture:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in capture.get().rstrip().splitlines()))


def print_facts(facts: Mapping[str, Any]) -> None:
    """Names and values, one a line; what is None is left out."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name:<{width}}  {value}")


def print_indented(text: str, indent: str = "    ") -> None:
    """A block of text, set off from the lines around it."""
    for line in text.splitlines():
        click.echo(f"{indent}{line}".rstrip())


def bytes_text(count: float) -> str:
    """A number of bytes as a person reads it: 65536 is 64 KiB."""
    unit = 0
    while count >= KIBI and unit < len(BYTE_UNITS) - 1:
        count, unit = count / KIBI, unit + 1
    return f"{count:,.0f} B" if unit == 0 else f"{count:,.1f}".removesuffix(".0") + f" {BYTE_UNITS[unit]}"


def program() -> str:
    """How the user would call nadoo again: by its name, or by the path where the name leads nowhere or elsewhere."""
    called = Path(sys.argv[0])
    if called.stem != NAME or shutil.which(NAME) == str(called.absolute()):
        return NAME
    return os.path.relpath(called) if called.is_relative_to(Path.cwd()) else str(called)


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 node, 2 nodes."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
