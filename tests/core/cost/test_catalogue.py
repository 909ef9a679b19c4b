"""Devices by name, alias and file, from our plugin and from a stranger's."""

from pathlib import Path

import pytest

from nadoo_core.cost import all_devices, find_device
from nadoo_core.errors import DeviceError
from nadoo_core.registry import Registry

TOY = 'name = "toy"\naliases = ["plaything"]\nclock_hz = { value = 1, source = "x", quality = "measured" }\n'
PLUGIN = """
from pathlib import Path
from nadoo_core.cost import Device, Fact
from nadoo_core.registry import Plugin, hookimpl

def made():
    return Device(name="made", cores=Fact(3, "a stranger", "measured"))

@hookimpl
def nadoo_plugin():
    return Plugin(api=1, devices={"toy": Path(__file__).parent / "toy.toml", "made": made, **MORE})
"""


def registry(folder: Path, more: str = "{}") -> Registry:
    """A stranger's plugin that offers devices."""
    (folder / "toy.toml").write_text(TOY, encoding="utf-8")
    (folder / "stranger.py").write_text(f"MORE = {more}\n{PLUGIN}", encoding="utf-8")
    return Registry.of(installed=False, files=[folder / "stranger.py"])


def test_devices_come_from_files_and_from_functions(tmp_path: Path) -> None:
    known = registry(tmp_path)
    assert [device.name for device in all_devices(known)] == ["made", "toy"]
    assert find_device("made", known).require("cores").value == 3
    assert find_device("plaything", known).name == "toy"


def test_a_user_has_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(TOY.replace('"toy"', '"mine"'), encoding="utf-8")
    none = Registry.of(installed=False)
    assert find_device(tmp_path / "mine.toml", none).name == "mine"
    assert find_device("mine.toml", none, beside=tmp_path).name == "mine"
    with pytest.raises(DeviceError, match="cannot be read"):
        find_device("other.toml", none, beside=tmp_path)


def test_a_json_file_is_a_plain_mapping(tmp_path: Path) -> None:
    none = Registry.of(installed=False)
    (tmp_path / "card.json").write_text('{"gpu_cores": 5120, "memory_bandwidth": 1e12}', encoding="utf-8")
    device = find_device("card.json", none, beside=tmp_path)
    assert (device.name, set(device.facts())) == ("card", {"cores", "bandwidth.dram"})
    for text, message in (("{", "is not JSON"), ("[1]", "an object"), ('{"gpu_core": 1}', "'gpu_cores'")):
        (tmp_path / "card.json").write_text(text, encoding="utf-8")
        with pytest.raises(DeviceError, match=message):
            find_device(tmp_path / "card.json", none)
    with pytest.raises(DeviceError, match="cannot be read"):
        find_device("other.json", none, beside=tmp_path)


def test_an_unknown_device_gets_the_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"did you mean 'plaything';"):
        find_device("playthng", registry(tmp_path))
    with pytest.raises(DeviceError, match="nadoo devices"):
        find_device("stm32f401", registry(tmp_path))
    with pytest.raises(DeviceError, match="not in use: nadoo_hardware"):
        find_device("stm32f401", Registry.of(without=["nadoo_hardware"]))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('{"other": Path(__file__).parent / "toy.toml"}', "calls itself 'toy'"),
        ('{"other": 7}', "is int"),
        ('{"other": Device(name="other", aliases=("toy",))}', "a name of"),
        ('{"other": "nowhere:toy.toml"}', "no package"),
    ],
)
def test_an_offer_that_is_no_device_of_its_own_name_is_refused(tmp_path: Path, more: str, message: str) -> None:
    prelude = "__import__('nadoo_core.cost')\nfrom pathlib import Path\nfrom nadoo_core.cost import Device\n"
    (tmp_path / "toy.toml").write_text(TOY, encoding="utf-8")
    (tmp_path / "stranger.py").write_text(f"{prelude}MORE = {more}\n{PLUGIN}", encoding="utf-8")
    known = Registry.of(installed=False, files=[tmp_path / "stranger.py"])
    with pytest.raises(DeviceError, match=message):
        all_devices(known)
