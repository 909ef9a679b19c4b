"""Files of tar archives, read in memory: nothing is unpacked, and a member that would escape is still refused."""

import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from nadoo_core.data.errors import data_error

MOST_BYTES = 256 * 1024**2


def plain_members(archive: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """The regular files of an archive; links, devices and paths that lead outside are refused, folders skipped."""
    for member in archive:
        where = f"file {str(path)!r}"
        parts = PurePosixPath(member.name)
        if parts.is_absolute() or ".." in parts.parts or "\\" in member.name:
            raise data_error(where, f"member {member.name!r} leads outside the archive; get another file")
        if member.isdir():
            continue
        if not member.isreg():
            raise data_error(where, f"member {member.name!r} is a link or device; only files are read")
        if member.size > MOST_BYTES:
            message = f"member {member.name!r} has {member.size} bytes; at most {MOST_BYTES} are read"
            raise data_error(where, message)
        yield member


def read_members(archive: tarfile.TarFile, path: Path, names: Collection[str]) -> dict[str, bytes]:
    """The contents of the named members, as far as they are there."""
    found: dict[str, bytes] = {}
    for member in plain_members(archive, path):
        name = str(PurePosixPath(member.name))
        if name in names:
            found[name] = content(archive, member)
    return found


def content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The bytes of one regular file."""
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
