"""Who may import whom: the contracts of import-linter hold, and each would catch a breach."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repository.layout import ROOT, package_folders, short

LINTER = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the checkout in `folder`, whose packages come before the installed ones."""
    roots = (folder, *(folder / root for root in ("graphs", "hardware", "recipes")))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))}
    command = [str(LINTER), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    """A checkout whose packages are empty, with the contracts of this one."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in map(short, package_folders()):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    return tmp_path


def test_the_layers_hold() -> None:
    answer = lint(ROOT)
    assert answer.returncode == 0, answer.stdout


def test_empty_packages_break_no_contract(skeleton: Path) -> None:
    assert lint(skeleton).returncode == 0


@pytest.mark.parametrize(
    ("package", "imported"),
    [
        ("graphs/nadoo_graphs", "nadoo_core"),
        ("graphs/nadoo_graphs", "nadoo_recipes"),
        ("graphs/nadoo_graphs", "click"),
        ("nadoo_core", "nadoo_hardware"),
        ("nadoo_core", "nadoo_recipes"),
        ("hardware/nadoo_hardware", "nadoo_recipes"),
        ("recipes/nadoo_recipes", "nadoo_hardware"),
    ],
)
def test_an_import_from_above_or_beside_is_caught(skeleton: Path, package: str, imported: str) -> None:
    (skeleton / package / "planted.py").write_text(f"import {imported}\n", encoding="utf-8")
    answer = lint(skeleton)
    assert answer.returncode == 1
    assert f"{Path(package).name}.planted -> {imported}" in answer.stdout
