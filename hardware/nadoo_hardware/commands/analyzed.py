"""The model of an analysis: loaded as everywhere, with square images of a size where that is asked for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.models import load_model
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, OptionError, Problem

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph

SIZE_OPTION = "--input-size"


def size_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option for images of one size."""
    help_text = "Side of a square image with three channels: 112 is --input 1,3,112,112."
    return click.option(SIZE_OPTION, "size", type=click.IntRange(min=1), metavar="PIXELS", help=help_text)(function)


def mapping_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option for the precision of every layer."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option("--mapping", "file", type=kind, required=True, help="A JSON file of layer → precision.")(
        function
    )


def analyzed_graph(model: str, session: Session, inputs: tuple[str, ...], size: int | None) -> "ModelGraph":
    """The graph, with every size but the batch known."""
    given = inputs if size is None else (*inputs, f"1,3,{size},{size}")
    graph = load_model(model, session, given)
    refuse_other_size(graph, size)
    refuse_open_sizes(graph)
    return graph


def sizes_of(graph: "ModelGraph") -> dict[str, int]:
    """The value of the batch, where the graph leaves it open: everything is counted for one example."""
    from nadoo_graphs.sizes import symbols_of

    return {name: 1 for node in graph.inputs for size in node.type.shape for name in symbols_of(size)}


def sizes_text(sizes: Mapping[str, int]) -> str:
    """The same for people."""
    return "".join(f", {name} = {value}" for name, value in sizes.items())


def refuse_other_size(graph: "ModelGraph", size: int | None) -> None:
    """A graph that was captured with another size does not change it."""
    shapes = [node.type.shape for node in graph.inputs]
    if size is None or any(shape[-2:] == (size, size) for shape in shapes):
        return
    found = ", ".join(str(node.type) for node in graph.inputs)
    message = f"is {size}, but the graph was captured with {found}; give the module instead, or leave the size out"
    raise OptionError(Problem(CoreCode.OPTION, SIZE_OPTION, message))


def refuse_open_sizes(graph: "ModelGraph") -> None:
    """Elements are numbers only where every size but the batch is."""
    open_sizes = sorted(set(sizes_of(graph)) - {"N"})
    if open_sizes:
        message = "is a size that the graph leaves open; capture the model with that size fixed, only N may be open"
        raise OptionError([Problem(CoreCode.OPTION, f"size {name}", message) for name in open_sizes])
