"""`nadoo emulate`: the same counts for people and for programs."""

from pathlib import Path

import pytest

from nadoo_hardware.emulator import emulate
from tests.core.command_line.calling import call
from tests.hardware.emulator.programs import LOOP, assembled


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    """A program that was counted by hand."""
    return assembled(tmp_path, "m4", LOOP["arm"]).elf


def test_programs_get_one_document(elf: Path) -> None:
    document = call("emulate", str(elf), "--core", "m4", "--entry", "entry", "--json").document
    found = emulate(elf, "m4", "entry")
    assert document["instructions"] == 83
    assert document["cycles"] is None
    assert document["cycles_unknown"] == "unknown because no device was named"
    assert document["stack_bytes"] == 8
    assert document["functions"] == {"leaf": 50, "entry": 33}
    assert document["classes"] == dict(found.classes)


def test_a_device_gives_cycles(elf: Path) -> None:
    arguments = ("emulate", str(elf), "--core", "m4", "--entry", "entry", "--device", "stm32f446")
    document = call(*arguments, "--json").document
    assert document["cycles"] > document["instructions"]
    assert document["verified"] is False
    text = call(*arguments).text
    assert "not checked against published cycles" in text
    assert "of which waiting for flash" in text
    assert "branch_not_taken" in text


def test_people_read_names_and_refusals(elf: Path) -> None:
    assert "unknown because no device was named" in call("emulate", str(elf), "--core", "m4", "--entry", "entry").text
    wrong = call("emulate", str(elf), "--core", "m4", "--entry", "leef")
    assert wrong.code != 0
    assert "no function 'leef'" in wrong.errors
