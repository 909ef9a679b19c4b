"""Files of a saved graph by name: each must lie in its folder, whatever the document or a symbolic link says."""

import stat
from pathlib import Path

from nadoo_graphs.errors import Code, LoadError, Problem

GRAPH_FILE = "graph.json"
SUFFIX = ".safetensors"


def inside(folder: Path, name: str) -> Path:
    """The path of a file of the folder; a name or a link that leads elsewhere is E12."""
    if not is_plain(name):
        message = "is not a plain file name; a saved graph refers to files of its own folder only"
        raise LoadError(Problem(Code.PATH, f"file {name[:60]!r}", message))
    path = folder / name
    try:
        resolved, home = path.resolve(), folder.resolve()
    except (OSError, RuntimeError) as error:
        raise LoadError(Problem(Code.PATH, f"file {name!r}", f"is a link that leads nowhere: {error}")) from error
    if resolved.parent != home:
        message = f"is a symbolic link to {resolved}, outside of the folder; put the file itself there"
        raise LoadError(Problem(Code.PATH, f"file {name!r}", message))
    return path


def is_plain(name: str) -> bool:
    """Whether a name is one component of a path on every system."""
    return bool(name) and name not in {".", ".."} and not set(name) & set("/\\:\0")


def regular_size(path: Path) -> int:
    """The length of a file; a directory or a pipe, whose reading may never end, is refused."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        message = f"cannot be read ({reason(error)}); restore it or save the graph again"
        raise LoadError(Problem(Code.DATA, f"file {path.name!r}", message)) from error
    if stat.S_ISREG(status.st_mode):
        return status.st_size
    raise LoadError(Problem(Code.DATA, f"file {path.name!r}", "is not a regular file; restore it or save again"))


def reason(error: Exception) -> str:
    """What the system said, without the path that the message has already."""
    return getattr(error, "strerror", None) or str(error)
