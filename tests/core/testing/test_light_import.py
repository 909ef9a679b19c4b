"""`nadoo new-plugin` waits for nothing that it does not need."""

import importlib
import subprocess
import sys

import pytest

import nadoo_core.testing


def test_importing_the_package_and_writing_a_plugin_need_neither_torch_nor_hypothesis() -> None:
    program = (
        "import sys, nadoo_core.testing; nadoo_core.testing.new_plugin; "
        "print([name for name in ('torch', 'hypothesis') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", nadoo_core.testing.__all__)
def test_every_promised_name_is_found_where_it_is_said_to_live(name: str) -> None:
    home = nadoo_core.testing.HOMES[name]
    assert getattr(nadoo_core.testing, name) is getattr(importlib.import_module(home), name)


def test_no_module_has_the_name_of_a_thing_that_is_imported_when_used() -> None:
    modules = {home.removeprefix("nadoo_core.testing.") for home in nadoo_core.testing.HOMES.values()}
    assert not modules & set(nadoo_core.testing.__all__)
