"""The share of right answers, counted by somebody else."""

import torch

from nadoo_core.evaluation import Measurement


def hit_rate(outputs: torch.Tensor, targets: torch.Tensor) -> Measurement:
    """How often the highest score is that of the right class."""
    hits = (outputs.argmax(1) == targets).double()
    share = float(hits.mean())
    return Measurement(share, len(hits), (share * (1 - share) / len(hits)) ** 0.5)
