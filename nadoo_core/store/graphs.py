"""Graphs in the store: written so that files which an earlier graph has already are shared instead of written again."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nadoo_graphs.errors import GraphError

from nadoo_core.errors import StoreError
from nadoo_core.store.entry import Entry, damaged
from nadoo_core.store.files import digest_file, link_or_copy, sync, write_synced

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph


def write_graph(graph: "ModelGraph", folder: Path, known: Mapping[str, tuple[Path, str]]) -> dict[str, str]:
    """Write a graph into an empty folder and give the hash of each file; `known` are files that need no writing.

    The name of a data file follows from the hashes of its tensors, so an equal name is an equal content.
    """
    from nadoo_graphs.saving.paths import GRAPH_FILE
    from nadoo_graphs.saving.write import data_files, document_text, require_valid
    from nadoo_graphs.formats import standard_formats

    require_valid(graph)
    files = [file for file in data_files(graph, standard_formats()) if file.table]
    found: dict[str, str] = {}
    for file in files:
        target = folder / file.name
        if file.name in known:
            path, found[file.name] = known[file.name]
            link_or_copy(path, target)
            continue
        target.touch()
        mode = target.stat().st_mode
        file.write(target)
        target.chmod(mode)
        sync(target)
        found[file.name] = digest_file(target)
    write_synced(folder / GRAPH_FILE, document_text(graph, files))
    return {**found, GRAPH_FILE: digest_file(folder / GRAPH_FILE)}


def load_graph(entry: Entry) -> "ModelGraph":
    """The graph of an entry; whatever is wrong with its files is a `StoreError`."""
    from nadoo_graphs.saving import load

    check_file(entry, "graph.json")
    try:
        graph = load(entry.graph_folder, allow_nonfinite=True)
    except GraphError as error:
        raise StoreError(damaged(entry.key, str(error.problems[0]))) from error
    if graph.fingerprint() != entry.record.get("fingerprint"):
        raise StoreError(damaged(entry.key, "its graph has another fingerprint"))
    return graph


def check_file(entry: Entry, name: str) -> Path:
    """A file of an entry's graph whose content is what was written."""
    path = entry.graph_folder / name
    try:
        if digest_file(path) == entry.files.get(name):
            return path
        reason = f"{name} has another content"
    except OSError as error:
        reason = f"{name} cannot be read: {error.strerror}"
    raise StoreError(damaged(entry.key, reason))
