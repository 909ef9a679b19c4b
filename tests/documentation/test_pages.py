"""The pages for people run as they are written: files are written, Python is executed, commands are typed."""

import re
import shlex
from pathlib import Path

import pytest

from tests.core.command_line.calling import call
from tests.repository.layout import ROOT

BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```', re.MULTILINE | re.DOTALL)


def typed(line: str) -> None:
    """A command of a page, which must be one of nadoo's and end well."""
    program, *arguments = shlex.split(line, comments=True)
    assert program == "nadoo", line
    answer = call(*arguments)
    assert answer.code == 0, (line, answer.errors)


def run_block(block: re.Match[str], names: dict[str, object]) -> None:
    """One piece of a page."""
    if block["title"]:
        Path(block["title"]).write_text(block["text"], encoding="utf-8")
    elif block["language"] == "python":
        exec(compile(block["text"], "page", "exec"), names)  # noqa: S102
    elif block["language"] == "sh":
        for line in block["text"].splitlines():
            typed(line)
    else:
        raise AssertionError(f"a block of {block['language']} without a title is neither run nor written")


@pytest.mark.parametrize("page", ["tutorial.md", "recipes.md", "pruning.md", "quantization.md", "cost.md", "c.md"])
def test_a_page_runs_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NADOO_STORE", str(tmp_path / "store"))
    names: dict[str, object] = {}
    blocks = list(BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")))
    assert len(blocks) >= 5
    for block in blocks:
        run_block(block, names)
