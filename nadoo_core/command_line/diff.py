"""`nadoo diff`: two runs or two saved graphs side by side: recipe, steps, metrics, and the graphs themselves."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import RUN_GRAPH, load_folder
from nadoo_core.command_line.output import answer, print_indented, print_table
from nadoo_core.command_line.progress import number_text
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, Problem, RecipeError

if TYPE_CHECKING:
    from nadoo_graphs.difference import GraphDifference

LEDGER_FILE = "ledger.json"
MISSING = "none"
MOST_LINES = 40


@command("diff", short_help="Compare two runs, or two saved graphs.")
@click.argument("before", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("after", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="List every node and tensor, however many there are.")
@click.pass_obj
def diff(session: Session, before: Path, after: Path, everything: bool) -> None:
    """Compare two RUNs, each the --out folder of a run or the folder of a saved graph.

    Of two runs, the options, metrics and results are compared too. The exit code is 0 whatever they differ in.
    """
    difference = graph_difference(before, after, session)
    document: dict[str, Any] = {"graph": None if difference is None else list(difference.lines())}
    if is_run(before) and is_run(after):
        document |= run_difference(before, after)
    answer(session, document, lambda: show(document, everything))


def is_run(path: Path) -> bool:
    """Whether a folder is that of a run."""
    return (path / LEDGER_FILE).is_file()


def graph_difference(before: Path, after: Path, session: Session) -> "GraphDifference | None":
    """What differs in the graphs; None where a run that stopped has none."""
    for path in (before, after):
        if not path.is_dir():
            message = "is no folder; give the --out folder of a run, or the folder of a saved graph"
            raise RecipeError(Problem(CoreCode.RECIPE, f"RUN {str(path)!r}", message))
    if any(is_run(path) and not (path / RUN_GRAPH).is_dir() for path in (before, after)):
        return None
    return load_folder(before, session).diff(load_folder(after, session))


def run_difference(before: Path, after: Path) -> dict[str, Any]:
    """What differs in the recipes and the results of two runs."""
    from nadoo_core.runs import read_ledger

    first, second = read_ledger(before), read_ledger(after)
    return {
        "recipe": list(differences(first["document"], second["document"])),
        "metrics": list(metric_rows(first, second)),
    }


def differences(before: Any, after: Any, where: str = "") -> Iterator[dict[str, Any]]:
    """Every value of two documents that is not the same, with its path; steps are found by their names."""
    first, second = as_table(before), as_table(after)
    if first is not None and second is not None:
        for key in dict.fromkeys([*first, *second]):
            path = f"{where}.{key}" if where else key
            yield from differences(first.get(key, MISSING), second.get(key, MISSING), path)
    elif before != after:
        yield {"where": where, "before": before, "after": after}


def as_table(value: Any) -> dict[str, Any] | None:
    """A table as it is, a list of named tables, such as the steps, by their names; None for anything else."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    items = cast("list[Any]", value) if isinstance(value, list) else []
    tables = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict) and "name" in item]
    return {table["name"]: table for table in tables} if items and len(tables) == len(items) else None


def metric_rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every metric at every place of the two runs."""
    first, second = places(before), places(after)
    for place in dict.fromkeys([*first, *second]):
        one, two = first.get(place, {}), second.get(place, {})
        for metric in dict.fromkeys([*one, *two]):
            yield {
                "place": place,
                "metric": metric,
                "before": one.get(metric, {}).get("value"),
                "after": two.get(metric, {}).get("value"),
            }


def places(ledger: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Where in a run metrics were taken, in the order of the run."""
    steps = {f"after {step['name']}": step["metrics"] for step in ledger["steps"]}
    test = ledger["result"].get("test", {})
    return {"original": ledger["original"].get("metrics", {}), **steps, "test": test}


def show(document: Mapping[str, Any], everything: bool) -> None:
    """The recipes, then the metrics, then the graphs."""
    for line in document.get("recipe", ()):
        click.echo(f"recipe {line['where']}: {short(line['before'])} → {short(line['after'])}")
    if document.get("metrics"):
        rows = [
            (row["place"], row["metric"], cell(row["before"]), cell(row["after"]), change(row["before"], row["after"]))
            for row in document["metrics"]
        ]
        print_table(("where", "metric", "first", "second", "change"), rows, numbers="first second change")
    show_graphs(document["graph"], everything)


def short(value: Any) -> str:
    """A value of a recipe; of a table only that it is one."""
    return "a table" if isinstance(value, Mapping) else str(value)


def cell(value: Any) -> str:
    """A metric in a table."""
    return "" if value is None else number_text({"value": value})


def change(before: Any, after: Any) -> str:
    """By how much a metric is another one, where both are numbers."""
    both_numbers = isinstance(before, int | float) and isinstance(after, int | float)
    return f"{after - before:+.4g}" if both_numbers else ""


def show_graphs(lines: list[str] | None, everything: bool) -> None:
    """What differs in the graphs, cut where it is long."""
    if lines is None:
        click.echo("\ngraphs: one of the runs stopped and has no result")
        return
    if not lines:
        click.echo("\ngraphs: no difference")
        return
    click.echo("\ngraphs:")
    shown = lines if everything else lines[:MOST_LINES]
    print_indented("\n".join(shown))
    if len(shown) < len(lines):
        click.echo(f"    and {len(lines) - len(shown)} more lines; --all lists them")


COMMAND = diff
