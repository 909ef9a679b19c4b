"""Where data files are looked for, how they are identified, and how they are fetched where that is allowed."""

import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from attrs import frozen

from nadoo_core.data.errors import data_error

DATA_VARIABLE = "NADOO_DATA"
CHUNK_BYTES = 1024**2
TIMEOUT_S = 60
Opener = Callable[[str], IO[bytes]]


@frozen
class Source:
    """A file that the world offers: where, and the hash that proves it is the one."""

    file: str
    url: str
    sha256: str


def cache_folder() -> Path:
    """Where downloaded data is kept, as the system's conventions have it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "nadoo" / "data"


def data_folders(name: str) -> tuple[Path, ...]:
    """The folders in which a data set's files may lie, the user's own first."""
    own = os.environ.get(DATA_VARIABLE)
    return (*((Path(own) / name,) if own else ()), cache_folder() / name)


def find(name: str, file: str) -> Path | None:
    """The first of the folders' files of this name."""
    return next((folder / file for folder in data_folders(name) if (folder / file).exists()), None)


def require(name: str, files: Sequence[str], advice: str) -> list[Path]:
    """All the files of a data set, or one message with every missing file and every folder that was looked at."""
    found = {file: find(name, file) for file in files}
    missing = [file for file, path in found.items() if path is None]
    if missing:
        raise data_error(f"dataset {name!r}", absence(missing, data_folders(name), advice))
    return [path for path in found.values() if path is not None]


def absence(missing: Sequence[str], folders: Sequence[Path], advice: str) -> str:
    """What is not there, where it was looked for, and what to do."""
    places = " or ".join(map(str, folders))
    unset = "" if os.environ.get(DATA_VARIABLE) else f" ({DATA_VARIABLE} is not set)"
    return f"{', '.join(missing)} not found in {places}{unset}; {advice}"


def require_or_fetch(name: str, sources: Sequence[Source], download: bool, opener: Opener | None = None) -> list[Path]:
    """The files of a data set; those that are missing are downloaded if that is allowed."""
    if download:
        for source in sources:
            if find(name, source.file) is None:
                fetch(source, cache_folder() / name, opener or open_url)
    advice = f"put them there, set {DATA_VARIABLE} to the folder that holds {name}/, or allow `download = true`"
    return require(name, [source.file for source in sources], advice)


def open_url(url: str) -> IO[bytes]:
    """A stream over the network; only https is spoken."""
    from urllib.request import urlopen

    if not url.startswith("https://"):
        raise data_error(url, "is no https address")
    return urlopen(url, timeout=TIMEOUT_S)  # noqa: S310 - the scheme is checked above


def fetch(source: Source, folder: Path, opener: Opener) -> Path:
    """Download a file; it gets its name only after its hash was checked."""
    temporary = folder / f".{source.file}-{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with opener(source.url) as stream, temporary.open("wb") as file:
            actual = copied(stream, file)
        if actual != source.sha256:
            message = f"has sha256 {actual}, expected {source.sha256}; it was not kept: get the file from another place"
            raise data_error(source.url, message)
        return temporary.replace(folder / source.file)
    except OSError as error:
        message = f"cannot be downloaded ({error}); put {source.file} into {folder} by hand"
        raise data_error(source.url, message) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def copied(stream: IO[bytes], file: IO[bytes]) -> str:
    """Copy a stream and give the hash of what went through."""
    found = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        found.update(chunk)
        file.write(chunk)
    return found.hexdigest()


def identity(path: Path) -> tuple[Any, ...]:
    """What changes when a file's content does, without reading it."""
    status = path.stat()
    return str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino


def file_digest(path: Path) -> str:
    """The sha256 of a file, computed once while the file stays what it is."""
    return digest_of(identity(path))


@lru_cache(maxsize=4096)
def digest_of(identity: tuple[Any, ...]) -> str:
    """The hash behind an identity; a changed file has another identity."""
    return digest_file(Path(identity[0]))


def digest_file(path: Path) -> str:
    """The sha256 of a file, read now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
