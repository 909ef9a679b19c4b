"""Studies: one recipe run with many values of its options, as a table and a plot.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.studies.entry import StudyResult, study
    from nadoo_core.studies.points import Point, points_of

__all__ = ["Point", "StudyResult", "points_of", "study"]

HOMES = {
    "Point": "nadoo_core.studies.points",
    "StudyResult": "nadoo_core.studies.entry",
    "points_of": "nadoo_core.studies.points",
    "study": "nadoo_core.studies.entry",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
