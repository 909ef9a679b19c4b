"""`nadoo verify`: repeat the verification of an exported folder."""

from pathlib import Path
from typing import Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer
from nadoo_core.command_line.session import Session


@command("verify", short_help="Verify an exported folder again: program, C and recorded results, bit for bit.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--core", "cores", multiple=True, metavar="NAME", help="Verify on an emulated core too, such as m4.")
@click.pass_obj
def verify(session: Session, folder: Path, cores: tuple[str, ...]) -> None:
    """Verify FOLDER, which `nadoo export --to c` wrote: the program is interpreted, the C compiled and run."""
    from nadoo_c.exporting import verify as verify_folder

    document = verify_folder(folder, cores)
    answer(session, document, lambda: show(document))


def show(document: dict[str, Any]) -> None:
    """What was verified, for people."""
    levels = " and ".join(document["compiled"])
    click.echo(f"{document['samples']} samples equal bit for bit, compiled at {levels}")
    click.echo(f"{document['interpreted']} of them by the reference interpreter")
    for core, counts in document["measured"].items():
        click.echo(f"{core}: {counts['instructions']:,} instructions, {counts['stack_bytes']:,} bytes of stack")


COMMAND = verify
