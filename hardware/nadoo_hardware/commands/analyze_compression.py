"""`nadoo analyze compression`: how much smaller a mapping of layers to precisions makes a model."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import input_option
from nadoo_core.command_line.output import answer, bytes_text, print_facts, print_table
from nadoo_core.command_line.session import Session
from nadoo_hardware.commands.analyzed import analyzed_graph, mapping_option, size_option

if TYPE_CHECKING:
    from nadoo_hardware.analysis.compression import Compression


@command("compression", short_help="Say how much smaller a mapping of layers to precisions makes a model.")
@click.argument("model")
@input_option
@size_option
@mapping_option
@click.pass_obj
def compression(session: Session, model: str, inputs: tuple[str, ...], size: int | None, file: Path) -> None:
    """Say how much smaller the weights of MODEL become at the precisions of a mapping, and how those spread.

    The ratio is that of float32 weights to the weights of the mapping; biases and norms are not counted.
    """
    from nadoo_hardware.analysis.compression import compress
    from nadoo_hardware.analysis.layers import layers_of
    from nadoo_hardware.analysis.mapping import read_mapping

    graph = analyzed_graph(model, session, inputs, size)
    layers = layers_of(graph)
    mapping = read_mapping(file, [layer.name for layer in layers], graph.formats)
    found = compress(layers, mapping, graph.formats)
    answer(session, found.as_document(), lambda: show(found))


def show(found: "Compression") -> None:
    """The histogram above the sums."""
    document = found.as_document()
    shares = ("layer_share", "weight_share", "mac_share")
    rows = [
        (name, f"{line['layers']:g}", *(f"{line[share]:.1%}" for share in shares))
        for name, line in document["histogram"].items()
    ]
    print_table(("precision", "layers", "of layers", "of weights", "of MACs"), rows, numbers="layers")
    click.echo()
    sizes = f"{bytes_text(found.before)} → {bytes_text(found.after)}"
    print_facts({"ratio": f"{found.ratio:.2f}", "weights": f"{found.weights:,}, {sizes}"})


COMMAND = compression
