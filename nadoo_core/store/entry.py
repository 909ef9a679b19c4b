"""One thing in the store: what it was computed from, what was found out, and the files of its graph."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from attrs import field, frozen

from nadoo_core.errors import CoreCode, Problem, StoreError
from nadoo_core.store.files import digest_value

SCHEMA = "nadoo-store-entry"
VERSION = 1
ENTRY_FILE = "entry.json"
GRAPH_FOLDER = "graph"


@frozen(kw_only=True)
class Entry:
    """A finished step, or an evaluation, under the key of everything that it depends on."""

    key: str
    kind: str
    title: str
    created: datetime
    used: datetime
    folder: Path
    inputs: Mapping[str, Any] = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)
    files: Mapping[str, str] = field(factory=dict[str, str], repr=False)
    """File of the graph → sha256 of its content."""

    @property
    def graph_folder(self) -> Path:
        """The saved graph."""
        return self.folder / GRAPH_FOLDER

    @property
    def bytes(self) -> int:
        """How much the files of the entry take, shared ones included."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def entry_document(key: str, kind: str, title: str, inputs: Any, record: Any, files: Any) -> dict[str, Any]:
    """What is written for an entry; its own hash stands in it, so that an altered one is noticed."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": VERSION,
        "key": key,
        "kind": kind,
        "title": title,
        "created": datetime.now(UTC).isoformat(),
        "inputs": inputs,
        "record": record,
        "files": dict(files),
    }
    return {**document, "sha256": digest_value(document)}


def read_entry(folder: Path) -> Entry:
    """The entry in a folder; an altered one is a `StoreError`."""
    path = folder / ENTRY_FILE
    try:
        found: Any = json.loads(path.read_bytes())
        document = cast("dict[str, Any]", found)
        claimed = document.pop("sha256", "")
        if digest_value(document) != claimed or document["key"] != folder.name or document["version"] != VERSION:
            raise ValueError("its content is not what was written")
        return Entry(
            key=document["key"],
            kind=document["kind"],
            title=document["title"],
            created=datetime.fromisoformat(document["created"]),
            used=datetime.fromtimestamp(path.stat().st_mtime, UTC),
            folder=folder,
            inputs=document["inputs"],
            record=document["record"],
            files=document["files"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise StoreError(damaged(folder.name, said)) from error


def damaged(key: str, reason: str) -> Problem:
    """The complaint about an entry that cannot be believed."""
    return Problem(CoreCode.STORE, f"store entry {key[:12]}", f"is damaged ({reason}); it will be computed again")
