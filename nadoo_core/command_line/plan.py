"""`nadoo plan`: what a run would touch, step by step, without training or writing anything."""

from typing import Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.failures import STOPPED
from nadoo_core.command_line.output import answer, bytes_text, counted
from nadoo_core.command_line.session import Session
from nadoo_core.recipe import Recipe, read_recipe, require_trust

MOST_NODES = 6
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

    origin = origin_of(recipe, None, session.registry(), Bench(recipe, session.registry()))
    held = count(origin.graph)
    return {
        "recipe": recipe.name,
        "model": {
            "source": origin.source,
            "nodes": len(origin.graph),
            "parameters": held.parameters,
            "weight_bytes": held.weight_bytes,
        },
        "data": recipe.data.dataset if recipe.data else None,
        "steps": [step.as_dict() for step in foresee(recipe, origin.graph)],
        "exports": [export.to for export in recipe.exports],
    }


def show(document: dict[str, Any]) -> None:
    """The model, then a paragraph a step."""
    model = document["model"]
    click.echo(f"{document['recipe']}: {model['source']} with {document['data'] or 'no'} data")
    click.echo(f"   {model['nodes']} nodes, {size_text(model)}")
    for index, step in enumerate(document["steps"], 1):
        show_step(index, step)
    for export in document["exports"]:
        click.echo(f"then the result is exported to {export}")


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
        click.echo(f"   leaves {size_text(step)}")


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
