"""Exports: the result in another form, written as a whole, and checked by whoever wrote it."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_core.errors import CoreCode, NadooError, Problem, RunError
from nadoo_core.recipe import Export
from nadoo_core.runs.folder import RunFolder
from nadoo_graphs.graph import ModelGraph

if TYPE_CHECKING:
    import torch

    from nadoo_core.registry import Registry


@frozen
class ExportContext:
    """What an exporter may use beside the graph, if its call has a parameter named `context`."""

    registry: "Registry"
    """Everything that plugins offer."""
    draw: "Callable[[ModelGraph], torch.Tensor | None] | None" = None
    """Gives inputs of the run's data; none where there is no data."""

    def samples(self, graph: ModelGraph, count: int) -> "tuple[torch.Tensor, ...]":
        """So many inputs of the data at most, one tensor an input of the graph; nothing where there is no data."""
        found = None if self.draw is None or count <= 0 else self.draw(graph)
        if found is None or len(graph.inputs) != 1:
            return ()
        stride = max(1, len(found) // count)
        return (found[::stride][:count],)


def accepts_context(exporter: Any) -> bool:
    """Whether an exporter asks for a context."""
    try:
        return "context" in inspect.signature(exporter).parameters
    except (TypeError, ValueError):  # a callable that cannot be looked into
        return False


def exported(
    export: Export, graph: ModelGraph, folder: RunFolder, name: str, context: ExportContext | None = None
) -> dict[str, Any]:
    """Let an exporter write its folder and verify what it wrote."""

    def write(place: Path) -> Any:
        exporter = export.exporter
        given = {"context": context} if context is not None and accepts_context(exporter) else {}
        artifact = exporter(graph, place, **given, **export.options)
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
