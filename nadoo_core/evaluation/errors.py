"""The error of an evaluation that would say something untrue: wrong shapes, missing labels, outputs that are NaN."""

from nadoo_core.errors import CoreCode, DataError, Problem


def evaluation_error(where: str, message: str) -> DataError:
    """The error of one thing that does not fit."""
    return DataError(Problem(CoreCode.DATA, where, message))
