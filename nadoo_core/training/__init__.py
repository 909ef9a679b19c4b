"""Training: one loop for all that trains, with its options, hooks, log and checkpoints.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.training.hooks import Moment, TrainingHook
    from nadoo_core.training.log import EpochRecord, TrainingLog
    from nadoo_core.training.options import TrainingChoices, TrainingOptions
    from nadoo_core.training.trainer import Trainer

__all__ = ["EpochRecord", "Moment", "Trainer", "TrainingChoices", "TrainingHook", "TrainingLog", "TrainingOptions"]

HOMES = {
    "EpochRecord": "nadoo_core.training.log",
    "Moment": "nadoo_core.training.hooks",
    "Trainer": "nadoo_core.training.trainer",
    "TrainingChoices": "nadoo_core.training.options",
    "TrainingHook": "nadoo_core.training.hooks",
    "TrainingLog": "nadoo_core.training.log",
    "TrainingOptions": "nadoo_core.training.options",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
