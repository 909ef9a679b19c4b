"""`nadoo analyze latency`: how long a mapping of layers to precisions takes on a device, on one core or two."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import input_option
from nadoo_core.command_line.output import answer, print_facts, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.cost import Device, find_device
from nadoo_core.errors import CoreCode, DeviceError, Problem
from nadoo_core.options import Seconds, structure_value
from nadoo_hardware.commands.analyzed import analyzed_graph, mapping_option, size_option, sizes_of, sizes_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nadoo_hardware.analysis.latency import LayerTime, Prediction, Semantics
    from nadoo_hardware.analysis.mapping import Choice

SEMANTICS = ("channel-split", "ensemble")
TWO = 2
MILLI, MEGA = 1e-3, 1e6
UNKNOWN = "unknown"


@command("latency", short_help="Predict the latency of a mapping of layers to precisions.")
@click.argument("model")
@input_option
@size_option
@mapping_option
@click.option("--device", metavar="DEVICE", default="adaptqnet", show_default=True, help="Whose table of rates.")
@click.option("--sync", default="0 s", show_default=True, help="What waiting for the other core costs, such as 20us.")
@click.option(
    "--semantics",
    type=click.Choice(SEMANTICS),
    default=SEMANTICS[0],
    show_default=True,
    help="What two cores do: share the output channels of a layer, or compute all of it each.",
)
@click.pass_obj
def latency(
    session: Session,
    model: str,
    inputs: tuple[str, ...],
    size: int | None,
    file: Path,
    device: str,
    sync: str,
    semantics: "Semantics",
) -> None:
    """Predict how long the layers of MODEL take at the precisions of a mapping, and what energy that needs.

    A layer with two precisions runs on two cores: the slower one decides, and both use energy. Only layers that
    multiply are counted; `nadoo estimate` models the rest too.
    """
    from nadoo_hardware.analysis.latency import predict
    from nadoo_hardware.analysis.layers import layers_of
    from nadoo_hardware.analysis.mapping import read_mapping

    found = find_device(device, session.registry())
    waiting: float = structure_value(Seconds, sync, "--sync")
    graph = analyzed_graph(model, session, inputs, size)
    layers = layers_of(graph)
    mapping = read_mapping(file, [layer.name for layer in layers], graph.formats)
    refuse_missing_core(found, mapping)
    prediction = predict(layers, mapping, found, waiting, semantics)
    sizes = sizes_of(graph)
    answer(session, {**prediction.as_document(), "sizes": sizes}, lambda: show(prediction, sizes))


def refuse_missing_core(device: Device, mapping: "Mapping[str, Choice]") -> None:
    """Two precisions need two cores, where the number of cores is known."""
    shared = [name for name, choice in mapping.items() if len(choice.precisions) == TWO]
    if shared and device.cores is not None and device.cores.value < TWO:
        message = f"has one core, but {shared[0]!r} has two precisions; give it one, and so for {len(shared)} in all"
        raise DeviceError(Problem(CoreCode.DEVICE, device.option_place, message))


def show(prediction: "Prediction", sizes: dict[str, int]) -> None:
    """A line a layer above the sums."""
    print_table(
        ("layer", "kind", "precision", "MACs", "ms", "share", "µJ"),
        [row(layer) for layer in prediction.layers],
        numbers="MACs ms share µJ",
    )
    click.echo()
    seconds, energy = prediction.seconds, prediction.energy
    covered = f"{prediction.coverage:.1%} with a known time{sizes_text(sizes)}"
    print_facts(
        {
            "device": prediction.device,
            "latency": UNKNOWN if seconds is None else f"{seconds / MILLI:,.4g} ms",
            "energy": UNKNOWN if energy is None else f"{energy * MEGA:,.4g} µJ",
            "work": f"{prediction.macs / MEGA:,.3f} million MACs, {covered}",
            "because": "; ".join(prediction.as_document()["unknown"]) or None,
        }
    )


def row(layer: "LayerTime") -> tuple[Any, ...]:
    """One layer of the table."""
    seconds = UNKNOWN if layer.seconds is None else f"{layer.seconds / MILLI:.4g}"
    energy = "" if layer.energy is None else f"{layer.energy * MEGA:.4g}"
    share = "" if layer.share is None else f"{layer.share:.2f}"
    return (layer.name, layer.kind, layer.choice, f"{layer.macs:,}", seconds, share, energy)


COMMAND = latency
