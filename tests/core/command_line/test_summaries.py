"""The help says what a plugin's command does without importing it, however broken the plugin is."""

from pathlib import Path

import pytest

from nadoo_core.command_line.summaries import summary_of
from nadoo_core.registry import Offer

CASES = {
    '"""`nadoo shrink`: how small a thing gets."""\nraise SystemExit': "How small a thing gets. (tiny)",
    '"""A command.\n\nMore."""\n': "A command. (tiny)",
    "print('no text')": "(from tiny)",
    "def (": "(from tiny)",
}


@pytest.mark.parametrize("source", CASES)
def test_the_line_is_read_from_the_source(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shrinking_command.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert summary_of(offered("shrinking_command:COMMAND")) == CASES[source]


@pytest.mark.parametrize("value", ["no_such_module_here:COMMAND", "no.such.module:COMMAND", object()])
def test_what_has_no_source_is_named_with_its_plugin(value: object) -> None:
    assert summary_of(offered(value)) == "(from tiny)"


def offered(value: object) -> Offer:
    return Offer("commands", "shrink", value, "tiny", "tiny", "1.0")
