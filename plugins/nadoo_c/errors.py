"""What can go wrong between a graph and its C."""

from nadoo_core.errors import CoreCode, NadooError, Problem


class ExportError(NadooError):
    """A graph cannot be exported, or a folder cannot be written."""


class VerificationError(NadooError):
    """The C does not give what the program gives; the first layer and element that differ are named."""


def unexported(where: str, message: str) -> ExportError:
    """An error with one problem."""
    return ExportError(Problem(CoreCode.RUN, where, message))


def unequal(where: str, message: str) -> VerificationError:
    """An error with one problem."""
    return VerificationError(Problem(CoreCode.RUN, where, message))
