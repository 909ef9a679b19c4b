"""Calling `nadoo` inside this process, and what it answered."""

import json
from typing import Any

from attrs import frozen
from click.testing import CliRunner

from nadoo_core.command_line.main import nadoo


@frozen
class Answer:
    """What a call printed, and how it ended."""

    code: int
    text: str
    errors: str

    @property
    def document(self) -> Any:
        """The one JSON document on the standard output."""
        return json.loads(self.text)


def call(*arguments: object) -> Answer:
    """Call `nadoo` with arguments, each as a text of its own."""
    result = CliRunner().invoke(nadoo, [str(argument) for argument in arguments], catch_exceptions=False)
    return Answer(result.exit_code, result.stdout, result.stderr)
