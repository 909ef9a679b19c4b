"""Cost: devices as published facts, and what a model costs on them."""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.cost.catalogue import all_devices, find_device
    from nadoo_core.cost.device import Device
    from nadoo_core.cost.fact import Fact
    from nadoo_core.cost.reading import read_device

__all__ = ["Device", "Fact", "all_devices", "find_device", "read_device"]

HOMES = {
    "Device": "nadoo_core.cost.device",
    "Fact": "nadoo_core.cost.fact",
    "all_devices": "nadoo_core.cost.catalogue",
    "find_device": "nadoo_core.cost.catalogue",
    "read_device": "nadoo_core.cost.reading",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
