"""`nadoo new-plugin`: a package with a pass, and with tests that pass as written."""

from pathlib import Path

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer
from nadoo_core.command_line.session import Session


@command("new-plugin", short_help="Write a package with a pass and its tests.")
@click.argument("name")
@click.option("--in", "folder", type=click.Path(path_type=Path, file_okay=False), default=".", help="Where to put it.")
@click.pass_obj
def new_plugin(session: Session, name: str, folder: Path) -> None:
    """Write a package called NAME, with a pass and tests that pass as written, to begin a plugin of your own with."""
    from nadoo_core.testing import new_plugin as write

    home = write(name, folder)
    files = sorted(str(path) for path in home.rglob("*") if path.is_file())
    answer(session, {"folder": str(home), "files": files}, lambda: show(home, files))


def show(home: Path, files: list[str]) -> None:
    """What was written, and how it is tried."""
    for file in files:
        click.echo(file)
    click.echo(f"\nnow type: pip install -e '{home}[test]' && python -m pytest {home}")


COMMAND = new_plugin
