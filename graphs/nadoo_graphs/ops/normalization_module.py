"""The leaf modules that norms with statistics become; rows are read without torch, so these stand apart."""

from torch import Tensor, nn
from torch.nn import functional as F


class BatchNorm(nn.Module):
    """Runs a batch norm in the mode that its module is in, and keeps the statistics that it is handed."""

    def __init__(self, momentum: float | None, eps: float, frozen: bool) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps
        self.frozen = frozen

    def forward(
        self,
        x: Tensor,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        running_mean: Tensor | None = None,
        running_var: Tensor | None = None,
        num_batches_tracked: Tensor | None = None,
    ) -> Tensor:
        """Normalize by the running statistics, or by the batch's while those are learned or absent."""
        learning = self.training and not self.frozen
        momentum = self.momentum or 0.0
        if learning and num_batches_tracked is not None:
            num_batches_tracked.add_(1)
            momentum = 1.0 / float(num_batches_tracked) if self.momentum is None else self.momentum
        by_batch = learning or running_mean is None
        return F.batch_norm(x, running_mean, running_var, weight, bias, by_batch, momentum, self.eps)


class InstanceNorm(nn.Module):
    """Runs an instance norm in the mode that its module is in."""

    def __init__(self, momentum: float | None, eps: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.eps = eps

    def forward(
        self,
        x: Tensor,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        running_mean: Tensor | None = None,
        running_var: Tensor | None = None,
        num_batches_tracked: Tensor | None = None,
    ) -> Tensor:
        """Normalize by each instance, or in eval by running statistics; torch never counts these batches."""
        by_instance = self.training or running_mean is None
        momentum = self.momentum or 0.0
        return F.instance_norm(x, running_mean, running_var, weight, bias, by_instance, momentum, self.eps)
