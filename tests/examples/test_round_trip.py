"""The examples run as they are and say that everything holds."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_round_trip_holds_and_writes_what_it_says(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "round_trip.py")]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "FAILED" not in answer.stdout
    assert answer.stdout.count("ok    ") >= 4
    assert (tmp_path / "out/round-trip/graph.svg").is_file()
