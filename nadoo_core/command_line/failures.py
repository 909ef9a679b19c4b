"""How a command ends that could not be done: what is printed, and the exit code.

0 means done. 1 means that the run stopped: a limit was passed, a pass or a training failed, the disk is full. 2 means
that the recipe or the command is wrong, and would be wrong tomorrow.
"""

import traceback

import click

from nadoo_core.command_line.output import print_json
from nadoo_core.command_line.session import Session
from nadoo_core.errors import (
    CalibrationError,
    CoreCode,
    DataError,
    NadooError,
    PassError,
    Problem,
    RunError,
    TrainingError,
)
from nadoo_graphs.errors import EditError, InvalidGraphError, SaveError

STOPPED, WRONG = 1, 2
RUN_FAILURES = (
    RunError,
    PassError,
    TrainingError,
    DataError,
    CalibrationError,
    SaveError,
    EditError,
    InvalidGraphError,
)


def report(error: BaseException, session: Session) -> int:
    """Print an error as a person or a program reads it, and give the exit code."""
    known = error if isinstance(error, NadooError) else explained(error)
    if session.json:
        print_json({"error": as_document(known)})
    else:
        click.echo(lines(known), err=True)
    if session.debug:
        click.echo("".join(traceback.format_exception(error)), err=True)
    return STOPPED if isinstance(known, RUN_FAILURES) else WRONG


def explained(error: BaseException) -> NadooError:
    """An error of another kind as one of ours: the machine's, or a mistake in nadoo or in a plugin."""
    kind = type(error).__name__
    if isinstance(error, OSError):
        said = error.strerror or str(error)
        return RunError(Problem(CoreCode.RUN, repr(str(error.filename or kind)), f"{said}; mend that and start again"))
    message = f"{error}; this is a mistake in nadoo or in a plugin: run again with --debug, and report what it prints"
    return RunError(Problem(CoreCode.RUN, kind, message))


def lines(error: NadooError) -> str:
    """The error and its cause, where that says more."""
    text = error.render()
    cause = error.__cause__
    if isinstance(cause, NadooError) and cause.render() not in text:
        text = f"{text}\nbecause of:\n{cause.render()}"
    return click.style("nadoo: ", fg="red", bold=True) + text


def as_document(error: NadooError) -> dict[str, object]:
    """The error for programs."""
    problems = [
        {"code": problem.code.value, "where": problem.where, "message": problem.message} for problem in error.problems
    ]
    return {"kind": type(error).__name__, "title": error.title, "problems": problems}
