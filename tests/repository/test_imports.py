"""Importing nadoo costs nothing, and the names it promises are there."""

import importlib
import subprocess
import sys

import pytest

import nadoo_core
import nadoo_graphs
from nadoo_graphs.lazy import lazy_names

PACKAGES = ("nadoo_core", "nadoo_graphs", "nadoo_hardware", "nadoo_recipes")


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_does_not_import_torch(package: str) -> None:
    program = f"import sys, {package}; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize("package", [nadoo_core, nadoo_graphs])
def test_every_promised_name_is_found_where_it_is_said_to_live(package: object) -> None:
    homes: dict[str, str] = vars(package)["HOMES"]
    assert vars(package)["__all__"] == sorted(homes)
    for name, home in homes.items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)


def test_every_promised_name_is_listed() -> None:
    assert {"capture", "load", "ModelGraph"} <= set(dir(nadoo_core))


def test_a_misspelt_name_is_refused_with_what_is_offered() -> None:
    find, _ = lazy_names("house", {"door": "os", "window": "sys"})
    with pytest.raises(AttributeError, match="house has no name 'dor'; it offers door, window"):
        find("dor")


def test_the_function_capture_is_found_although_a_module_has_its_name() -> None:
    importlib.import_module("nadoo_graphs.capture")
    assert callable(nadoo_core.capture)
