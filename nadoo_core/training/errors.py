"""The error of a training that cannot begin or go on."""

from nadoo_core.errors import CoreCode, Problem, TrainingError


def training_error(where: str, message: str) -> TrainingError:
    """The error of one thing that is wrong."""
    return TrainingError(Problem(CoreCode.TRAINING, where, message))
