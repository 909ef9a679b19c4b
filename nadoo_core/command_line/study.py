"""`nadoo study`: run a recipe with every value that its [study] names, and make a table and a plot of the results."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, print_table
from nadoo_core.command_line.session import Session

if TYPE_CHECKING:
    from nadoo_core.studies.entry import StudyResult
    from nadoo_core.studies.points import Point

OUT = Path("out")


@command("study", short_help="Run a recipe many times, as its [study] says: a table and a plot.")
@click.argument("recipe")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where to write; unset: out/RECIPE.")
@click.option("--set", "changes", multiple=True, metavar="STEP.OPTION=VALUE", help="Change the recipe for this study.")
@click.option("--store", type=click.Path(path_type=Path, file_okay=False), help="Keep finished steps here.")
@click.pass_obj
def study(session: Session, recipe: str, out: Path | None, changes: tuple[str, ...], store: Path | None) -> None:
    """Run RECIPE, a file or a name, once for each point of its [study].

    DIR gets study.csv, a row a point, and study.svg. Finished steps are kept in a store: stopped at any moment, the
    same command goes on from there.
    """
    from nadoo_core.studies import study as carry_out

    def tell(done: int, total: int, point: "Point") -> None:
        if not session.json:
            values = ", ".join(f"{path} = {value}" for path, value in point.values.items())
            click.echo(f"{done + 1}/{total}  {point.label}  {values}  seed {point.seed}", err=True)

    place = out or OUT / Path(recipe).stem
    result = carry_out(
        recipe, place, registry=session.registry(), store=store, trust=session.trust, changes=changes, tell=tell
    )
    document: dict[str, Any] = {
        "rows": list(result.rows),
        "table": str(result.table),
        "plot": None if result.plot is None else str(result.plot),
        "notes": list(result.notes),
    }
    answer(session, document, lambda: show(result))


def show(result: "StudyResult") -> None:
    """Means over the seeds, differences to the first variant, and where the files are."""
    from nadoo_core.studies.table import paired, summaries

    place = swept(result)
    lines = summaries(result.rows, result.metric, place or None)
    columns = ["variant", *([place] if place else []), result.metric, "± 95 %", "runs"]
    rows = [
        [line.label, *([line.place] if place else []), f"{line.mean:.5g}", f"{line.half_width:.2g}", line.count]
        for line in lines
    ]
    print_table(columns, rows)
    first = result.rows[0]["label"]
    for label, mean, half, count in paired(result.rows, result.metric, first) if not place else ():
        click.echo(f"{label} − {first}: {mean:+.4g} ± {half:.2g} over {count} paired runs")
    stopped = [row for row in result.rows if "error" in row]
    for row in stopped:
        click.echo(f"stopped  {row['label']}, seed {row['seed']}: {row['error']}")
    click.echo(f"table    {result.table}")
    click.echo(f"plot     {result.plot}" if result.plot else f"plot     {'; '.join(result.notes)}")


def swept(result: "StudyResult") -> str:
    """The first option that is swept."""
    return next((name for name in result.rows[0] if "." in name), "")


COMMAND = study
