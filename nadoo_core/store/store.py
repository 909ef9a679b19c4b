"""The store: every finished step under the key of all that it depends on, so that no work is lost or done twice.

objects/ab/abcd… is the content of files by its hash, which entries share by hard links.
entries/ab/abcd…/ holds entry.json and graph/, which appear at once by the renaming of a folder.
trainings/abcd…/ holds the checkpoints of trainings that are under way, by the key of their step.
notes/abcd….json are small results, such as costs, by the key of what they depend on.
working/abc is locked by the process that computes an entry whose key begins so.
temporary/ is what is being written; whatever lies there for long was left by a process that died.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.errors import CoreCode, OptionError, Problem, StoreError
from nadoo_core.options import Unit
from nadoo_core.store.entry import ENTRY_FILE, GRAPH_FOLDER, Entry, entry_document, read_entry
from nadoo_core.store.files import as_json, refused_writes, write_synced
from nadoo_core.store.graphs import Objects, load_graph, write_graph
from nadoo_core.store.locks import exclusive, waiting
from nadoo_core.store.notes import Notes
from nadoo_core.store.pruning import Pruned, prune, unique_bytes

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.ops import OpTable

STORE_VARIABLE = "NADOO_STORE"
LIMIT_VARIABLE = "NADOO_STORE_LIMIT"
DEFAULT_LIMIT = "20 GiB"
STALE_S = 3600


@frozen
class Store:
    """A folder of finished steps; several processes may use it at the same time."""

    folder: Path
    limit_bytes: int | None = None

    @property
    def notes(self) -> Notes:
        """Small results beside the entries."""
        return Notes(self.folder / "notes")

    # --- looking ---

    def find(self, key: str) -> Entry | None:
        """The entry of a key, marked as used now; a damaged one is a `StoreError`."""
        folder = self.entry_folder(key)
        if not folder.exists():
            return None
        entry = read_entry(folder)
        with suppress(OSError):
            os.utime(folder / ENTRY_FILE)
        return entry

    def entries(self) -> tuple[Entry, ...]:
        """All entries that can be read, those used last first."""
        found: list[Entry] = []
        for folder in self.folders():
            with suppress(StoreError):
                found.append(read_entry(folder))
        return tuple(sorted(found, key=lambda entry: entry.used, reverse=True))

    def folders(self) -> Iterator[Path]:
        """The folder of every entry."""
        return (self.folder / "entries").glob("*/*")

    def bytes(self) -> int:
        """How much the store takes, every shared file once."""
        return unique_bytes(self.folder)

    def load(self, entry: Entry, ops: "OpTable | None" = None) -> "ModelGraph":
        """The graph of an entry, checked; a damaged one is a `StoreError`. `ops` are those of the graph's plugins."""
        return load_graph(entry, ops)

    # --- keeping ---

    def publish(
        self,
        key: str,
        kind: str,
        title: str,
        *,
        inputs: Mapping[str, Any],
        record: Mapping[str, Any],
        graph: "ModelGraph | None" = None,
        keep: Collection[str] = (),
    ) -> Entry:
        """Keep something finished; contents that are there already are shared. `keep` are keys not to be pruned."""
        self.prepare()
        with refused_writes(self.folder):
            workshop = self.folder / "temporary" / secrets.token_hex(8)
            try:
                (workshop / GRAPH_FOLDER).mkdir(parents=True)
                objects = Objects(self.folder / "objects")
                files = {} if graph is None else write_graph(graph, workshop / GRAPH_FOLDER, objects)
                document = entry_document(key, kind, title, dict(inputs), dict(record), files)
                write_synced(workshop / ENTRY_FILE, as_json(document))
                with exclusive(self.folder / "lock"):
                    self.place(workshop, key)
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
        if self.limit_bytes is not None and self.bytes() > self.limit_bytes:
            self.prune(self.limit_bytes, {*keep, key})
        return read_entry(self.entry_folder(key))

    def place(self, workshop: Path, key: str) -> None:
        """Let an entry appear, unless another process was faster."""
        target = self.entry_folder(key)
        if target.exists():
            with suppress(StoreError):
                read_entry(target)
                return
            self.discard(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop.rename(target)

    def discard(self, key: str) -> None:
        """Forget an entry that is damaged, together with the shared files of it that may be the reason."""
        folder = self.entry_folder(key)
        objects = Objects(self.folder / "objects")
        for path in (folder / GRAPH_FOLDER).glob("*"):
            shared = objects.place(path.name)
            if shared.exists() and shared.samefile(path):
                shared.unlink(missing_ok=True)
        grave = self.folder / "temporary" / secrets.token_hex(8)
        with suppress(OSError):
            grave.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)

    def prune(self, limit_bytes: int, keep: Collection[str] = ()) -> Pruned:
        """Remove what was not used for longest, until the store is no larger than this."""
        if not self.folder.exists():
            return Pruned(0, 0, 0)
        with exclusive(self.folder / "lock"):
            return prune(self, limit_bytes, keep)

    def working(self, key: str, tell: Callable[[], object]) -> AbstractContextManager[None]:
        """Be the only process that computes an entry; a few keys share a lock, so nobody may hold two."""
        return waiting(self.folder / "working" / key[:3], tell)

    # --- places ---

    def entry_folder(self, key: str) -> Path:
        """Where the entry of a key lies, if it does."""
        return self.folder / "entries" / key[:2] / key

    def training_folder(self, key: str) -> Path:
        """Where a training keeps its checkpoints until its step is finished."""
        folder = self.folder / "trainings" / key
        with refused_writes(self.folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def end_training(self, key: str) -> None:
        """Remove the checkpoints of a step that is finished."""
        shutil.rmtree(self.folder / "trainings" / key, ignore_errors=True)

    def prepare(self) -> None:
        """Make the folders, and remove what processes left that died while they wrote."""
        with refused_writes(self.folder):
            for name in ("entries", "objects", "temporary"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.folder / "temporary").iterdir():
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > STALE_S:
                    shutil.rmtree(folder, ignore_errors=True)


def default_store() -> Store:
    """The user's store: $NADOO_STORE, or the cache folder, of at most $NADOO_STORE_LIMIT."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = os.environ.get(STORE_VARIABLE)
    limit = os.environ.get(LIMIT_VARIABLE, DEFAULT_LIMIT)
    try:
        limit_bytes = int(Unit.BYTES.read(limit))
    except ValueError as error:
        problem = Problem(CoreCode.OPTION, f"${LIMIT_VARIABLE}", f"is {limit!r}; {error}")
        raise OptionError(problem) from error
    return Store(Path(folder) if folder else cache / "nadoo" / "store", limit_bytes)
