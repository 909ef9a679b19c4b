"""What is printed: sizes and tables for people, bars in a terminal, lines in a pipe."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nadoo_core.command_line.output import bytes_text, counted, print_facts, print_table, program
from nadoo_core.command_line.progress import PlainObserver, TerminalObserver, observer_for, outcome_text
from nadoo_core.command_line.session import Session

STEP: dict[str, Any] = {
    "name": "heal",
    "state": "done",
    "reused": False,
    "metrics": {"accuracy": {"value": 0.98765, "count": 9, "standard_error": None}, "snr": {"value": "inf"}},
    "seconds": 1.25,
}


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (3 * 1024**3, "3 GiB"), (2**52, "4,096 TiB")],
)
def test_bytes_are_counted_in_powers_of_1024(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_a_noun_follows_its_number() -> None:
    assert [counted(number, "node") for number in (0, 1, 1000)] == ["0 nodes", "1 node", "1,000 nodes"]


def test_a_table_in_a_pipe_is_plain_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "size"), [("x" * 300, 1), ("y", 22)], numbers="size")
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) for line in lines] == [306] * 3
    assert lines[1].endswith(f"{'x' * 300}     1")


def test_what_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("type",), [("float32[N, 4]",), ("[red]",)])
    assert "[red]" in capsys.readouterr().out


def test_facts_that_are_not_known_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"name": "a", "drawing": None})
    assert capsys.readouterr().out == "name     a\n"


def test_a_step_is_told_in_a_line() -> None:
    assert outcome_text(STEP) == "done, accuracy 0.9877, snr inf, 1.2 s"
    assert outcome_text({**STEP, "reused": True}).startswith("found in the store")
    assert outcome_text({**STEP, "reused": True, "state": "rolled back"}).startswith("rolled back")


def test_lengthy_work_is_told_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("nadoo_core.command_line.progress.time.monotonic", lambda: now)
    observer = PlainObserver()
    observer.step_started("heal", 1, 2)
    for done in range(4):
        now += 2.0
        observer.progress("heal", done, 4, "epoch 1")
    assert capsys.readouterr().out.splitlines() == ["[1/2] heal", "      2/4 epoch 1"]


def test_lines_leave_the_standard_output_to_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    observer_for(Session(json=True)).log("heal", "a remark")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "      a remark\n")


def test_a_pipe_gets_lines_and_a_terminal_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(observer_for(Session())) is PlainObserver
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert type(observer_for(Session())) is TerminalObserver


def test_a_terminal_shows_a_bar_while_a_step_works_and_a_line_when_it_is_done() -> None:
    observer = TerminalObserver()
    screen = io.StringIO()
    observer.bars.live.console = Console(file=screen, force_terminal=True, width=100)
    observer.run_started("quickstart", ("heal",))
    observer.step_started("heal", 1, 1)
    observer.progress("heal", 3, 4, "epoch 1/1")
    observer.bars.refresh()
    assert "heal: epoch 1/1" in screen.getvalue()
    observer.log("heal", "[remark]")
    observer.step_finished(STEP)
    observer.run_finished({})
    assert "[remark]" in screen.getvalue()
    assert "heal: done, accuracy" in screen.getvalue()
    assert observer.bars.tasks == []
    observer.close()


@pytest.mark.parametrize(
    ("argument", "found", "name"),
    [
        ("{home}/.venv/bin/nadoo", "{home}/.venv/bin/nadoo", "nadoo"),
        ("{home}/.venv/bin/nadoo", None, ".venv/bin/nadoo"),
        ("/elsewhere/bin/nadoo", "/usr/bin/nadoo", "/elsewhere/bin/nadoo"),
        ("/elsewhere/pytest", None, "nadoo"),
    ],
)
def test_what_to_type_next_can_be_typed(
    home: Path, monkeypatch: pytest.MonkeyPatch, argument: str, found: str | None, name: str
) -> None:
    monkeypatch.setattr("sys.argv", [argument.format(home=home)])
    monkeypatch.setattr("shutil.which", lambda _: found.format(home=home) if found else None)
    assert program() == name
