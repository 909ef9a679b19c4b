"""The entry of the command `nadoo`: the table of commands, found by name and imported when they are called."""

import os
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import click

from nadoo_core.command_line.command import common_options
from nadoo_core.command_line.failures import report
from nadoo_core.command_line.session import session_of
from nadoo_core.command_line.summaries import summary_of
from nadoo_core.errors import CoreCode, NadooError, PluginError, Problem
from nadoo_core.options import did_you_mean
from nadoo_core.registry import Offer

HELP = """nadoo makes a trained PyTorch model smaller and faster, and proves that it still does the same work.

Begin with `nadoo run quickstart`, or with `nadoo init MODEL` for a model of yours. MODEL is a saved graph, a file, the
name of a model that a plugin offers, or module:function. Exit codes: 0 done; 1 the run stopped, and why; 2 the
recipe or the command is wrong.
"""
COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "Run a recipe: the result, its ledger, and what each step did.",
        "study": "Run a recipe many times, as its [study] says: a table and a plot.",
        "plan": "Say what each step of a recipe would touch, without training or writing.",
        "init": "Write a recipe for a model, with every choice explained.",
        "inspect": "Show a model: its nodes, work, weights and memory.",
        "plugins": "List what the installed plugins offer.",
        "explain": "Explain a pass, data set, clip rule, number format or the code of an error.",
        "schema": "Print the JSON Schema of recipes, for editors.",
        "diff": "Compare two runs, or two saved graphs.",
        "new-plugin": "Write a package with a pass and its tests.",
        "check-plugin": "Hold every pass of a plugin to the laws of passes.",
        "store": "List or prune the store of finished steps.",
    }
)
"""Name → what it does; the command is in the module of that name, with underscores."""


class CommandTable(click.Group):
    """The commands of nadoo and of its plugins; errors of every command are reported in one way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Ours in the order in which they are needed, then those of plugins."""
        return [*COMMANDS, *(name for name in offered(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now; None if there is none."""
        if cmd_name in COMMANDS:
            home = import_module(f"nadoo_core.command_line.{cmd_name.replace('-', '_')}")
            found: click.Command = home.COMMAND
            return found
        return plugin_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the line names; one that does not exist is refused with the nearest spelling."""
        name = args[0]
        if name.startswith("-") or self.get_command(ctx, name) is not None:
            return super().resolve_command(ctx, args)
        message = f"is no command; {did_you_mean(name, self.list_commands(ctx))} See `nadoo --help`."
        raise PluginError(Problem(CoreCode.UNKNOWN_NAME, repr(name), message))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help; nothing is imported for it."""
        own = [(name, summary) for name, summary in COMMANDS.items()]
        others = [(name, summary_of(offer)) for name, offer in offered(ctx).items() if name not in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl(own + others)

    def invoke(self, ctx: click.Context) -> Any:
        """Call the command; whatever goes wrong ends in a message and an exit code, never in a traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            click.echo("nadoo: stopped; a run goes on from where it was when it is started again", err=True)
            ctx.exit(1)
        except BrokenPipeError:
            raise
        except Exception as error:  # the last door: a user gets a message for everything
            ctx.exit(report(error, session_of(ctx)))


def offered(context: click.Context) -> dict[str, Offer]:
    """Commands of plugins by name; none if the plugins cannot be had, which other commands will say."""
    try:
        return {offer.name: offer for offer in session_of(context).registry().offers("commands")}
    except NadooError:
        return {}


def plugin_command(context: click.Context, name: str) -> click.Command | None:
    """A command that a plugin offers."""
    registry = session_of(context).registry()
    if name not in registry.names("commands"):
        return None
    found = registry.load("commands", name)
    if isinstance(found, click.Command):
        return found
    message = f"is {type(found).__name__}, no click.Command; its author makes one with nadoo_core.command_line.command"
    raise PluginError(Problem(CoreCode.PLUGIN, f"command {name!r}", message))


def version_option() -> click.Parameter:
    """`nadoo --version`, which looks the version up only when asked."""

    def show(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if value:
            from importlib.metadata import version

            click.echo(f"nadoo {version('nadoo')}")
            context.exit()

    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=show, help="Show the version."
    )


nadoo = CommandTable(
    "nadoo",
    help=HELP,
    params=[*common_options(), version_option()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def main() -> None:
    """What the console script calls; idle threads of OpenMP must not spin, which torch reads when it is imported."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    nadoo(prog_name="nadoo")
