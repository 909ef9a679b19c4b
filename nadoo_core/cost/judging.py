"""A budget from texts such as "flash=64 KiB", as a command line gives it."""

from collections.abc import Sequence
from typing import Any

from nadoo_core.cost.budget import RESOURCES, Budget
from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import structure

NUMBERS = ("energy", "macs", "accuracy")


def budget_of(texts: Sequence[str]) -> Budget:
    """The budget that some texts say; all that is wrong with them is named at once."""
    table: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not value.strip():
            known = ", ".join((*RESOURCES, "accuracy"))
            message = f"is {text!r}; give NAME=VALUE with a name of {known}, such as 'flash=64 KiB'"
            raise OptionError(Problem(CoreCode.OPTION, "--budget", message))
        table[name.strip()] = plain(name.strip(), value.strip())
    found: Budget = structure(Budget, table, "--budget")
    return found


def plain(name: str, text: str) -> Any:
    """A number where the text is one; else the text, whose unit is read with the option."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and name not in {"energy", "latency", "accuracy"} else number
