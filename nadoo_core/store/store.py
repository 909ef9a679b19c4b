"""The store: every finished step under the key of all that it depends on, so that no work is lost or done twice.

    objects/ab/abcd…        the content of files by its hash; entries and run folders share them by hard links
    entries/ab/abcd…/       entry.json and graph/, which appear at once by the renaming of a folder
    trainings/abcd…/        checkpoints of trainings that are under way, by the key of their step
    temporary/              what is being written; whatever lies there for long was left by a process that died
"""

import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.errors import CoreCode, OptionError, Problem, StoreError
from nadoo_core.options import Unit
from nadoo_core.store.entry import ENTRY_FILE, GRAPH_FOLDER, Entry, entry_document, read_entry
from nadoo_core.store.files import as_json, link_or_copy, refused_writes, write_synced
from nadoo_core.store.graphs import check_file, load_graph, write_graph
from nadoo_core.store.locks import exclusive
from nadoo_core.store.pruning import Pruned, prune, unique_bytes

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

STORE_VARIABLE = "NADOO_STORE"
LIMIT_VARIABLE = "NADOO_STORE_LIMIT"
DEFAULT_LIMIT = "20 GiB"
STALE_S = 3600


@frozen
class Store:
    """A folder of finished steps; several processes may use it at the same time."""

    folder: Path
    limit_bytes: int | None = None

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

    def load(self, entry: Entry) -> "ModelGraph":
        """The graph of an entry, checked; a damaged one is a `StoreError`."""
        return load_graph(entry)

    def give(self, entry: Entry, folder: Path) -> None:
        """Put the graph of an entry into a folder, which then holds that graph and nothing else."""
        paths = [check_file(entry, name) for name in entry.files]
        temporary = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
        with refused_writes(folder.parent):
            try:
                temporary.mkdir(parents=True)
                for path in paths:
                    link_or_copy(path, temporary / path.name)
                shutil.rmtree(folder, ignore_errors=True)
                temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)

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
        parent: Entry | None = None,
        keep: Collection[str] = (),
    ) -> Entry:
        """Keep something finished; files that the parent has already are shared. `keep` are keys not to be pruned."""
        self.prepare()
        with refused_writes(self.folder):
            workshop = self.folder / "temporary" / secrets.token_hex(8)
            try:
                self.write(workshop, graph, parent, lambda files: entry_document(
                    key, kind, title, dict(inputs), dict(record), files))  # fmt: skip
                with exclusive(self.folder / "lock"):
                    self.place(workshop, key)
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
        if self.limit_bytes is not None:
            self.prune(self.limit_bytes, {*keep, key})
        return read_entry(self.entry_folder(key))

    def write(self, workshop: Path, graph: "ModelGraph | None", parent: Entry | None, document: Any) -> None:
        """Write an entry where nobody looks for it yet."""
        home = workshop / GRAPH_FOLDER
        home.mkdir(parents=True)
        known = {name: (parent.graph_folder / name, digest) for name, digest in parent.files.items()} if parent else {}
        present = {name: item for name, item in known.items() if item[0].is_file()}
        files = {} if graph is None else write_graph(graph, home, present)
        for name, digest in files.items():
            self.share(home / name, digest)
        write_synced(workshop / ENTRY_FILE, as_json(document(files)))

    def share(self, path: Path, digest: str) -> None:
        """Let a file be the one of its content that the store has, or become that one."""
        shared = self.folder / "objects" / digest[:2] / digest
        shared.parent.mkdir(parents=True, exist_ok=True)
        if shared.exists() and shared.stat().st_size == path.stat().st_size:
            if not shared.samefile(path):
                path.unlink()
                link_or_copy(shared, path)
            return
        shared.unlink(missing_ok=True)
        with suppress(OSError):
            shared.hardlink_to(path)

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
        """Forget an entry that is damaged, together with shared files that are not what their names say."""
        from nadoo_core.store.files import digest_file

        folder = self.entry_folder(key)
        for path in (folder / GRAPH_FOLDER).glob("*"):
            for shared in (self.folder / "objects").glob("*/*"):
                if shared.samefile(path) and digest_file(shared) != shared.name:
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
