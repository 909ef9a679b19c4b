"""`nadoo devices`: what is known of which hardware, from which document, and what is not known."""

from collections.abc import Sequence
from typing import Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, bytes_text, print_facts, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.cost import Device, Fact, all_devices, find_device
from nadoo_core.options import option_fields

GIGA, MEGA = 1e9, 1e6
BYTES = "_bytes"


@command("devices", short_help="List devices, or every fact of one with its source.")
@click.argument("name", required=False)
@click.pass_obj
def devices(session: Session, name: str | None) -> None:
    """List the devices that plugins offer; with NAME, or the path of a device file, every fact of that one.

    Each fact says where it comes from and how far it can be trusted; what is not publicly known is listed as unknown.
    """
    registry = session.registry()
    if name is None:
        known = all_devices(registry)
        answer(session, [summary_of(device) for device in known], lambda: show_list(known))
        return
    device = find_device(name, registry)
    answer(session, document_of(device), lambda: show_one(device))


def summary_of(device: Device) -> dict[str, Any]:
    """A device in a list, for programs."""
    numbers = ("cores", "clock_hz", "sram_bytes", "flash_bytes", "dram_bytes")
    return {
        "name": device.name,
        "title": device.title,
        "aliases": list(device.aliases),
        "core": device.core,
        **{name: value_of(getattr(device, name)) for name in numbers},
    }


def value_of(fact: Fact[Any] | None) -> Any:
    """The number of a fact; None where it is not known."""
    return None if fact is None else fact.value


def document_of(device: Device) -> dict[str, Any]:
    """Everything about one device, for programs."""
    texts = ("name", "title", "summary", "isa", "core", "placement", "cycle_formula")
    return {
        **{name: getattr(device, name) for name in texts},
        "aliases": list(device.aliases),
        "facts": {path: fact.write_option() for path, fact in device.facts().items()},
        "unknown": list(device.unknown()),
        "calibration": None if device.calibration is None else device.calibration.summary(),
        "fingerprint": device.fingerprint(),
    }


def show_list(known: Sequence[Device]) -> None:
    """One line a device."""
    rows = [
        (device.name, ", ".join(device.aliases), core_text(device), *memory_texts(device), device.title)
        for device in known
    ]
    print_table(("device", "aliases", "core", "RAM", "flash", "title"), rows, numbers="RAM flash")


def core_text(device: Device) -> str:
    """Cores and clock, as far as they are known."""
    cores = value_of(device.cores)
    many = f"{cores} × " if cores not in (None, 1) else ""
    clock = f" at {clock_text(device.clock_hz.value)}" if device.clock_hz else ""
    return f"{many}{device.core or 'unknown'}{clock}"


def clock_text(hertz: float) -> str:
    """A clock in the unit that people use."""
    return f"{hertz / GIGA:.3g} GHz" if hertz >= GIGA else f"{hertz / MEGA:.4g} MHz"


def memory_texts(device: Device) -> tuple[str, str]:
    """Working memory, that outside the chip where there is none on it, and flash."""
    memory = device.sram_bytes or device.dram_bytes
    return memory_text(memory), memory_text(device.flash_bytes)


def memory_text(fact: Fact[int] | None) -> str:
    """A size, or nothing where none is known."""
    return "" if fact is None else bytes_text(fact.value)


def show_one(device: Device) -> None:
    """All facts with sources, then what is not known."""
    print_facts(head_of(device))
    if device.summary:
        click.echo(f"\n{device.summary}")
    click.echo()
    rows = [
        (path, fact_text(path, fact.value), fact.quality + ("" if not fact.verified else ", checked"), said(fact))
        for path, fact in device.facts().items()
    ]
    print_table(("fact", "value", "quality", "source"), rows, numbers="value")
    helps = {item.key: item.help for item in option_fields(Device)}
    if device.unknown():
        click.echo()
        print_table(("not known", "what it is"), [(name, helps[name]) for name in device.unknown()])


def head_of(device: Device) -> dict[str, str | None]:
    """What it is called and what kind of thing it is."""
    return {
        "device": device.name,
        "title": device.title or None,
        "aliases": ", ".join(device.aliases) or None,
        "core": core_text(device),
        "instructions": device.isa,
        "runs from": device.placement,
        "cycles by": device.cycle_formula,
        **calibration_texts(device),
    }


def calibration_texts(device: Device) -> dict[str, str]:
    """What is calibrated, and what that was worth on models left out."""
    given = device.calibration
    costs = {} if given is None else {"latency": given.latency, "code": given.code}
    return {f"calibrated {name}": f"{cost.worth} ({cost.source})" for name, cost in costs.items() if cost is not None}


def fact_text(path: str, value: Any) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if path.endswith(BYTES):
        return bytes_text(value)
    if path == "clock_hz":
        return clock_text(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def said(fact: Fact[Any]) -> str:
    """The document, and the note where there is one."""
    return f"{fact.source}: {fact.note}" if fact.note else fact.source


COMMAND = devices
