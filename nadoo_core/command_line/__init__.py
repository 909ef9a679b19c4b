"""The command `nadoo`, and what a plugin needs to add commands of its own: `command`, `Session`, `answer`.

Each command is a module of its own that is imported when it is called, and imports what it needs when it works: the
help of `nadoo` has to come at once, and torch takes a second or two.
"""

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, print_table
from nadoo_core.command_line.session import Session

__all__ = ["Session", "answer", "command", "print_table"]
