"""`nadoo store`: what is kept of finished steps, and how room is made."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, bytes_text, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.options import Bytes, structure_value

if TYPE_CHECKING:
    from nadoo_core.store import Entry, Store

PLACE = click.option("--store", "folder", type=click.Path(path_type=Path), help="A store of your own.")
KEY = 12


def open_store(folder: Path | None) -> "Store":
    """The store of a folder, or the one that runs use by default."""
    from nadoo_core.store import Store, default_store

    return default_store() if folder is None else Store(folder)


@click.group("store")
def store() -> None:
    """List what is kept of finished steps, or make room.

    A step that is in the store is not run again. Removing entries is always safe: they are made anew.
    """


@command("list", short_help="List what is kept.")
@PLACE
@click.pass_obj
def list_entries(session: Session, folder: Path | None) -> None:
    """List the entries, the last used first."""
    kept = open_store(folder)
    entries = kept.entries()
    document = {
        "folder": str(kept.folder),
        "total_bytes": kept.bytes(),
        "entries": [
            {
                "key": entry.key,
                "kind": entry.kind,
                "title": entry.title,
                "bytes": entry.bytes,
                "used": entry.used.isoformat(),
            }
            for entry in entries
        ],
    }
    answer(session, document, lambda: show_entries(kept, entries))


def show_entries(kept: "Store", entries: "tuple[Entry, ...]") -> None:
    """A table of entries with a line for all of them."""
    rows = [
        (entry.key[:KEY], entry.kind, entry.title, bytes_text(entry.bytes), f"{entry.used:%Y-%m-%d %H:%M}")
        for entry in entries
    ]
    if rows:
        print_table(("key", "kind", "what", "size", "used (UTC)"), rows, numbers="size")
        click.echo()
    noun = "entry" if len(rows) == 1 else "entries"
    click.echo(f"{len(rows)} {noun}, {bytes_text(kept.bytes())} in {kept.folder}")


@command("prune", short_help="Remove what was not used for longest.")
@click.option("--limit", default="0 KiB", show_default=True, help="What may stay, such as '2 GiB'.")
@PLACE
@click.pass_obj
def prune(session: Session, limit: str, folder: Path | None) -> None:
    """Remove entries, the least recently used first, until no more than the limit is left."""
    most: int = structure_value(Bytes, int(limit) if limit.isdigit() else limit, "--limit")
    removed = open_store(folder).prune(most)
    document = {"entries": removed.entries, "bytes": removed.bytes, "left_bytes": removed.left_bytes}
    text = f"{removed.entries:,} removed, {bytes_text(removed.bytes)}; {bytes_text(removed.left_bytes)} left"
    answer(session, document, lambda: click.echo(text))


store.add_command(list_entries)
store.add_command(prune)
COMMAND = store
