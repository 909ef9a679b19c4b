"""What every test relies on: quiet threads, the same random numbers each time, no stopwatch."""

import os
import random

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import numpy
import pytest
import torch
from hypothesis import HealthCheck, settings

SEED = 0
SLOW_CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile("default", deadline=None, max_examples=100, suppress_health_check=SLOW_CHECKS)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=4000)
settings.load_profile("default")

# The models are tiny: a second thread costs more than it gives, and the test processes share the cores.
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same random numbers, whichever tests ran before it."""
    random.seed(SEED)
    numpy.random.seed(SEED)
    torch.manual_seed(SEED)
