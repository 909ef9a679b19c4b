"""What can go wrong in compiling for a core and in running there, and how a missing package is named."""

from importlib import import_module
from typing import Any

from nadoo_core.errors import CoreCode, NadooError, Problem

EXTRA = "pip install 'nadoo[emulator]'"


class EmulationError(NadooError):
    """A program cannot be compiled for a core, or does not run there to its end."""


def failed(where: str, message: str, code: CoreCode = CoreCode.RUN) -> EmulationError:
    """An error with one problem."""
    return EmulationError(Problem(code, where, message))


def tool(name: str) -> Any:
    """A package of the extra, or how to get it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise failed("emulator", f"the package {name!r} cannot be loaded ({error}); {EXTRA}") from error
