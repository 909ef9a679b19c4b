"""Devices by name, by alias and by file, from all plugins in use."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nadoo_core.cost.device import Device
from nadoo_core.cost.reading import SUFFIX, read_device
from nadoo_core.cost.stated import PLAIN_SUFFIX, read_stated
from nadoo_core.errors import CoreCode, DeviceError, Problem
from nadoo_core.options import did_you_mean

if TYPE_CHECKING:
    from nadoo_core.registry import Offer, Registry


def find_device(name: str | Path, registry: "Registry", beside: Path | None = None) -> Device:
    """A device by its name or alias, or by the path of a file, relative to the folder of whoever names it.

    A TOML file has facts with sources; a JSON file is a plain mapping, as `Device.from_mapping` takes it.
    """
    text = str(name)
    path = Path(text) if beside is None else beside / text
    if text.endswith(PLAIN_SUFFIX):
        return read_stated(path)
    if isinstance(name, Path) or text.endswith(SUFFIX) or "/" in text:
        return read_device(path)
    if text in registry.names("devices"):
        return offered_device(registry.source("devices", text))
    devices = all_devices(registry)
    for device in devices:
        if text in device.aliases:
            return device
    raise DeviceError(Problem(CoreCode.UNKNOWN_NAME, f"device {text!r}", advice(text, devices, registry)))


def advice(text: str, devices: "tuple[Device, ...]", registry: "Registry") -> str:
    """What to do about a name that no device has."""
    known = [name for device in devices for name in (device.name, *device.aliases)]
    message = f"no plugin in use offers it; {did_you_mean(text.lower(), known).removesuffix('?')}"
    lost = [*(failure.name for failure in registry.failures), *registry.without]
    left = f"; plugins that are not in use: {', '.join(lost)}" if lost else ""
    return f"{message}{left}; `nadoo devices` lists all, and a path that ends in .toml is a device of your own"


def all_devices(registry: "Registry") -> tuple[Device, ...]:
    """Every device that plugins offer, by name; two that answer to one name are an error."""
    devices = tuple(offered_device(offer) for offer in registry.offers("devices"))
    owners: dict[str, str] = {}
    problems: list[Problem] = []
    for device in devices:
        for name in (device.name, *device.aliases):
            if name in owners:
                message = f"is a name of {owners[name]!r} and of {device.name!r}; take it from one of them"
                problems.append(Problem(CoreCode.PLUGIN, f"device {name!r}", message))
            owners[name] = device.name
    if problems:
        raise DeviceError(problems)
    return devices


def offered_device(offer: "Offer") -> Device:
    """The device of an offer: a file, "package:file.toml", a Device, or "module:thing" that is or makes one."""
    value = offer.value
    found: Any = packaged(value) if isinstance(value, str) and value.endswith(SUFFIX) else offer.load()
    if callable(found) and not isinstance(found, Device):
        found = found()
    device = read_device(found) if isinstance(found, Path) else found
    where = f"device {offer.name!r} of plugin {offer.plugin!r}"
    if not isinstance(device, Device):
        message = f"is {type(device).__name__}; offer a Device, the path of a TOML file, or a function of one of them"
        raise DeviceError(Problem(CoreCode.PLUGIN, where, message))
    if device.name != offer.name:
        message = f"calls itself {device.name!r}; offer it under its own name"
        raise DeviceError(Problem(CoreCode.PLUGIN, where, message))
    return device


def packaged(value: str) -> Path:
    """The file of "package:folder/file.toml" inside a package that is not imported, or a plain path."""
    package, colon, file = value.partition(":")
    if not colon:
        return Path(value)
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise DeviceError(Problem(CoreCode.PLUGIN, f"device file {value!r}", f"no package is called {package!r}"))
    return Path(next(iter(spec.submodule_search_locations))) / file
