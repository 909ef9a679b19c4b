"""CIFAR-10 from its binary archive."""

import io
import tarfile
from pathlib import Path

import pytest

from nadoo_core.data.cifar10 import ARCHIVE, Cifar10
from nadoo_core.errors import DataError
from tests.core.data.files import cifar_members, write_tar


def archive(folder: Path) -> Path:
    return folder / "cifar10" / ARCHIVE.file


def test_records_become_images_with_colours_first(data_folder: Path) -> None:
    write_tar(archive(data_folder), cifar_members(), "w:gz")
    train, test = Cifar10().load("train"), Cifar10().load("test")
    assert train.inputs.shape == (5, 3, 32, 32) and train.targets is not None and test.targets is not None
    assert train.targets.tolist() == [1, 2, 3, 4, 5] and test.targets.tolist() == [9]
    assert train.inputs[0].mean((1, 2)).tolist() == pytest.approx([1.0, 0.2, 0.0])
    assert Cifar10().classes[9] == "truck"


def test_grey_is_the_luminance(data_folder: Path) -> None:
    write_tar(archive(data_folder), cifar_members(), "w:gz")
    inputs = Cifar10(channels=1).load("train").inputs
    assert inputs.shape == (5, 1, 32, 32)
    assert float(inputs[0, 0, 0, 0]) == pytest.approx(0.299 + 0.587 * 0.2)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("data_batch_3.bin", None, "holds no 'cifar-10-batches-bin/data_batch_3.bin'"),
        ("data_batch_3.bin", b"\x01" * 3074, "has 3074 bytes, no multiple of 3073"),
        ("data_batch_3.bin", b"", "has 0 bytes"),
        ("data_batch_3.bin", b"\x0b" * 3073, "label 11 of example 2 is no class"),
    ],
)
def test_damaged_records_are_refused(data_folder: Path, name: str, data: bytes | None, message: str) -> None:
    members = cifar_members()
    members.pop(f"cifar-10-batches-bin/{name}")
    if data is not None:
        members[f"cifar-10-batches-bin/{name}"] = data
    write_tar(archive(data_folder), members, "w:gz")
    with pytest.raises(DataError, match=message):
        Cifar10().load("train")


@pytest.mark.parametrize("content", [b"no archive", b""])
def test_what_is_no_archive_is_refused(data_folder: Path, content: bytes) -> None:
    archive(data_folder).parent.mkdir()
    archive(data_folder).write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as a tar archive"):
        Cifar10().load("train")


def test_an_archive_that_was_cut_is_refused(data_folder: Path) -> None:
    write_tar(archive(data_folder), cifar_members(), "w:gz")
    archive(data_folder).write_bytes(archive(data_folder).read_bytes()[:60])
    with pytest.raises(DataError, match=r"get the file again"):
        Cifar10().load("train")


@pytest.mark.parametrize("name", ["../outside.bin", "/etc/outside.bin", "a/../../outside.bin", "a\\b.bin"])
def test_a_member_that_would_escape_is_refused(data_folder: Path, name: str) -> None:
    write_tar(archive(data_folder), {**cifar_members(), name: b"x"}, "w:gz")
    with pytest.raises(DataError, match="leads outside the archive"):
        Cifar10().load("train")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(data_folder: Path, kind: bytes) -> None:
    archive(data_folder).parent.mkdir()
    with tarfile.open(archive(data_folder), "w:gz") as opened:
        member = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        member.type, member.linkname = kind, "cifar-10-batches-bin/other.bin"
        opened.addfile(member, io.BytesIO())
    with pytest.raises(DataError, match="is a link or device"):
        Cifar10().load("test")
