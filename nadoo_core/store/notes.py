"""Notes: small results that took long, each a JSON document under the key of all that it depends on."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from nadoo_core.errors import StoreError
from nadoo_core.store.files import as_json, refused_writes, write_whole

MOST_NOTES = 2000


@frozen
class Notes:
    """A folder of notes beside the entries of a store; several processes may use it at the same time."""

    folder: Path

    def find(self, key: str) -> dict[str, Any] | None:
        """The note of a key; one that cannot be read is none, since it can be made again."""
        try:
            found = json.loads(self.path(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType]

    def keep(self, key: str, document: dict[str, Any]) -> None:
        """Keep a note, and drop the oldest where there are too many; a folder that refuses it loses nothing else."""
        with suppress(StoreError):
            with refused_writes(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.path(key), as_json(document))
            self.drop_oldest()

    def drop_oldest(self) -> None:
        """Keep as many as there may be."""
        paths = list(self.folder.glob("*.json"))
        if len(paths) <= MOST_NOTES:
            return
        with suppress(OSError):
            for path in sorted(paths, key=lambda item: item.stat().st_mtime)[: len(paths) - MOST_NOTES]:
                path.unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """The file of a note."""
        return self.folder / f"{key}.json"
