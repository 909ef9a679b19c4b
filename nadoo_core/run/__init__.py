"""Runs: a recipe carried out step by step, with nothing lost, nothing repeated, and an honest account of it all.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.run.entry import run
    from nadoo_core.run.ledger import ledger_schema, read_ledger
    from nadoo_core.run.observer import RunObserver
    from nadoo_core.run.result import RunResult, RunStoppedError

__all__ = ["RunObserver", "RunResult", "RunStoppedError", "ledger_schema", "read_ledger", "run"]

HOMES = {
    "RunObserver": "nadoo_core.run.observer",
    "RunResult": "nadoo_core.run.result",
    "RunStoppedError": "nadoo_core.run.result",
    "ledger_schema": "nadoo_core.run.ledger",
    "read_ledger": "nadoo_core.run.ledger",
    "run": "nadoo_core.run.entry",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
