"""Runs: a recipe carried out step by step, with nothing lost, nothing repeated, and an honest account of it all.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.runs.entry import run
    from nadoo_core.runs.ledger import ledger_schema, read_ledger
    from nadoo_core.runs.observer import RunObserver
    from nadoo_core.runs.result import RunResult, RunStoppedError

__all__ = ["RunObserver", "RunResult", "RunStoppedError", "ledger_schema", "read_ledger", "run"]

HOMES = {
    "RunObserver": "nadoo_core.runs.observer",
    "RunResult": "nadoo_core.runs.result",
    "RunStoppedError": "nadoo_core.runs.result",
    "ledger_schema": "nadoo_core.runs.ledger",
    "read_ledger": "nadoo_core.runs.ledger",
    "run": "nadoo_core.runs.entry",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
