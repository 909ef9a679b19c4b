"""Every device file: it loads, every number says where it comes from, names are unique, published values hold."""

import tomllib
from pathlib import Path

import pytest

from nadoo_core.cost import Device, all_devices, find_device, read_device
from nadoo_core.formulas import crossover_batch, ridge_intensity, roofline_time
from nadoo_core.registry import Registry
from tests.repository.layout import ROOT

FILES = sorted((ROOT / "hardware" / "nadoo_hardware" / "devices").glob("*.toml"))
WANTED = [
    "ch32v003", "ch32v002", "rp2040", "stm32u0", "stm32f446", "stm32f407", "stm32l476", "nrf52840", "stm32f746",
    "stm32h743", "stm32u585", "alif-e3", "esp32", "raspberry-pi-4", "raspberry-pi-5", "apple-m1", "apple-m1-max",
    "apple-m2-max", "apple-m3-max", "apple-m4-max", "v100", "a100", "h200", "stm32f103", "stm32f401", "stm32f411",
    "nrf5340", "ch32v203", "esp32c3", "apple-m2", "x86-64", "mpic", "gap8", "adaptqnet",
]  # fmt: skip
ALIASES = {"mac_studio": "apple-m2", "raspberry_pi": "raspberry-pi-4", "cortex_m4": "stm32f401"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.of(installed=True)


@pytest.fixture(scope="module")
def devices(registry: Registry) -> dict[str, Device]:
    return {device.name: device for device in all_devices(registry)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_a_device_whose_facts_have_sources(path: Path) -> None:
    device = read_device(path)
    assert device.name == path.stem
    assert device.title
    assert device.facts() or device.cycle_formula
    for where, fact in device.facts().items():
        assert len(fact.source) > 8, where
        assert fact.quality != "stated", where
        assert fact.quality != "derived" or fact.note, f"{where}: say what it is derived from"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_document_that_a_file_lists_is_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in tomllib.loads(text)["sources"]:
        assert f'source = "{name}"' in text, name


def test_every_device_that_was_promised_is_there(devices: dict[str, Device]) -> None:
    assert sorted(set(WANTED) - set(devices)) == []
    assert len(FILES) == len([name for name in devices if (FILES[0].parent / f"{name}.toml").exists()])


def test_names_and_aliases_are_unique_and_can_be_typed(devices: dict[str, Device]) -> None:
    names = [name for device in devices.values() for name in (device.name, *device.aliases)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_the_aliases_of_the_seeds(alias: str, name: str, registry: Registry) -> None:
    assert find_device(alias, registry).name == name


@pytest.mark.parametrize(
    ("name", "precision", "ridge"),
    [
        ("v100", "float32", 17.4),
        ("v100", "float16", 138.9),
        ("a100", "float16", 200.6),
        ("h200", "float16", 206.0),
        ("h200", "int8", 412.3),
        ("raspberry-pi-4", "float32", 3.75),
        ("raspberry-pi-5", "float32", 9.0),
    ],
)
def test_the_published_ridges_follow_from_the_facts(
    name: str, precision: str, ridge: float, devices: dict[str, Device]
) -> None:
    device = devices[name]
    peak = device.peak(precision)
    assert peak is not None
    assert ridge_intensity(peak.value, device.require("bandwidth.dram").value) == pytest.approx(ridge, abs=0.06)


@pytest.mark.parametrize(
    ("name", "batch", "microseconds"),
    [("v100", 1, 2.33), ("a100", 1, 1.35), ("h200", 1, 0.44), ("v100", 256, 4.29), ("h200", 4096, 8.69)],
)
def test_the_published_times_of_a_linear_layer_follow_from_the_facts(
    name: str, batch: int, microseconds: float, devices: dict[str, Device]
) -> None:
    device = devices[name]
    peak = device.peak("float16")
    assert peak is not None
    moved = 2 * (1024 * 1024 + 2 * batch * 1024)
    seconds = roofline_time(batch * 1024 * 1024, moved, peak.value, device.require("bandwidth.dram").value)
    assert seconds * 1e6 == pytest.approx(microseconds, rel=0.01)


def test_the_published_crossover_follows_from_the_facts(devices: dict[str, Device]) -> None:
    for name, batch in (("a100", 330), ("h200", 345)):
        peak = devices[name].peak("float16")
        assert peak is not None
        ridge = ridge_intensity(peak.value, devices[name].require("bandwidth.dram").value)
        assert crossover_batch(ridge, 1024) == pytest.approx(batch, abs=1)


@pytest.mark.parametrize(("name", "picojoules"), [("stm32u0", 156), ("nrf52840", 156), ("stm32l476", 300)])
def test_the_published_energies_of_a_cycle_follow_from_the_facts(
    name: str, picojoules: float, devices: dict[str, Device]
) -> None:
    found = devices[name].energy_pj_per_cycle()
    assert found is not None
    assert found.value == pytest.approx(picojoules)


def test_the_datapath_costs_what_was_published(devices: dict[str, Device]) -> None:
    energies = {name: fact.value for name, fact in devices["horowitz-45nm"].energy_pj_per_mac.items()}
    assert energies == {"int8": 0.23, "int32": 3.2, "float16": 1.5, "float32": 4.6}
    resnet_50 = 4.09e9
    assert resnet_50 * energies["float32"] * 1e-9 == pytest.approx(18.8, abs=0.05)


def test_the_same_work_takes_longer_from_flash(devices: dict[str, Device]) -> None:
    for name in ("ch32v002", "ch32v003"):
        flash, sram = (devices[name].mac_cycles("linear", "4bitsym", place) for place in ("flash", "sram"))
        assert flash is not None
        assert sram is not None
        assert flash.value > 1.3 * sram.value


@pytest.mark.parametrize("name", ["stm32f401", "stm32f746", "stm32h743", "nrf5340", "stm32u585", "rp2040", "stm32f103"])
def test_common_microcontrollers_have_a_rate_for_every_kind_of_layer(name: str, devices: dict[str, Device]) -> None:
    for kind in ("conv", "depthwise", "linear"):
        found = devices[name].mac_cycles(kind, "int8")
        assert found is not None
        assert 0.3 < found.value < 50
