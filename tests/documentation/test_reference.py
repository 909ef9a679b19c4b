"""Everything that is registered is documented, and the documentation is what runs."""

import importlib.util
import re
from types import ModuleType
from typing import Any

import pytest

from nadoo_core.cost import all_devices
from nadoo_core.registry import Registry
from nadoo_graphs.errors import Code
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.ops import standard_ops
from tests.repository.layout import ROOT


def hooks() -> ModuleType:
    """The module that mkdocs makes the reference pages with."""
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs" / "hooks" / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return hooks().pages()


def test_every_operator_is_on_its_page(pages: dict[str, str]) -> None:
    missing = [row.name for row in standard_ops() if f"| `{row.name}` |" not in pages["reference/operators.md"]]
    assert missing == []


@pytest.mark.parametrize("row", standard_ops(), ids=lambda row: row.name)
def test_an_operator_says_what_it_does(row: Any) -> None:
    assert len(row.summary) > 2
    assert row.summary.endswith(".")


def test_every_format_is_on_its_page(pages: dict[str, str]) -> None:
    missing = [row.name for row in standard_formats() if f"| `{row.name}` |" not in pages["reference/formats.md"]]
    assert missing == []


def test_every_code_is_on_the_page_of_errors(pages: dict[str, str]) -> None:
    assert [code.value for code in Code if f"`{code.value}`" not in pages["reference/errors.md"]] == []


def test_every_device_is_on_its_page_with_every_fact(pages: dict[str, str]) -> None:
    page = pages["reference/devices.md"]
    for device in all_devices(Registry.of(installed=True)):
        section = page.split(f"## {device.name}\n", 1)[1].split("\n## ", 1)[0]
        assert [path for path in device.facts() if f"| `{path}` |" not in section] == []
        assert all(alias in section for alias in device.aliases)


@pytest.mark.parametrize("kind", ["passes", "datasets", "clip_rules"])
def test_every_registered_class_has_documentation_and_so_has_each_option(kind: str, pages: dict[str, str]) -> None:
    registry = Registry.of(installed=True)
    page = pages[f"reference/{kind}.md"]
    assert registry.names(kind)
    for name in registry.names(kind):
        section = page.split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]
        assert (registry.load(kind, name).__doc__ or "").strip() in section
        options = [line for line in section.splitlines() if line.startswith("| `")]
        assert all(re.match(r"\| `[^`]+` \| \S.* \| \S.* \|", line) for line in options), (name, options)
