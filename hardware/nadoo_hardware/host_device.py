"""The device that stands for the machine at hand; apart from the measuring, so that listing devices needs no torch."""

from nadoo_core.cost import Device

NAME = "host"


def this_machine() -> Device:
    """The machine at hand; nothing is known of it but what is measured."""
    return Device(name=NAME, title="the machine at hand", summary="Latency is measured by running the graph in torch.")
