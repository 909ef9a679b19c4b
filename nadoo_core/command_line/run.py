"""`nadoo run`: carry a recipe out, show what every step did, and say where the result is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.ledger_text import print_ledger
from nadoo_core.command_line.output import answer, program
from nadoo_core.command_line.progress import observer_for
from nadoo_core.command_line.session import Session
from nadoo_core.errors import RunError
from nadoo_core.recipe import Recipe, read_recipe

OUT = Path("out")


@command("run", short_help="Run a recipe: the result, its ledger, and what each step did.")
@click.argument("recipe")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where to write; unset: out/NAME.")
@click.option("--set", "changes", multiple=True, metavar="STEP.OPTION=VALUE", help="Change the recipe for this run.")
@click.option("--until", metavar="STEP", help="End after a step; the test set is not read then.")
@click.option("--keep-steps", is_flag=True, help="Save the graph of every step.")
@click.option("--keep-failed", is_flag=True, help="Save the graph that a step was stopped with.")
@click.option("--attribution", is_flag=True, help="Run again without each step, to say what each really cost.")
@click.option(
    "--step-timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="Interrupt a longer step."
)
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Keep finished steps here.")
@click.pass_obj
def run(session: Session, recipe: str, out: Path | None, changes: tuple[str, ...], **wishes: Any) -> None:
    """Run RECIPE, a file or the name of a recipe that a plugin offers.

    DIR gets ledger.json, the result in graph/ and other forms in exports/. Finished steps are kept in a store: stopped
    at any moment, the same command goes on from there.
    """
    read = read_recipe(recipe, registry=session.registry(), changes=changes)
    place = out or OUT / read.name
    ledger = carried_out(session, read, place, wishes)
    answer(session, {**ledger, "out": str(place)}, lambda: show(ledger, place))


def carried_out(session: Session, recipe: Recipe, out: Path, wishes: dict[str, Any]) -> dict[str, Any]:
    """The ledger of the run; one that stops shows how far it came before the reason is told."""
    from nadoo_core.runs import run as start

    observer = observer_for(session)
    try:
        return start(
            recipe, out=out, trust=session.trust, registry=session.registry(), observer=observer, **wishes
        ).ledger
    except RunError as error:
        ledger: dict[str, Any] = getattr(error, "ledger", {})
        if ledger.get("steps") and not session.json:
            click.echo()
            print_ledger(ledger)
        raise
    finally:
        observer.close()


def show(ledger: Mapping[str, Any], out: Path) -> None:
    """The ledger as a table, and what to type next."""
    click.echo()
    print_ledger(ledger)
    click.echo(f"\nresult   {out / 'graph'}, fingerprint {ledger['result']['fingerprint'][:16]}")
    for export in ledger["exports"]:
        click.echo(f"export   {out / export['folder']}")
    click.echo(f"ledger   {out / 'ledger.json'}")
    click.echo(f"\nnow type: {program()} inspect {out} --svg {out / 'graph.svg'}")


COMMAND = run
