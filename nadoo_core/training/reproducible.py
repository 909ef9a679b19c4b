"""The surroundings of a training: random numbers of its own, and on an accelerator the deterministic algorithms."""

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def reproducible(device: torch.device) -> Generator[None]:
    """Whatever is drawn inside leaves the random state of the caller alone."""
    accelerator = device.type != "cpu"
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    devices = [device.index or 0] if accelerator else []
    with torch.random.fork_rng(devices, device_type=device.type if accelerator else "cuda"):
        if accelerator:
            torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])
