"""What a plugin's command does, in a line for `nadoo --help`, without importing the command."""

import ast
from importlib.util import find_spec
from pathlib import Path

import click

from nadoo_core.registry.registry import Offer


def summary_of(offer: Offer) -> str:
    """The first line of the module that holds a command, and whose it is; the latter alone where there is no line."""
    value = offer.value
    ready = value.get_short_help_str(100) if isinstance(value, click.Command) else ""
    line = first_line(value) if isinstance(value, str) else ready
    _, _, purpose = line.partition(f"`nadoo {offer.name}`: ")
    said = purpose or line
    return f"{said[:1].upper()}{said[1:]} ({offer.plugin})" if said else f"(from {offer.plugin})"


def first_line(target: str) -> str:
    """The first line of a module's docstring, read from its source; help is given even if the plugin is broken."""
    try:
        spec = find_spec(target.partition(":")[0])
        if spec is None or spec.origin is None:
            return ""
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (ImportError, OSError, SyntaxError, ValueError):
        return ""
    return (ast.get_docstring(tree) or "").partition("\n")[0]
