"""`nadoo analyze memory`: which formats each layer may have under a limit of working memory."""

from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import input_option
from nadoo_core.command_line.output import answer, bytes_text, counted, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.cost import find_device
from nadoo_core.cost.precision import SEARCHED
from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import Bytes, did_you_mean, structure_value
from nadoo_hardware.commands.analyzed import analyzed_graph, size_option, sizes_of, sizes_text

if TYPE_CHECKING:
    from nadoo_graphs.formats import FormatTable
    from nadoo_hardware.analysis.memory_filter import MemoryFilter, Mode

MODES = ("live", "sum", "max")


@command("memory", short_help="Say which formats each layer may have under a limit of RAM.")
@click.argument("model")
@input_option
@size_option
@click.option("--limit", metavar="SIZE", help="The working memory, such as 512KiB.")
@click.option("--device", metavar="DEVICE", help="The device whose working memory is the limit.")
@click.option("--mode", type=click.Choice(MODES), default="live", show_default=True, help="What has to fit at once.")
@click.option("--formats", default=",".join(SEARCHED), show_default=True, help="The formats to choose from.")
@click.pass_obj
def memory(
    session: Session,
    model: str,
    inputs: tuple[str, ...],
    size: int | None,
    limit: str | None,
    device: str | None,
    mode: "Mode",
    formats: str,
) -> None:
    """Say for each layer of MODEL which formats its activations may have under a limit of RAM.

    Modes: live counts everything in memory while the layer runs, residuals too; sum its input and output; max the
    larger of the two. Pairs are for two cores. A layer that fits in no format ends the command with exit code 1.
    """
    from nadoo_hardware.analysis.layers import layers_of
    from nadoo_hardware.analysis.memory_filter import filter_memory

    most = limit_of(session, limit, device)
    graph = analyzed_graph(model, session, inputs, size)
    found = filter_memory(layers_of(graph), most, format_bits(formats, graph.formats), mode)
    sizes = sizes_of(graph)
    answer(session, {**found.as_document(), "sizes": sizes}, lambda: show(found, sizes))
    if found.infeasible:
        click.get_current_context().exit(1)


def limit_of(session: Session, limit: str | None, device: str | None) -> int:
    """The limit as it is given, or the working memory of a device."""
    if (limit is None) == (device is None):
        message = "give either --limit, such as 512KiB, or --device, such as stm32f401"
        raise OptionError(Problem(CoreCode.MISSING_KEY, "--limit", message))
    if device is not None:
        return int(find_device(device, session.registry()).require("sram_bytes").value)
    text = limit or ""
    most: int = structure_value(Bytes, int(text) if text.isdecimal() else text, "--limit")
    if most < 1:
        raise OptionError(Problem(CoreCode.OPTION, "--limit", f"is {text}; give at least one byte"))
    return most


def format_bits(text: str, table: "FormatTable") -> dict[str, float]:
    """The formats of a list, each with its bits, the widest first; all that are unknown are named."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in table]
    if unknown or not names:
        wrong = unknown or [text]
        advice = ((name, f"is no format; {did_you_mean(name.lower(), table.names)}") for name in wrong)
        raise OptionError(Problem(CoreCode.OPTION, f"--formats {name!r}", said) for name, said in advice)
    bits = {table[name].name: float(table[name].bits) for name in names}
    return dict(sorted(bits.items(), key=lambda item: -item[1]))


def show(found: "MemoryFilter", sizes: dict[str, int]) -> None:
    """A line a layer: its size in each format, and what fits."""
    rows = [line(found, index) for index in range(len(found.layers))]
    print_table(("layer", "op", *found.formats, "fits"), rows, numbers=" ".join(found.formats))
    click.echo()
    fitting = len(found.layers) - len(found.infeasible)
    limit = bytes_text(found.limit)
    click.echo(f"{fitting} of {counted(len(found.layers), 'layer')} fit into {limit} ({found.mode}{sizes_text(sizes)})")
    if found.infeasible:
        click.echo(f"no format fits: {', '.join(layer.name for layer in found.infeasible)}")


def line(found: "MemoryFilter", index: int) -> tuple[Any, ...]:
    """One layer of the table."""
    layer = found.layers[index]
    sizes = (bytes_text(layer.sizes[name]) for name in found.formats)
    return (layer.name, layer.op, *sizes, ", ".join(layer.allowed) or "nothing")


COMMAND = memory
