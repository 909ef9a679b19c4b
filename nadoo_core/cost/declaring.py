"""How the fields of a device are declared: a fact or a table of facts, positive, and no larger than can be."""

from typing import Any

from nadoo_core.options import option


def amount(help: str, maximum: float) -> Any:
    """A fact that is a positive number; more than `maximum` would be absurd."""
    return option(default=None, above=0, maximum=maximum, help=help)


def count(help: str, maximum: int, minimum: int = 1) -> Any:
    """A fact that is a whole number; more than `maximum` would be absurd."""
    return option(default=None, minimum=minimum, maximum=maximum, help=help)


def facts(help: str, maximum: float) -> Any:
    """A table of facts that are positive numbers."""
    return option(factory=dict, above=0, maximum=maximum, help=help)
