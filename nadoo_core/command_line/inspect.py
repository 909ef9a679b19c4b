"""`nadoo inspect`: a model at a glance, node by node: types, work, weights, and the memory that it needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.ledger_text import cost_text
from nadoo_core.command_line.models import input_option, load_model
from nadoo_core.command_line.output import answer, bytes_text, print_facts, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, OptionError, Problem

if TYPE_CHECKING:
    from nadoo_graphs.counting import GraphCount
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.memory import MemoryPlan

DEVICE_COSTS = {"flash_bytes": "flash", "peak_ram_bytes": "RAM", "latency_s": "latency", "energy_j": "energy"}
NUMBERS = "parameters weights MACs"


@command("inspect", short_help="Show a model: its nodes, work, weights and memory.")
@click.argument("model")
@input_option
@click.option("--size", "sizes", multiple=True, metavar="NAME=NUMBER", help="The value of a symbolic size; N is 1.")
@click.option("--device", "device", metavar="DEVICE", help="Also what it costs on a device.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the graph into a file.")
@click.pass_obj
def inspect(
    session: Session, model: str, inputs: tuple[str, ...], sizes: tuple[str, ...], device: str | None, svg: Path | None
) -> None:
    """Show MODEL: a saved graph, a run, a file, the name of a model that a plugin offers, or module:function.

    Work and memory are those of one example. What an operator without a row computes is listed as not modelled.
    """
    bindings = read_sizes(sizes)
    graph = load_model(model, session, inputs)
    refuse_open_sizes(graph, bindings)
    document = as_document(graph, bindings)
    if device is not None:
        document["cost"] = cost_on(graph, device, session)
    if svg is not None:
        svg.write_text(graph.draw(), encoding="utf-8")
        document["svg"] = str(svg)
    answer(session, document, lambda: show(document))


def cost_on(graph: "ModelGraph", device: str, session: Session) -> dict[str, Any]:
    """What all estimators in use say of a device."""
    from nadoo_core.cost import estimate, estimators_of, find_device

    registry = session.registry()
    return estimate(graph, find_device(device, registry), estimators_of(registry)).document()


def read_sizes(texts: tuple[str, ...]) -> dict[str, int]:
    """The values of symbols; one example unless said otherwise."""
    wrong = [text for text in texts if not text.partition("=")[2].isdigit() or not text.partition("=")[0]]
    if wrong:
        message = "is not NAME=NUMBER; give the name of a symbol and an integer, such as T=16"
        raise OptionError([Problem(CoreCode.OPTION, f"--size {text}", message) for text in wrong])
    return {"N": 1, **{name: int(value) for name, _, value in (text.partition("=") for text in texts)}}


def refuse_open_sizes(graph: "ModelGraph", bindings: Mapping[str, int]) -> None:
    """Work and memory are numbers only where every symbol has a value."""
    from nadoo_graphs.sizes import symbols_of

    symbols = {name for node in graph.inputs for size in node.type.shape for name in symbols_of(size)}
    missing = sorted(symbols - set(bindings))
    if missing:
        message = "has no value, and work and memory depend on it; give one, such as --size {}=16"
        raise OptionError([Problem(CoreCode.OPTION, f"size {name}", message.format(name)) for name in missing])


def as_document(graph: "ModelGraph", bindings: Mapping[str, int]) -> dict[str, Any]:
    """All that is shown, for programs."""
    from nadoo_graphs.counting import count
    from nadoo_graphs.memory import plan_memory
    from nadoo_graphs.sizes import bind

    counted, plan = count(graph), plan_memory(graph, bindings=bindings)
    nodes = [
        {
            "name": line.name,
            "op": line.op,
            "output": ", ".join(map(str, graph[line.name].outputs)),
            "parameters": line.parameters,
            "weight_bytes": line.weight_bytes,
            "macs": bind(line.macs, bindings),
        }
        for line in counted.nodes
    ]
    return {
        "name": graph.name,
        "fingerprint": graph.fingerprint(),
        "inputs": {node.name: str(node.type) for node in graph.inputs},
        "outputs": [str(graph.type(value)) for value in graph.outputs],
        "sizes": dict(bindings),
        "nodes": nodes,
        **totals(counted, plan, bindings),
    }


def totals(counted: "GraphCount", plan: "MemoryPlan", bindings: Mapping[str, int]) -> dict[str, Any]:
    """The sums, with the bytes that the values in between need."""
    return {
        "parameters": counted.parameters,
        "weight_bytes": counted.weight_bytes,
        "macs": counted.macs(bindings),
        "elementary": counted.elementary(bindings),
        "ram_bytes": plan.arena.size,
        "peak_bytes": plan.peak,
        "peak_node": plan.peak_node,
        "unmodelled": list(counted.unmodelled),
    }


def show(document: dict[str, Any]) -> None:
    """A table of nodes above the sums."""
    rows = [
        (node["name"], node["op"], node["output"], *map(amount, (node["parameters"], node["macs"])))
        for node in document["nodes"]
    ]
    print_table(("node", "op", "output", "parameters", "MACs"), rows, numbers=NUMBERS)
    click.echo()
    sizes = ", ".join(f"{name} = {value}" for name, value in document["sizes"].items())
    print_facts(
        {
            "model": f"{document['name']}, fingerprint {document['fingerprint'][:16]}",
            "weights": f"{document['parameters']:,} parameters, {bytes_text(document['weight_bytes'])}",
            "work": f"{document['macs']:,} MACs and {document['elementary']:,} other operations ({sizes})",
            "memory": f"{bytes_text(document['ram_bytes'])} for values, most at {document['peak_node'] or 'inputs'}",
            **cost_facts(document.get("cost")),
            "not modelled": ", ".join(document["unmodelled"]) or None,
            "drawing": document.get("svg"),
        }
    )


def cost_facts(cost: dict[str, Any] | None) -> dict[str, str]:
    """The costs on a device that are known, and why the others are not."""
    if cost is None:
        return {}
    known = {label: cost[name] for name, label in DEVICE_COSTS.items() if cost[name] is not None}
    texts = {label: cost_text(name, cost[name]) for name, label in DEVICE_COSTS.items() if label in known}
    return {
        "device": cost["device"],
        **texts,
        **{f"unknown {index}": text for index, text in enumerate(cost["unknown"], 1)},
    }


def amount(number: int) -> str:
    """A number with separators; none where there is nothing."""
    return f"{number:,}" if number else ""


COMMAND = inspect
