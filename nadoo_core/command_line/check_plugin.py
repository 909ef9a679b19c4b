"""`nadoo check-plugin`: hold all that a plugin offers to the laws that ours are held to."""

from pathlib import Path

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.failures import STOPPED
from nadoo_core.command_line.output import answer
from nadoo_core.command_line.session import Session


@command("check-plugin", short_help="Hold every pass of a plugin to the laws of passes.")
@click.argument("package")
@click.option("--examples", type=click.IntRange(min=1), default=25, show_default=True, help="Random graphs a law.")
@click.pass_context
def check_plugin(context: click.Context, package: str, examples: int) -> None:
    """Check PACKAGE: the name of a plugin, of its distribution or of its package, or the path of a plugin file.

    The exit code is 1 where a law is broken.
    """
    from nadoo_core.testing import check_plugin as check

    session: Session = context.obj
    name = package
    if package.endswith(".py"):
        session.files, name = (*session.files, Path(package)), Path(package).stem
    report = check(name, examples=examples, registry=session.registry())
    answer(session, report.as_dict(), lambda: click.echo(report.text()))
    context.exit(0 if report.ok else STOPPED)


COMMAND = check_plugin
