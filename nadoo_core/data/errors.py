"""The error of data that cannot be had: missing files, damaged files, options that fit no file."""

from nadoo_core.errors import CoreCode, DataError, Problem


def data_error(where: str, message: str) -> DataError:
    """The error of one thing that is wrong."""
    return DataError(Problem(CoreCode.DATA, where, message))
