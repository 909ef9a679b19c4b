"""`nadoo layers`: the quantized layers of a model, and what each of them lost."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import input_option, load_model
from nadoo_core.command_line.output import answer, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, NadooError, Problem

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

Row = dict[str, Any]
COLUMNS = {
    "layer": "layer", "format": "format", "weights": "weights", "clip": "clip", "clipped_share": "clipped",
    "snr_db": "SNR dB", "entropy_bits": "entropy", "capacity_used": "of capacity", "output_snr_db": "output SNR dB",
    "positive_share": "positive", "accuracy_alone": "accuracy alone",
}  # fmt: skip
LEDGER = "ledger.json"


@command("layers", short_help="Show the quantized layers of a model, and what each of them lost.")
@click.argument("model")
@input_option
@click.pass_obj
def layers(session: Session, model: str, inputs: tuple[str, ...]) -> None:
    """Show every layer of MODEL whose weights are quantized: format, clip, signal-to-noise ratio and entropy.

    Of a run, the table that its step `quantize` left, with outputs beside the float model; of a saved graph, what the
    weights alone say. Clips are the least, the median and the largest of all channels.
    """
    rows = rows_of_run(Path(model)) or rows_of_graph(load_model(model, session, inputs))
    if not rows:
        message = 'has no quantized layer; run a recipe with a step that has pass = "quantize"'
        raise NadooError(Problem(CoreCode.DATA, f"model {model!r}", message))
    answer(session, {"layers": rows}, lambda: show(rows))


def rows_of_run(folder: Path) -> list[Row]:
    """The last table of layers in the ledger of a run; none where there is no such ledger."""
    path = folder / LEDGER
    if not path.is_file():
        return []
    document: Any = json.loads(path.read_text(encoding="utf-8"))
    tables: list[Any] = [step.get("checks", {}).get("tables", {}) for step in document.get("steps", [])]
    found = [table["layers"] for table in tables if table.get("layers")]
    return found[-1] if found else []


def rows_of_graph(graph: "ModelGraph") -> list[Row]:
    """What the weights of a graph say."""
    from nadoo_core.quantizing import quantized_weights
    from nadoo_quantization.report import held_weight

    return [
        {
            "layer": item.node,
            "op": graph[item.layer].op,
            "format": item.format.name,
            "weights": graph.tensor(item.weight).numel(),
            **held_weight(graph.tensor(item.weight), graph.tensor(item.scale), item.format),
        }
        for item in quantized_weights(graph)
    ]


def show(rows: list[Row]) -> None:
    """The table for people, without columns that nobody filled."""
    keys = [key for key in COLUMNS if any(row.get(key) is not None for row in rows)]
    numbers = " ".join(COLUMNS[key] for key in keys[2:])
    print_table(
        [COLUMNS[key] for key in keys], [[text_of(row.get(key)) for key in keys] for row in rows], numbers=numbers
    )


def text_of(value: Any) -> str:
    """A number as a table shows it; several as a range around a median."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return " … ".join(f"{item:.3g}" for item in value)  # pyright: ignore[reportUnknownVariableType]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


COMMAND = layers
