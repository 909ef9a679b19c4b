"""A plugin that was just made works: its tests pass as written, and the check of plugins holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nadoo_core.errors import PluginError
from nadoo_core.testing import new_plugin


def test_the_tests_of_a_new_plugin_pass_as_written(tmp_path: Path) -> None:
    home = new_plugin("mirror-image", tmp_path)
    assert home == tmp_path / "nadoo-mirror-image"
    environment = {**os.environ, "PYTHONPATH": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    answer = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "5 passed" in answer.stdout


def test_its_files_are_filled_in_and_none_of_them_is_left_a_template(tmp_path: Path) -> None:
    home = new_plugin("mirror", tmp_path)
    names = sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
    assert names == [
        "README.md",
        "nadoo_mirror/__init__.py",
        "nadoo_mirror/plugin.py",
        "nadoo_mirror/py.typed",
        "nadoo_mirror/remove_double_negation.py",
        "nadoo_mirror/softsign.py",
        "pyproject.toml",
        "tests/test_nadoo_mirror.py",
    ]
    assert all("$" not in (home / name).read_text(encoding="utf-8") for name in names)
    assert 'nadoo_mirror = "nadoo_mirror.plugin"' in (home / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["mirror-image", "nadoo-mirror-image", "nadoo_mirror_image", "mirror_image"])
def test_the_prefix_and_the_kind_of_hyphen_do_not_matter(name: str, tmp_path: Path) -> None:
    assert new_plugin(name, tmp_path).name == "nadoo-mirror-image"


@pytest.mark.parametrize("name", ["", "Mirror", "1st", "a b", "../up", "a--b", "class", "-a", "a-"])
def test_a_name_that_cannot_be_a_package_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="small letters, digits and hyphens"):
        new_plugin(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["core", "graphs", "nadoo-cleanup"])
def test_the_name_of_a_package_that_is_there_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="installed already"):
        new_plugin(name, tmp_path)


def test_a_folder_that_is_there_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "nadoo-mirror").mkdir()
    with pytest.raises(PluginError, match="exists already"):
        new_plugin("mirror", tmp_path)
    assert list((tmp_path / "nadoo-mirror").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PluginError, match="cannot be written"):
        new_plugin("mirror", tmp_path / "file")
