"""The folder of a run: locked while the run goes on, and never with anything half-written under a final name.

ledger.json    what every step did     graph/    the saved result     exports/    its other forms
steps/         every step's graph, if asked for     failed/    what a step was given when it failed, if asked for
"""

import secrets
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.errors import CoreCode, Problem, RunError
from nadoo_core.runs.ledger import LEDGER_FILE
from nadoo_core.store.files import as_json, refused_writes, write_whole
from nadoo_core.store.locks import held

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

LOCK_FILE = ".nadoo-lock"
GRAPH = "graph"
PRODUCTS = (GRAPH, "exports", "steps", "failed")


@frozen
class RunFolder:
    """Where a run writes; a run without a folder writes nothing."""

    path: Path | None

    def write_ledger(self, ledger: Mapping[str, Any]) -> None:
        """Let the ledger on the disk be this one."""
        if self.path is not None:
            write_whole(self.path / LEDGER_FILE, as_json(ledger))

    def save(self, graph: "ModelGraph", name: str) -> None:
        """Write a graph into the folder."""
        self.make(name, graph.save)

    def make(self, name: str, write: Callable[[Path], Any]) -> Any:
        """Let something write a folder, which gets its name when it is complete."""
        if self.path is None:
            return None
        target = self.path / name
        temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        with refused_writes(self.path):
            try:
                temporary.mkdir(parents=True)
                answer = write(temporary)
                shutil.rmtree(target, ignore_errors=True)
                temporary.rename(target)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return answer

    def clear(self) -> None:
        """Remove what an earlier run left, so that nothing stands beside a ledger that it does not belong to."""
        for path in self.path.iterdir() if self.path is not None else ():
            unfinished = path.name.startswith(".") and path.name != LOCK_FILE
            if path.name in PRODUCTS or unfinished:
                with suppress(OSError):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def opened(out: str | Path | None) -> Generator[RunFolder]:
    """The folder of a run, for this process alone; one that holds other things is refused."""
    if out is None:
        yield RunFolder(None)
        return
    path = Path(out)
    with refused_writes(path):
        path.mkdir(parents=True, exist_ok=True)
    refuse_foreign(path)
    with held(path / LOCK_FILE, f"folder {str(out)!r}"):
        yield RunFolder(path)


def refuse_foreign(path: Path) -> None:
    """A folder with other things in it is somebody's, and would be written over."""
    names = {item.name for item in path.iterdir()}
    others = sorted(name for name in names if not name.startswith("."))
    if others and LEDGER_FILE not in names:
        message = f"holds {', '.join(others[:3])} and no {LEDGER_FILE}; choose an empty folder or an earlier run's"
        raise RunError(Problem(CoreCode.RUN, f"folder {str(path)!r}", message))
