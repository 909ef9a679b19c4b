"""The bundled digits, read from the file inside scikit-learn without importing it."""

import gzip
import sys
from pathlib import Path

import pytest
import torch

from nadoo_core.data.digits import Digits
from nadoo_core.errors import DataError


def bundle(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    """A package that is laid out as scikit-learn is."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    data = folder / "site" / "sklearn" / "datasets" / "data"
    data.mkdir(parents=True)
    (folder / "site" / "sklearn" / "__init__.py").touch()
    if content is not None:
        (data / "digits.csv.gz").write_bytes(content)
    monkeypatch.syspath_prepend(str(folder / "site"))


def table(count: int) -> bytes:
    """Image i is 16 at pixel i mod 64 and 0 elsewhere; its digit is i mod 10."""
    rows = [[16.0 if pixel == i % 64 else 0.0 for pixel in range(64)] + [i % 10] for i in range(count)]
    return gzip.compress("\n".join(",".join(map(str, row)) for row in rows).encode())


def test_a_fifth_of_every_class_is_for_testing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle(tmp_path, monkeypatch, table(100))
    train, test = Digits().load("train"), Digits().load("test")
    assert train.inputs.shape == (80, 1, 8, 8) and float(train.inputs.max()) == 1.0
    assert train.targets is not None and test.targets is not None
    assert test.targets.bincount().tolist() == [2] * 10 and train.targets.bincount().tolist() == [8] * 10
    assert "sklearn" not in sys.modules


def test_the_split_is_always_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle(tmp_path, monkeypatch, table(50))
    first, second = Digits().load("test"), Digits().load("test")
    assert torch.equal(first.inputs, second.inputs)
    assert Digits().fingerprint() == Digits().fingerprint() != Digits(size=16).fingerprint()


def test_a_missing_package_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nadoo_core.data.digits.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install 'nadoo\[examples\]'"):
        Digits().load("train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing; install scikit-learn again"),
        (b"no gzip", "cannot be read"),
        (gzip.compress(b"1,2,3", mtime=0), "does not have 65 numbers in every line"),
        (gzip.compress(b"", mtime=0), "does not have 65 numbers in every line"),
        (gzip.compress(b"a,b", mtime=0), "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    bundle(tmp_path, monkeypatch, content)
    with pytest.raises(DataError, match=message):
        Digits().load("train")


def test_the_real_bundle_has_1797_digits() -> None:
    pytest.importorskip("sklearn")
    train, test = Digits().load("train"), Digits().load("test")
    assert len(train) + len(test) == 1797 and len(test) == 359
