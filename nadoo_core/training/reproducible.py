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


def seed_step(device: torch.device, seed: int) -> None:
    """Seed what dropout draws from; `torch.manual_seed` would do more, in a third of a small step's time."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
