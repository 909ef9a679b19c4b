"""`nadoo verify`: repeat the verification of an exported folder."""

from pathlib import Path
from typing import Any

import click

from nadoo_c.commands.export import emulated_text
from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer
from nadoo_core.command_line.session import Session


@command("verify", short_help="Verify an exported folder again: program, C and recorded results, bit for bit.")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--core", "cores", multiple=True, metavar="NAME", help="Verify on an emulated core or device too: m4, stm32f401."
)
@click.option("--compiler", default="zig", show_default=True, metavar="NAME", help="What compiles for these cores.")
@click.pass_obj
def verify(session: Session, folder: Path, cores: tuple[str, ...], compiler: str) -> None:
    """Verify FOLDER, which `nadoo export --to c` wrote: the program is interpreted, the C compiled and run."""
    from nadoo_c.emulating import target_of
    from nadoo_c.exporting import verify as verify_folder

    targets = [target_of(name, session.registry()) for name in cores]
    document = verify_folder(folder, targets, compiler)
    answer(session, document, lambda: show(document))


def show(document: dict[str, Any]) -> None:
    """What was verified, for people."""
    levels = " and ".join(document["compiled"])
    click.echo(f"{document['samples']} samples equal bit for bit, compiled at {levels}")
    click.echo(f"{document['interpreted']} of them by the reference interpreter")
    for core, counts in document["measured"].items():
        click.echo(emulated_text(core, counts))


COMMAND = verify
