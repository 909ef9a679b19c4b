"""`nadoo estimate`: what a model costs on some devices, how sure that is, and whether it keeps within a budget."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.failures import STOPPED
from nadoo_core.command_line.models import input_option, load_model
from nadoo_core.command_line.output import answer, bytes_text, print_facts, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.cost import Budget, Cost, CostNumber, Verdict, estimate, estimators_of, find_device
from nadoo_core.cost.judging import budget_of
from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import did_you_mean

if TYPE_CHECKING:
    from nadoo_core.cost import Device
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.memory import MemoryPlan

MOST_ROWS = 12
UNITS = {"macs": "MACs", "flash_bytes": "flash", "peak_ram_bytes": "RAM", "latency_s": "latency", "energy_j": "energy"}


@command("estimate", short_help="Say what a model costs on devices, and whether it keeps within a budget.")
@click.argument("model")
@click.option("--device", "devices", required=True, metavar="D,E", help="Devices by name, alias or file.")
@input_option
@click.option("--budget", "budgets", multiple=True, metavar="NAME=VALUE", help="What is allowed: 'flash=64 KiB'.")
@click.option("--estimator", "names", multiple=True, metavar="NAME", help="Ask only this estimator.")
@click.option(
    "--format", "formats", multiple=True, metavar="LAYER=FORMAT", help="As if a layer's weights were so held."
)
@click.option("--memory", is_flag=True, help="Show what lives in memory, step by step.")
@click.pass_context
def estimate_command(
    context: click.Context, model: str, devices: str, inputs: tuple[str, ...], budgets: tuple[str, ...],
    names: tuple[str, ...], formats: tuple[str, ...], memory: bool,
) -> None:  # fmt: skip
    """Estimate MODEL, a saved graph, a run, a file, or module:function, on one or more devices.

    Each cost has a range that a measurement is expected in; what is not known says why. The exit code is 1 where a
    budget is exceeded.
    """
    session: Session = context.obj
    budget, registry = budget_of(budgets), session.registry()
    chosen = [find_device(name.strip(), registry) for name in devices.split(",") if name.strip()]
    graph = load_model(model, session, inputs)
    wanted = chosen_formats(graph, formats)
    costs = [cost_on(graph, device, session, names, wanted) for device in chosen]
    verdicts = [budget.judge(cost) for cost in costs]
    documents = [document_of(*parts) for parts in zip(chosen, costs, verdicts, strict=True)]
    answer(session, documents, lambda: show(graph, costs, verdicts, budget, memory=memory))
    context.exit(STOPPED if any(verdict.exceeded for judged in verdicts for verdict in judged) else 0)


def cost_on(
    graph: "ModelGraph", device: "Device", session: Session, names: Sequence[str], formats: dict[str, str]
) -> Cost:
    """The cost on one device, by all estimators or those that were named."""
    if not formats:
        return estimate(graph, device, estimators_of(session.registry(), names))
    from nadoo_hardware.estimators.analytic import analytic

    return estimate(graph, device, {"analytic": lambda given, where: analytic(given, where, formats)})


def chosen_formats(graph: "ModelGraph", texts: Sequence[str]) -> dict[str, str]:
    """Node → format for the layers that the patterns name; a later one wins, and each must fit something."""
    layers = [node.name for node in graph.nodes() if "weight" in node.tensors]
    found: dict[str, str] = {}
    for text in texts:
        pattern, _, name = text.partition("=")
        fitting = [layer for layer in layers if fnmatchcase(layer, pattern)]
        problems = [] if fitting else [f"fits no layer with weights; {did_you_mean(pattern, layers)}"]
        problems += (
            [] if name in graph.formats else [f"{name!r} is no format; {did_you_mean(name, graph.formats.names)}"]
        )
        if problems:
            raise OptionError([Problem(CoreCode.OPTION, f"--format {text}", message) for message in problems])
        found.update(dict.fromkeys(fitting, name))
    return found


def document_of(device: "Device", cost: Cost, judged: Sequence[Verdict]) -> dict[str, Any]:
    """One device for programs, with what the numbers were made from."""
    calibration = None if device.calibration is None else device.calibration.summary()
    origin = {"nadoo": version("nadoo"), "fingerprint": device.fingerprint(), "calibration": calibration}
    return {**cost.document(), **origin, "budget": [verdict.document() for verdict in judged]}


# --- for people -------------------------------------------------------------------------------------------------------


def show(
    graph: "ModelGraph", costs: Sequence[Cost], verdicts: Sequence[Sequence[Verdict]], budget: Budget, *, memory: bool
) -> None:
    """A table of devices, then what is behind each number."""
    rows = [(cost.device, *(number_text(name, cost.number(name)) for name in UNITS)) for cost in costs]
    print_table(("device", *UNITS.values()), rows, numbers=" ".join(UNITS.values()))
    for cost, judged in zip(costs, verdicts, strict=True):
        click.echo(f"\n{cost.device}")
        show_details(cost)
        if not budget.empty:
            show_budget(cost, judged)
    show_memory(graph, whole=memory)


def show_details(cost: Cost) -> None:
    """The ranges, what is not modelled, and the nodes that take most of the time, or else most of the work."""
    shown = [name for name in UNITS if cost.number(name).known and cost.number(name).width > 0]
    print_facts({f"  {UNITS[name]}": f"{range_text(name, cost.number(name))} ({cost.ranges[name]})" for name in shown})
    print_facts({f"  worst {UNITS[name]}": number_text(name, number) for name, number in cost.worst.items()})
    covered = f"{cost.coverage.macs:.1%} of MACs and {cost.coverage.bytes:.1%} of bytes"
    print_facts({"  modelled": covered, "  left out": shortened(cost.unmodelled)})
    for reason in cost.unknown():
        click.echo(f"  {reason}")
    for note in cost.notes:
        click.echo(f"  note: {note}")
    name = "latency_s" if cost.latency.known else "macs"
    largest = [f"{node.name} ({number_text(name, node.costs[name])})" for node in cost.largest(name)]
    click.echo(f"  most {UNITS[name]}: {', '.join(largest) or 'none'}")


def show_budget(cost: Cost, judged: Sequence[Verdict]) -> None:
    """Resource, budget, estimate with its range, excess, and where to cut."""
    rows = [verdict_row(verdict) for verdict in judged]
    print_table(
        ("  resource", "budget", "estimate", "range", "excess", "most by"), rows, numbers="budget estimate excess"
    )
    exceeded = [verdict.resource for verdict in judged if verdict.exceeded]
    unknown = [verdict.resource for verdict in judged if not verdict.estimate.known]
    doubtful = [verdict.resource for verdict in judged if verdict.doubtful and not verdict.exceeded]
    said = f"is exceeded in {', '.join(exceeded)}" if exceeded else "holds"
    more = f"; unknown: {', '.join(unknown)}" if unknown else ""
    more += f"; close enough that a measurement may decide otherwise: {', '.join(doubtful)}" if doubtful else ""
    click.echo(f"  the budget {said} on {cost.device}{more}")


def verdict_row(verdict: Verdict) -> tuple[str, ...]:
    """One resource."""
    name = {"flash": "flash_bytes", "ram": "peak_ram_bytes", "latency": "latency_s", "energy": "energy_j"}.get(
        verdict.resource, verdict.resource
    )
    excess = value_text(name, verdict.excess) if verdict.exceeded and verdict.excess is not None else ""
    estimate_text, spread = number_text(name, verdict.estimate), range_text(name, verdict.estimate)
    return (
        f"  {verdict.resource}",
        value_text(name, verdict.allowed),
        estimate_text,
        spread,
        excess,
        ", ".join(verdict.nodes),
    )


def show_memory(graph: "ModelGraph", *, whole: bool) -> None:
    """The peak of memory against what no order can go below, and what another schedule would save."""
    from nadoo_graphs.memory import plan_memory
    from nadoo_hardware.estimators.work import sizes_of

    plan: MemoryPlan = plan_memory(graph, bindings=sizes_of(graph))
    text = plan.text().splitlines()
    click.echo("\nmemory of values")
    for line in text if whole else text[: text.index("")]:
        click.echo(f"  {line}")


def number_text(name: str, number: CostNumber) -> str:
    """A cost as a person reads it."""
    return "unknown" if number.value is None else value_text(name, number.value)


def range_text(name: str, number: CostNumber) -> str:
    """From where to where a measurement is expected."""
    if number.low is None or number.high is None:
        return "unknown"
    return (
        "exact" if number.low == number.high else f"{value_text(name, number.low)} to {value_text(name, number.high)}"
    )


def value_text(name: str, value: float) -> str:
    """A value with its unit."""
    if name.endswith("_bytes"):
        return bytes_text(value)
    if name.endswith(("_s", "_j")):
        return scaled(value, "s" if name.endswith("_s") else "J")
    return f"{value:,.0f}" if name == "macs" else f"{value:.4g}"


def scaled(value: float, unit: str) -> str:
    """Seconds or joules in the largest unit that leaves a digit before the point."""
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")):
        if value >= factor or prefix == "n":
            return f"{value / factor:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def shortened(names: Sequence[str]) -> str | None:
    """Some names and how many more; None where there are none."""
    more = f" and {len(names) - MOST_ROWS} more" if len(names) > MOST_ROWS else ""
    return f"{', '.join(names[:MOST_ROWS])}{more}" if names else None


COMMAND = estimate_command
