"""Where torch computes: `compute = "cpu"`, "cuda" or "mps"; what is absent is refused and never replaced silently."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import torch
from torch import nn

from nadoo_core.errors import CoreCode, OptionError, Problem

Compute: TypeAlias = Literal["cpu", "cuda", "mps"]
CHOICES = ("cpu", "cuda", "mps")


def device_of(compute: str) -> torch.device:
    """Torch's device of that name, if this machine has it."""
    if compute not in CHOICES:
        raise OptionError(Problem(CoreCode.OPTION, "compute", f"is {compute!r}; give one of {', '.join(CHOICES)}"))
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present[compute]:
        usable = ", ".join(name for name, there in present.items() if there)
        message = f"is {compute!r}, which torch {torch.__version__} does not find on this machine; there is {usable}"
        raise OptionError(Problem(CoreCode.OPTION, "compute", message))
    return torch.device(compute)


@contextmanager
def evaluating(model: nn.Module, device: torch.device) -> Generator[None]:
    """The model in evaluation and on the device; afterwards every part of it is as it was."""
    home = device_of_model(model)
    modes = {module: module.training for module in model.modules()}
    model.eval().to(device)
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training
        model.to(home)


def device_of_model(model: nn.Module) -> torch.device:
    """Where a model's tensors lie."""
    tensor = next((*model.parameters(), *model.buffers()).__iter__(), None)
    return torch.device("cpu") if tensor is None else tensor.device
