"""The group: help at once and without torch, global options anywhere, one way of reporting errors, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from nadoo_core.command_line.failures import STOPPED, WRONG, explained, report
from nadoo_core.command_line.main import COMMANDS, nadoo
from nadoo_core.command_line.session import Session
from nadoo_core.errors import (
    CoreCode,
    DataError,
    OptionError,
    PassError,
    PluginError,
    Problem,
    RecipeError,
    RunError,
    TrainingError,
)
from tests.core.command_line.calling import call

HEAVY = ("torch", "numpy", "networkx", "scipy", "rich", "safetensors", "hypothesis")
LIGHT_CALLS = (["--help"], ["--version"], ["plugins"], ["run", "--help"], ["explain", "N05"], ["nonsense"])

COMMAND_PLUGIN = """
import click
from nadoo_core.command_line import answer, command
from nadoo_core.errors import CoreCode, Problem, RunError
from nadoo_core.registry import Plugin, hookimpl

@command("greet", help="Greet somebody.")
@click.argument("who")
@click.pass_obj
def greet(session, who):
    if who == "nobody":
        raise RunError(Problem(CoreCode.RUN, "greet", "nobody is there"))
    if who == "mistake":
        raise ZeroDivisionError("division by zero")
    answer(session, {"greeted": who}, lambda: click.echo(f"hello {who}"))

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, commands={"greet": greet, "wrong": 7})
"""


@pytest.fixture
def greeting(home: Path) -> Path:
    """A plugin file with a command."""
    path = home / "greeting.py"
    path.write_text(COMMAND_PLUGIN, encoding="utf-8")
    return path


@pytest.mark.parametrize("arguments", LIGHT_CALLS, ids=" ".join)
def test_what_needs_no_tensor_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from nadoo_core.command_line.main import nadoo\n"
        f"try: nadoo({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print([name for name in {('torch', 'networkx', 'scipy')!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_the_help_imports_nothing_heavy_at_all() -> None:
    program = (
        "import sys; from nadoo_core.command_line.main import nadoo\n"
        "try: nadoo(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_the_console_script_quietens_the_threads_before_torch_is_imported() -> None:
    program = (
        "import os, sys; os.environ.pop('OMP_WAIT_POLICY', None); sys.argv = ['nadoo', '--version']\n"
        "from nadoo_core.command_line.main import main\n"
        "try: main()\n"
        "except SystemExit: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "passive False"


def test_the_help_names_every_command_with_what_it_does() -> None:
    answer = call("--help")
    assert answer.code == 0
    assert [name for name in COMMANDS if f"  {name} " not in answer.text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_the_common_options(name: str) -> None:
    answer = call(name, "--help")
    assert answer.code == 0
    if name != "store":
        assert [option for option in ("--json", "--plugin", "--without", "--trust") if option not in answer.text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_short_help_of_a_command_is_that_of_the_table(name: str) -> None:
    command = nadoo.get_command(click.Context(nadoo), name)
    assert command is not None
    assert command.name == name
    if command.short_help:
        assert command.short_help == COMMANDS[name]


def test_a_call_without_arguments_shows_the_help() -> None:
    answer = call()
    assert answer.code == 2
    assert "Usage: nadoo" in answer.text + answer.errors


def test_a_command_that_does_not_exist_is_refused_with_the_nearest() -> None:
    answer = call("plugin")
    assert answer.code == 2
    assert "N11 'plugin': is no command; did you mean 'plugins'" in answer.errors


def test_an_option_that_does_not_exist_is_a_wrong_command() -> None:
    answer = call("plugins", "--jason")
    assert answer.code == 2
    assert "--jason" in answer.errors
    assert "Traceback" not in answer.errors


def test_a_common_option_means_the_same_before_and_behind_the_command() -> None:
    assert call("--json", "plugins").document == call("plugins", "--json").document


def test_an_error_is_one_json_document_where_json_was_asked_for() -> None:
    answer = call("explain", "no-such-pass", "--json")
    assert answer.code == 2
    assert answer.errors == ""
    assert answer.document["error"]["problems"][0]["code"] == "N11"


def test_a_command_of_a_plugin_is_called_listed_and_answers_in_json(greeting: Path) -> None:
    assert call("--plugin", greeting, "greet", "Ada").text == "hello Ada\n"
    assert call("--plugin", greeting, "greet", "Ada", "--json").document == {"greeted": "Ada"}
    assert "Greet somebody. (greeting)" in call("--plugin", greeting, "--help").text
    assert call("greet", "Ada").code == 2


def test_an_error_in_a_command_of_a_plugin_is_reported_like_any_other(greeting: Path) -> None:
    answer = call("--plugin", greeting, "greet", "nobody")
    assert (answer.code, answer.errors) == (1, "nadoo: N15 greet: nobody is there\n")


def test_a_mistake_in_the_source_gives_a_message_and_with_debug_the_traceback(greeting: Path) -> None:
    quiet, loud = (call("--plugin", greeting, "greet", "mistake", *more) for more in ((), ("--debug",)))
    assert quiet.code == loud.code == 1
    assert "ZeroDivisionError: division by zero; this is a mistake in nadoo or in a plugin" in quiet.errors
    assert "Traceback" not in quiet.errors
    assert "Traceback" in loud.errors


def test_an_offer_that_is_no_command_names_the_plugin_at_fault(greeting: Path) -> None:
    answer = call("--plugin", greeting, "wrong")
    assert answer.code == 2
    assert "command 'wrong': is int, no click.Command" in answer.errors


def test_a_plugin_file_that_is_missing_stops_every_command() -> None:
    answer = call("--plugin", "nowhere.py", "plugins")
    assert answer.code == 2
    assert "plugin file 'nowhere.py': is not there" in answer.errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (RunError, STOPPED),
        (PassError, STOPPED),
        (TrainingError, STOPPED),
        (DataError, STOPPED),
        (RecipeError, WRONG),
        (PluginError, WRONG),
        (OptionError, WRONG),
    ],
)
def test_the_exit_code_says_whether_the_run_stopped_or_the_command_is_wrong(
    kind: type[RunError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(kind(Problem(CoreCode.RUN, "here", "says why")), Session(json=True)) == code
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == kind.__name__


def test_an_error_tells_its_cause_unless_it_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    inner = PassError(Problem(CoreCode.PASS, "inside", "broke"))
    outer = RunError(Problem(CoreCode.RUN, "outside", "stopped"))
    outer.__cause__ = inner
    report(outer, Session())
    assert capsys.readouterr().err == "nadoo: N15 outside: stopped\nbecause of:\nN08 inside: broke\n"


def test_an_error_of_the_machine_names_the_file() -> None:
    error = explained(PermissionError(13, "Permission denied", "/somewhere"))
    assert str(error) == "N15 '/somewhere': Permission denied; mend that and start again"


def test_stopping_by_the_keyboard_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Session) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "registry", interrupted)
    answer = call("plugins")
    assert answer.code == 1
    assert answer.errors == "nadoo: stopped; a run goes on from where it was when it is started again\n"
