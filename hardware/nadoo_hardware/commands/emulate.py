"""`nadoo emulate`: what a program takes on a core, counted without the core."""

from pathlib import Path

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, bytes_text, print_facts, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.cost import find_device
from nadoo_hardware.emulator import INSTRUCTION_LIMIT, Emulation, emulate

MOST_ROWS = 20


@command("emulate", short_help="Count the instructions of a program on a core.")
@click.argument("elf", type=click.Path(path_type=Path))
@click.option("--core", required=True, metavar="CORE", help="m0, m3, m4, m7, m33, rv32imc, rv32emc or rv32ec.")
@click.option("--entry", required=True, metavar="NAME", help="A function without arguments; its return ends the run.")
@click.option("--device", metavar="D", help="Whose table of cycles to use: a name, an alias or a file.")
@click.option(
    "--kernel", "kernels", multiple=True, metavar="NAME", help="Count this function with all it calls; 'run_*'."
)
@click.option("--limit", type=int, default=INSTRUCTION_LIMIT, show_default=True, help="Most instructions to run.")
@click.pass_obj
def emulate_command(
    session: Session, elf: Path, core: str, entry: str, device: str | None, kernels: tuple[str, ...], limit: int
) -> None:
    """Run a function of ELF, a linked program with its symbols, and count what it executes.

    Counts are exact, in total, by function, by kernel and by class of instruction, and so is the stack that is written.
    A kernel is a function that you name, with all that it calls. Cycles follow from the device's table and are unknown
    where it has a gap. Peripherals are not emulated.
    """
    chosen = None if device is None else find_device(device, session.registry())
    found = emulate(elf, core, entry, kernels=kernels, device=chosen, limit=limit)
    answer(session, {**found.document(), "device": chosen and chosen.name}, lambda: show(found))


def show(found: Emulation) -> None:
    """Totals, then classes and the functions with the most instructions."""
    show_totals(found)
    click.echo()
    print_table(
        ("class", "instructions"), [(name, f"{n:,}") for name, n in found.classes.items()], numbers="instructions"
    )
    if found.kernels:
        click.echo()
        rows = [(name, f"{one.instructions:,}", cycles_text(one.priced.value)) for name, one in found.kernels.items()]
        print_table(("kernel", "instructions", "cycles"), rows, numbers="instructions cycles")
    click.echo()
    listed = list(found.functions.items())
    print_table(
        ("function", "instructions"), [(name, f"{n:,}") for name, n in listed[:MOST_ROWS]], numbers="instructions"
    )
    if len(listed) > MOST_ROWS:
        click.echo(f"and {len(listed) - MOST_ROWS} more functions")


def show_totals(found: Emulation) -> None:
    """What the program took as a whole."""
    checked = "checked against published cycles" if found.priced.verified else "not checked against published cycles"
    cycles = found.priced.unknown if found.cycles is None else f"{found.cycles:,} ({checked})"
    waiting = f"{found.priced.waiting:,} if nothing is fetched ahead or kept" if found.priced.waiting else None
    print_facts(
        {
            "core": found.core,
            "entry": found.entry,
            "compiler": found.compiler or None,
            "instructions": f"{found.instructions:,}",
            "cycles": cycles,
            "of which waiting for flash": waiting,
            "stack": bytes_text(found.stack_bytes),
            "flash": bytes_text(found.flash_bytes),
            "variables": bytes_text(found.static_bytes),
        }
    )


def cycles_text(cycles: int | None) -> str:
    """Cycles, where they are known."""
    return "unknown" if cycles is None else f"{cycles:,}"


COMMAND = emulate_command
