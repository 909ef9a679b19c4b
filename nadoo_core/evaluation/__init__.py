"""Evaluation: what a model is worth on examples, and how close it still is to another one.

The names below are imported when they are used, so that importing the package never waits for torch.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.evaluation.activity import Activity, measure_activity
    from nadoo_core.evaluation.compute import device_of
    from nadoo_core.evaluation.evaluator import Evaluator
    from nadoo_core.evaluation.fidelity import Agreement, Fidelity, measure_fidelity
    from nadoo_core.evaluation.losses import LOSSES, loss_of
    from nadoo_core.evaluation.measurement import Measurement
    from nadoo_core.evaluation.metrics import METRICS

__all__ = [
    "LOSSES",
    "METRICS",
    "Activity",
    "Agreement",
    "Evaluator",
    "Fidelity",
    "Measurement",
    "device_of",
    "loss_of",
    "measure_activity",
    "measure_fidelity",
]

HOMES = {
    "LOSSES": "nadoo_core.evaluation.losses",
    "METRICS": "nadoo_core.evaluation.metrics",
    "Activity": "nadoo_core.evaluation.activity",
    "Agreement": "nadoo_core.evaluation.fidelity",
    "Evaluator": "nadoo_core.evaluation.evaluator",
    "Fidelity": "nadoo_core.evaluation.fidelity",
    "Measurement": "nadoo_core.evaluation.measurement",
    "device_of": "nadoo_core.evaluation.compute",
    "loss_of": "nadoo_core.evaluation.losses",
    "measure_activity": "nadoo_core.evaluation.activity",
    "measure_fidelity": "nadoo_core.evaluation.fidelity",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
