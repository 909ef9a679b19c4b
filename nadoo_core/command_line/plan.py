"""`nadoo plan`: what a run would touch, step by step, without training or writing anything."""

from typing import Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.failures import STOPPED
from nadoo_core.command_line.ledger_text import cost_text as amount_text
from nadoo_core.command_line.output import answer, bytes_text, counted
from nadoo_core.command_line.session import Session
from nadoo_core.recipe import Recipe, read_recipe, require_trust

MOST_NODES = 6
COSTS = {"flash_bytes": "flash", "peak_ram_bytes": "RAM", "latency_s": "latency", "energy_j": "energy"}
SENTENCES = {
    "changes": "",
    "keeps": "changes nothing, which the recipe allows",
    "passed over": "trains or measures with data, which a plan does not do; the graph is taken to keep its form",
    "stops": "would stop the run:",
    "may stop": "would stop the run, unless a step that was passed over changes that:",
}


@command("plan", short_help="Say what each step of a recipe would touch, without training or writing.")
@click.argument("recipe")
@click.option("--set", "changes", multiple=True, metavar="STEP.OPTION=VALUE", help="Change the recipe for this plan.")
@click.pass_context
def plan(context: click.Context, recipe: str, changes: tuple[str, ...]) -> None:
    """Show for each step of RECIPE, a file or a name, which nodes it matches and what it would change.

    The exit code is 1 where a step would stop the run.
    """
    session: Session = context.obj
    found = read_recipe(recipe, registry=session.registry(), changes=changes)
    require_trust(found, session.trust)
    document = as_document(found, session)
    answer(session, document, lambda: show(document))
    context.exit(STOPPED if any(step["state"] == "stops" for step in document["steps"]) else 0)


def as_document(recipe: Recipe, session: Session) -> dict[str, Any]:
    """The model and every step, for programs."""
    from nadoo_core.command_line.foresight import foresee
    from nadoo_core.runs.bench import Bench
    from nadoo_core.runs.origin import origin_of
    from nadoo_graphs.counting import count

    bench = Bench(recipe, session.registry())
    origin = origin_of(recipe, None, session.registry(), bench)
    held, foreseen = count(origin.graph), tuple(foresee(recipe, origin.graph))
    result = foreseen[-1].graph if foreseen else origin.graph
    return {
        "recipe": recipe.name,
        "model": {
            "source": origin.source,
            "nodes": len(origin.graph),
            "parameters": held.parameters,
            "weight_bytes": held.weight_bytes,
            "cost": bench.costing.line(origin.graph),
        },
        "data": recipe.data.dataset if recipe.data else None,
        "steps": [{**step.as_dict(), "cost": bench.costing.line(step.graph)} for step in foreseen],
        "budget": [verdict.document() for verdict in bench.costing.verdicts(result, {})],
        "exports": [export.to for export in recipe.exports],
    }


def show(document: dict[str, Any]) -> None:
    """The model, then a paragraph a step."""
    model = document["model"]
    click.echo(f"{document['recipe']}: {model['source']} with {document['data'] or 'no'} data")
    click.echo(f"   {model['nodes']} nodes, {size_text(model)}{cost_text(model['cost'])}")
    for index, step in enumerate(document["steps"], 1):
        show_step(index, step)
    for verdict in document["budget"]:
        click.echo(f"budget {verdict['resource']}: {verdict_text(verdict)}")
    for export in document["exports"]:
        click.echo(f"then the result is exported to {export}")


def cost_text(cost: dict[str, Any]) -> str:
    """What a device would take for it, where the recipe names one."""
    if "device" not in cost:
        return f", {cost['macs']:,} MACs"
    known = [f"{label} {amount_text(name, cost[name])}" for name, label in COSTS.items() if cost.get(name) is not None]
    missing = "".join(f"\n      {reason}" for reason in cost.get("unknown", ()))
    return f"\n      on {cost['device']}: {', '.join(known)}{missing}"


def verdict_text(verdict: dict[str, Any]) -> str:
    """Whether a resource suffices for what the steps are taken to leave."""
    if verdict["estimate"] is None:
        return f"unknown, because {'; '.join(verdict['unknown'])}"
    compared = f"{verdict['estimate']:.6g} of {verdict['budget']:.6g}"
    return (
        f"{compared}, exceeded; {', '.join(verdict['nodes'])} take most" if verdict["exceeded"] else f"{compared}, kept"
    )


def size_text(held: dict[str, Any]) -> str:
    """Parameters and their bytes."""
    return f"{held['parameters']:,} parameters, {bytes_text(held['weight_bytes'])}"


def show_step(index: int, step: dict[str, Any]) -> None:
    """One step: what it matches, what it changes, what it leaves alone."""
    named = "" if step["name"] == step["pass"] else f" ({step['pass']})"
    click.echo(f"\n{index}  {step['name']}{named}, {step['effect']}")
    for option, nodes in step["matches"].items():
        click.echo(f"   {option} matches {nodes_text(nodes)}")
    if SENTENCES[step["state"]]:
        click.echo(f"   {SENTENCES[step['state']]}")
    for problem in step["problems"]:
        click.echo(f"      {problem}")
    changes = [f"{what.replace('_', ' ')}: {names_text(names)}" for what, names in step["changes"].items() if names]
    for line in changes:
        click.echo(f"   {line}")
    for item in step["refused"]:
        click.echo(f"   leaves {item['node']} alone: {item['reason']}")
    if changes:
        click.echo(f"   leaves {size_text(step)}{cost_text(step['cost'])}")


def nodes_text(nodes: list[dict[str, str]]) -> str:
    """A few nodes with their types."""
    shown = [f"{node['node']} {node['type']}" for node in nodes[:MOST_NODES]]
    return f"{counted(len(nodes), 'node')}: {listed(shown, len(nodes))}" if nodes else "no node"


def names_text(names: list[str]) -> str:
    """A few names."""
    return listed(names[:MOST_NODES], len(names))


def listed(shown: list[str], total: int) -> str:
    """Things with how many more there are."""
    more = f" and {total - len(shown)} more" if total > len(shown) else ""
    return f"{', '.join(shown)}{more}"


COMMAND = plan
