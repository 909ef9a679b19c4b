"""Pictures in archives and folders; decoding needs Pillow, everything before it does not."""

import io
import tarfile
from pathlib import Path

import pytest
import torch

from nadoo_core.data import pictures
from nadoo_core.data.pictures import ImageFolder, ImageTar
from nadoo_core.errors import DataError, OptionError
from tests.core.data.files import ppm, write_tar

TRAIN = {"train/red/0.ppm": ppm(255, 0, 0), "train/blue/1.ppm": ppm(0, 0, 255), "train/red/.DS_Store": b"x"}
TEST = {"test/blue/9.ppm": ppm(0, 0, 51)}


def write_both(folder: Path, train: dict[str, bytes] = TRAIN, test: dict[str, bytes] = TEST) -> None:
    write_tar(folder / "train.tar", train)
    write_tar(folder / "test.tar", test)


def unpack(folder: Path, members: dict[str, bytes]) -> None:
    for name, data in members.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture(params=["tar", "folder"])
def dataset(request: pytest.FixtureRequest, data_folder: Path) -> ImageTar | ImageFolder:
    """The same pictures both ways."""
    if request.param == "tar":
        write_both(data_folder / "colours")
        return ImageTar(folder="colours")
    unpack(data_folder / "colours", TRAIN | TEST)
    return ImageFolder(folder="colours")


def test_the_folders_of_train_are_the_classes(dataset: ImageTar | ImageFolder) -> None:
    assert dataset.classes == ("blue", "red")
    assert set(dataset.names("train")) == {"red/0.ppm", "blue/1.ppm"} and dataset.names("test") == ("blue/9.ppm",)


def test_pictures_are_decoded(dataset: ImageTar | ImageFolder) -> None:
    pytest.importorskip("PIL")
    test = dataset.load("test")
    assert test.inputs.shape == (1, 3, 4, 4) and test.targets is not None and test.targets.tolist() == [0]
    assert test.inputs[0].mean((1, 2)).tolist() == pytest.approx([0, 0, 0.2])
    assert len(dataset.load("train")) == 2


def test_pillow_is_named_when_it_is_missing(dataset: ImageTar, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("nadoo_core.data.extras.import_module", absent)
    with pytest.raises(DataError, match=r"needs the package 'PIL'.*pip install 'nadoo\[images\]'"):
        dataset.load("test")


def test_sizes_that_differ_need_one(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "decoded", lambda data, name, channels: torch.zeros(3, len(data), len(data)))
    write_both(data_folder / "c", {"a/0.png": b"12", "b/1.png": b"123"}, {"a/2.png": b"1234"})
    with pytest.raises(DataError, match=r"pictures of 2 sizes .*2×2, 3×3.*set `size`"):
        ImageTar(folder="c").load("train")
    assert ImageTar(folder="c", size=5).load("train").inputs.shape == (2, 3, 5, 5)


def test_the_fingerprint_follows_the_files(dataset: ImageTar | ImageFolder, data_folder: Path) -> None:
    before = dataset.fingerprint()
    assert before == dataset.fingerprint()
    changed = {**TEST, "test/red/10.ppm": ppm(1, 2, 3)}
    write_both(data_folder / "colours", TRAIN, changed)
    unpack(data_folder / "colours", changed)
    assert dataset.fingerprint() != before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0.png", "does not lie in a folder of its class"),
        ("a/b/c/0.png", "does not lie in a folder of its class"),
        ("a/0.txt", "is no picture"),
        ("../a/0.png", "leads outside the archive"),
        ("/a/0.png", "leads outside the archive"),
    ],
)
def test_members_that_are_no_pictures_of_a_class_are_refused(data_folder: Path, name: str, message: str) -> None:
    write_both(data_folder / "c", {name: b"x"})
    with pytest.raises(DataError, match=message):
        ImageTar(folder="c").names("train")


def test_a_link_is_refused(data_folder: Path) -> None:
    (data_folder / "c").mkdir()
    with tarfile.open(data_folder / "c" / "train.tar", "w") as archive:
        member = tarfile.TarInfo("a/0.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member, io.BytesIO())
    with pytest.raises(DataError, match="is a link or device"):
        ImageTar(folder="c").names("train")


def test_a_large_member_is_refused(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nadoo_core.data.archive.MOST_BYTES", 3)
    write_both(data_folder / "c", {"a/0.png": b"1234"})
    with pytest.raises(DataError, match="has 4 bytes; at most 3"):
        ImageTar(folder="c").names("train")


def test_a_class_of_test_that_train_has_not_is_refused(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "decoded", lambda data, name, channels: torch.zeros(3, 2, 2))
    write_both(data_folder / "c", {"a/0.png": b"x"}, {"b/0.png": b"x"})
    with pytest.raises(DataError, match="test has a class 'b' that train has not"):
        ImageTar(folder="c").load("test")


def test_no_pictures_are_refused(data_folder: Path) -> None:
    write_both(data_folder / "c", {".hidden/0.png": b"x"})
    with pytest.raises(DataError, match="holds no picture"):
        ImageTar(folder="c").load("train")


def test_what_is_no_archive_is_refused(data_folder: Path) -> None:
    (data_folder / "c").mkdir()
    (data_folder / "c" / "train.tar").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(DataError, match="cannot be read as an uncompressed tar archive"):
        ImageTar(folder="c").names("train")


def test_a_picture_that_cannot_be_decoded_is_named(data_folder: Path) -> None:
    pytest.importorskip("PIL")
    write_both(data_folder / "c", {"a/0.png": b"no picture"})
    with pytest.raises(DataError, match=r"picture 'a/0.png': cannot be decoded"):
        ImageTar(folder="c").load("train")


def test_a_picture_of_too_many_pixels_is_refused(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    monkeypatch.setattr(pictures, "MOST_PIXELS", 15)
    write_both(data_folder / "c")
    with pytest.raises(DataError, match="has 4×4 pixels; at most 15"):
        ImageTar(folder="c").load("train")


@pytest.mark.parametrize("kind", [ImageTar, ImageFolder])
def test_a_missing_folder_is_named_with_the_places(kind: type[ImageTar | ImageFolder], data_folder: Path) -> None:
    with pytest.raises(DataError, match=r"not found in nowhere or .*data.nowhere or .*cache"):
        kind(folder="nowhere").load("train")


def test_the_folder_must_be_given() -> None:
    with pytest.raises(OptionError, match="folder"):
        ImageTar(folder="")
