"""The names that data, training and evaluation promise are there, and promising them costs no torch."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("nadoo_core.data", "nadoo_core.evaluation", "nadoo_core.training")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_promised_name_is_found_where_it_is_said_to_live(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.HOMES) == sorted(module.__all__)
    for name, home in module.HOMES.items():
        assert getattr(module, name) is getattr(importlib.import_module(home), name)


def test_importing_the_packages_does_not_import_torch() -> None:
    program = f"import sys, {', '.join(PACKAGES)}; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
