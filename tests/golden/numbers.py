"""Numbers for golden graphs: short ones, so that the files stay readable."""

import torch


def ramp(*shape: int, start: float = -1.0, step: float = 0.25) -> torch.Tensor:
    """Numbers that rise in equal steps."""
    count = torch.Size(shape).numel()
    return (start + step * torch.arange(count)).reshape(shape)


def statistics(width: int) -> dict[str, torch.Tensor]:
    """A batch norm's tensors: scale, shift, mean and variance."""
    return {
        "weight": ramp(width, start=1.0, step=0.5),
        "bias": ramp(width, start=0.5),
        "running_mean": ramp(width, start=0.25),
        "running_var": ramp(width, start=1.0, step=1.25),
    }
