"""Downloads are kept only if their hash is right, and made only where they are allowed."""

import hashlib
import io
from pathlib import Path

import pytest

from nadoo_core.data import files
from nadoo_core.data.files import Source, cache_folder, file_digest, open_url, require_or_fetch
from nadoo_core.errors import DataError

CONTENT = b"the one and only"
SOURCE = Source("data.bin", "https://example.org/data.bin", hashlib.sha256(CONTENT).hexdigest())


def opener(content: bytes = CONTENT) -> files.Opener:
    return lambda url: io.BytesIO(content)


def test_a_download_lands_in_the_cache_and_is_made_once() -> None:
    (path,) = require_or_fetch("set", [SOURCE], True, opener())
    assert path == cache_folder() / "set" / "data.bin" and path.read_bytes() == CONTENT
    assert require_or_fetch("set", [SOURCE], True, opener(b"other")) == [path]
    assert [found.name for found in path.parent.iterdir()] == ["data.bin"]


def test_nothing_is_downloaded_without_leave() -> None:
    with pytest.raises(DataError, match="allow `download = true`"):
        require_or_fetch("set", [SOURCE], False, opener())


def test_a_wrong_hash_leaves_nothing_behind() -> None:
    with pytest.raises(DataError, match="it was not kept"):
        require_or_fetch("set", [SOURCE], True, opener(b"forged"))
    assert list((cache_folder() / "set").iterdir()) == []


def test_an_unreachable_network_says_where_the_file_belongs() -> None:
    def refused(url: str) -> io.BytesIO:
        raise OSError("no route to host")

    with pytest.raises(DataError, match=r"cannot be downloaded \(no route to host\); put data.bin into .*set by hand"):
        require_or_fetch("set", [SOURCE], True, refused)


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be downloaded"):
        require_or_fetch("set", [SOURCE], True, opener())


@pytest.mark.parametrize("url", ["http://example.org/x", "file:///etc/passwd", "ftp://example.org/x"])
def test_only_https_is_spoken(url: str) -> None:
    with pytest.raises(DataError, match="no https address"):
        open_url(url)


def test_a_digest_follows_the_content_and_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one")
    assert file_digest(path) == hashlib.sha256(b"one").hexdigest()
    monkeypatch.setattr(files, "digest_file", lambda path: "read again")
    assert file_digest(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"another")
    assert file_digest(path) == "read again"
