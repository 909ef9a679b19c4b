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
    """The options of every command; eager, so that a plugin's commands are there when the help is printed."""
    file = click.Path(path_type=Path)
    shared: dict[str, Any] = {"expose_value": False, "is_eager": True}
    flags, lists = {**shared, "is_flag": True, "callback": note_flag}, {**shared, "callback": note_texts}
    return [
        click.Option(["--json", "json"], help="Answer with one JSON document.", **flags),
        click.Option(["--plugin", "files"], multiple=True, type=file, metavar="FILE", help="Use a plugin file.", **lists),
        click.Option(["--without"], multiple=True, metavar="NAME", help="Leave an installed plugin out.", **lists),
        click.Option(["--trust"], help="Allow code that a recipe or MODEL names and that is not installed.", **flags),
        click.Option(["--debug"], help="Show where in the source an error arose.", **flags),
    ]


class NadooCommand(click.Command):
    """A command with the common options behind its own."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        settings["params"] = [*(settings.get("params") or []), *common_options()]
        super().__init__(*arguments, **settings)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function; it asks for the session with `@click.pass_obj`."""
    return click.command(name, cls=NadooCommand, **settings)
