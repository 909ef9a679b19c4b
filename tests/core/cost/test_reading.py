"""Device files are read strictly: every mistake at once, each with its file and field."""

from pathlib import Path

import pytest

from nadoo_core.cost import Device, Fact, read_device
from nadoo_core.cost.reading import parse_device
from nadoo_core.errors import CoreCode, DeviceError, OptionError
from nadoo_core.options import unstructure

GOOD = """
name = "toy"
aliases = ["plaything"]
isa = "rv32imc"

clock_hz = { value = 48_000_000, source = "sheet", quality = "datasheet", verified = true }
sram_bytes = { value = "2 KiB", source = "sheet", quality = "datasheet" }
has_mul = { value = false, source = "sheet", quality = "memory", note = "none" }

[cycles_per_mac.flash.conv]
int8 = { value = 26, source = "paper", quality = "secondary" }

[sources]
sheet = "The data sheet of the toy"
paper = "A paper about the toy"
"""


def problems(text: str) -> dict[str, str]:
    """Where something is wrong, and what."""
    with pytest.raises(DeviceError) as caught:
        parse_device(text, "toy.toml")
    return {problem.where: problem.message for problem in caught.value.problems}


def fact(value: object, more: str = "") -> str:
    return f'{{ value = {value}, source = "x", quality = "datasheet"{more} }}'


def test_a_file_becomes_facts_with_their_documents(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(GOOD, encoding="utf-8")
    device = read_device(tmp_path / "toy.toml")
    assert device.clock_hz == Fact(48e6, "The data sheet of the toy", "datasheet", verified=True)
    assert device.sram_bytes is not None
    assert device.sram_bytes.value == 2048
    assert device.has_mul is not None
    assert device.has_mul.value is False
    assert set(device.facts()) == {"clock_hz", "sram_bytes", "has_mul", "cycles_per_mac.flash.conv.int8"}
    assert device.fact("cycles_per_mac.flash.conv.int8") == Fact(26.0, "A paper about the toy", "secondary")


def test_what_a_device_says_reads_as_the_same_device() -> None:
    device = parse_device(GOOD, "toy.toml")
    from nadoo_core.cost.reading import device_of_tables

    again = device_of_tables({key: value for key, value in unstructure(device).items() if value is not None}, "again")
    assert again == device
    assert again.fingerprint() == device.fingerprint()


def test_a_device_knows_what_it_does_not_know() -> None:
    device = parse_device(GOOD, "toy.toml")
    assert "flash_bytes" in device.unknown()
    assert "clock_hz" not in device.unknown()
    with pytest.raises(DeviceError, match="flash_bytes is not known"):
        device.require("flash_bytes")
    with pytest.raises(DeviceError, match="'clock_hz'"):
        device.fact("clok_hz")


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("clock_hz", "48e12", "at most 1e+10"),
        ("clock_hz", "0", "above 0"),
        ("clock_hz", "-1", "above 0"),
        ("clock_hz", "nan", "a finite number"),
        ("clock_hz", '"48 MHz"', "a finite number"),
        ("sram_bytes", "0", "from 1 to"),
        ("sram_bytes", "2_000_000_000_000_000", "from 1 to"),
        ("sram_bytes", '"2 KB"', "2 KiB"),
        ("sram_bytes", "1.5", "give"),
        ("cores", "0", "from 1 to"),
        ("wait_states", "-1", "from 0 to"),
        ("tdp_w", "-300", "above 0"),
        ("has_mul", "1", "true or false"),
        ("energy_pj_per_mac", "{ int8 = " + fact(-0.2) + " }", "above 0"),
        ("bandwidth", "{ dram = " + fact(0) + " }", "above 0"),
        ("mac_per_cycle", "{ int9 = " + fact(1) + " }", "'int8'"),
        ("cycles", "{ laod = " + fact(1) + " }", "'load'"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_field(field: str, value: str, advice: str) -> None:
    table = value if value.startswith("{") else fact(value)
    found = problems(f'name = "toy"\n{field} = {table}\n')
    assert len(found) == 1
    (where, message) = found.popitem()
    assert where.startswith(f"toy.toml: {field}")
    assert advice in message


def test_all_mistakes_are_said_at_once() -> None:
    found = problems("""
        name = "Toy"
        clok_hz = 3
        volts = { value = 3.3, sorce = "x", quality = "datasheeet" }
        cores = []
        [sources]
        sheet = "The data sheet"
        [clock_hz]
        value = 48e12
        source = "shet"
        quality = "datasheet"
    """)
    assert "'clock_hz'" in found["toy.toml"]
    assert "in [sources]; did you mean 'sheet'?" in found["toy.toml: clock_hz.source"]
    assert "at most" in found["toy.toml: clock_hz.value"]
    assert "'datasheet'" in found["toy.toml: volts.quality"]
    assert "value, source and quality" in found["toy.toml: cores"]
    assert "volts" in " ".join(found)


@pytest.mark.parametrize("text", ["name = ", "name = 'a'\nname = 'b'", "x = " + "[" * 5000, "n = 1" + "0" * 5000])
def test_what_is_no_toml_is_refused(text: str) -> None:
    assert "is not TOML" in problems(text)["toy.toml"]


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name in ("nothing.toml", "binary.toml"):
        with pytest.raises(DeviceError, match="cannot be read"):
            read_device(tmp_path / name)


def test_names_that_nobody_could_type_are_refused() -> None:
    assert "lower-case" in problems('name = "My Toy"')["toy.toml"]
    assert "twice" in problems('name = "toy"\naliases = ["toy"]')["toy.toml"]
    assert "activations-weights" in problems(f'name = "toy"\n[mac_per_cycle_pair]\nint8 = {fact(2)}')["toy.toml"]


def test_a_device_made_in_python_is_checked_too() -> None:
    with pytest.raises(OptionError, match="at most"):
        Device(name="toy", clock_hz=Fact(1e12, "me", "stated"))
    assert CoreCode.MISSING_FACT.meaning


def test_every_part_of_a_fact_is_in_the_schema() -> None:
    from nadoo_core.options import json_schema

    schema = json_schema(Device)["properties"]
    number, table = schema["clock_hz"]["anyOf"][0]["anyOf"]
    assert number["type"] == "number"
    assert table["required"] == ["value", "source", "quality"]
    assert all(entry["description"] for entry in schema.values())


def test_plain_numbers_of_a_users_own_file_are_stated_facts(tmp_path: Path) -> None:
    path = tmp_path / "Mine.toml"
    path.write_text('clock_hz = 48e6\nsram_bytes = "2 KiB"\nhas_fpu = false\n[bandwidth]\ndram = 1e9\n')
    device = read_device(path)
    assert (device.name, device.require("sram_bytes").value, device.require("has_fpu").value) == ("mine", 2048, False)
    assert device.require("bandwidth.dram") == Fact(1e9, "stated without a source", "stated")


@pytest.mark.parametrize(("value", "advice"), [("-48e6", "above 0"), ("0", "above 0"), ("48e12", "at most")])
def test_plain_numbers_have_the_range_of_their_field(value: str, advice: str) -> None:
    found = problems(f'name = "toy"\nclock_hz = {value}\n')
    assert list(found) == ["toy.toml: clock_hz"]
    assert advice in found["toy.toml: clock_hz"]
