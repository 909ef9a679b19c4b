"""Exports: the result in another form, written as a whole, and checked by whoever wrote it."""

from pathlib import Path
from typing import Any

from nadoo_core.errors import CoreCode, NadooError, Problem, RunError
from nadoo_core.recipe import Export
from nadoo_core.runs.folder import RunFolder
from nadoo_graphs.graph import ModelGraph


def exported(export: Export, graph: ModelGraph, folder: RunFolder, name: str) -> dict[str, Any]:
    """Let an exporter write its folder and verify what it wrote."""

    def write(place: Path) -> Any:
        exporter = export.exporter
        artifact = exporter(graph, place, **export.options)
        verify = getattr(exporter, "verify", None)
        if callable(verify):
            verify(artifact)
        return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())

    try:
        files = folder.make(name, write)
    except NadooError:
        raise
    except Exception as error:  # an exporter may come from anybody
        message = f"raised {type(error).__name__}: {error}; the graph itself is kept, report it to the author"
        raise RunError(Problem(CoreCode.RUN, f"export {export.to!r}", message)) from error
    return {"to": export.to, "folder": name, "files": files or []}
