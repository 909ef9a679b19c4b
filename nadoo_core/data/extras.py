"""Packages that only some data sets need, imported when they are used and named when they are missing."""

from importlib import import_module
from types import ModuleType

from nadoo_core.data.errors import data_error


def require_extra(module: str, extra: str, where: str) -> ModuleType:
    """A module of an extra, or a message with the command that installs it."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        message = f"needs the package {package!r}, which is not installed; run: pip install 'nadoo[{extra}]'"
        raise data_error(where, message) from error
