"""study: what `nadoo study` does, from Python."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from nadoo_core.errors import CoreCode, Problem, RunError
from nadoo_core.registry import Registry
from nadoo_core.runs import RunStoppedError, run
from nadoo_core.studies.plot import has_plots, write_plot
from nadoo_core.studies.points import Point, points_of
from nadoo_core.studies.table import Row, failed_row, row_of, summaries, write_csv

if TYPE_CHECKING:
    from nadoo_core.store import Store

CSV, SVG = "study.csv", "study.svg"


@frozen
class StudyResult:
    """The rows of a study, and where its table and plot are."""

    rows: tuple[Row, ...]
    table: Path
    plot: Path | None
    metric: str
    notes: tuple[str, ...] = field(default=())


def study(
    source: str | Path,
    out: str | Path,
    *,
    registry: Registry | None = None,
    store: "Store | str | Path | None" = None,
    trust: bool = False,
    changes: Sequence[str] = (),
    tell: Callable[[int, int, Point], None] | None = None,
) -> StudyResult:
    """Run every point of a recipe's [study]. Finished steps come from the store, so that a study goes on.

    A point whose run stops has its reason in the table, and the others run all the same.
    """
    known = registry or Registry.of()
    points = points_of(source, known, changes)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for done, point in enumerate(points):
        if tell is not None:
            tell(done, len(points), point)
        rows.append(carried_out(point, known, store, trust=trust))
        write_csv(folder / CSV, rows)
    section = points[0].recipe.study
    metric = section.metric if section is not None else "accuracy"
    return finished(points[0].recipe.name, rows, folder, metric, next(iter(points[0].values), ""))


def carried_out(point: Point, registry: Registry, store: "Store | str | Path | None", *, trust: bool) -> Row:
    """The row of one point."""
    try:
        return row_of(point, run(point.recipe, store=store, trust=trust, registry=registry))
    except RunStoppedError as error:
        return failed_row(point, "; ".join(str(problem) for problem in error.problems))


def finished(title: str, rows: list[Row], folder: Path, metric: str, place: str) -> StudyResult:
    """The plot, where there is something to plot and somebody to do it."""
    lines = summaries(rows, metric, place or None)
    columns = sorted({name for row in rows for name in row})
    if not lines and all("error" in row for row in rows):
        reasons = "; ".join(dict.fromkeys(str(row["error"]) for row in rows))
        raise RunError(Problem(CoreCode.RUN, f"study {title!r}", f"no point ran to its end: {reasons}"))
    if not lines:
        message = f"has the metric {metric!r}, which is no column of numbers; there are {', '.join(columns)}"
        raise RunError(Problem(CoreCode.RUN, f"study {title!r}", message))
    if not has_plots():
        note = "no plot, because matplotlib is not installed; run: pip install 'nadoo[plots]'"
        return StudyResult(tuple(rows), folder / CSV, None, metric, (note,))
    write_plot(folder / SVG, lines, metric, place, title)
    return StudyResult(tuple(rows), folder / CSV, folder / SVG, metric)
