"""Commands with the options that all of them have, so that `nadoo --json plugins` is `nadoo plugins --json`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nadoo_core.command_line.session import session_of


def note_flag(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Set a flag of the session where it is given."""
    session = session_of(context)
    if value and parameter.name:
        setattr(session, parameter.name, True)


def note_texts(context: click.Context, parameter: click.Parameter, value: tuple[Any, ...]) -> None:
    """Add to a list of the session."""
    session = session_of(context)
    if value and parameter.name:
        setattr(session, parameter.name, (*getattr(session, parameter.name), *value))


def common_options() -> list[click.Parameter]:
    """The options of every command."""
    return [
        flag("json", "Answer with one JSON document."),
        texts(["--plugin", "files"], "FILE", "Use a plugin file.", click.Path(path_type=Path)),
        texts(["--without"], "NAME", "Leave an installed plugin out.", click.STRING),
        flag("trust", "Allow code that a recipe or MODEL names and that is not installed."),
        flag("debug", "Show where in the source an error arose."),
    ]


def flag(name: str, help_text: str) -> click.Option:
    """A flag of the session; eager, so that it is known when the help is printed or an error is told."""
    return click.Option(
        [f"--{name}", name], is_flag=True, expose_value=False, is_eager=True, callback=note_flag, help=help_text
    )


def texts(names: list[str], metavar: str, help_text: str, kind: Any) -> click.Option:
    """A list of the session; eager, so that a plugin's commands are there when the help is printed."""
    return click.Option(
        names,
        multiple=True,
        type=kind,
        metavar=metavar,
        expose_value=False,
        is_eager=True,
        callback=note_texts,
        help=help_text,
    )


class NadooCommand(click.Command):
    """A command with the common options behind its own."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        settings["params"] = [*(settings.get("params") or []), *common_options()]
        super().__init__(*arguments, **settings)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function; it asks for the session with `@click.pass_obj`."""
    return click.command(name, cls=NadooCommand, **settings)
