"""A small world for runs: a model, data, passes, and recipes made of a few lines."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

import nadoo_core.plugin
from nadoo_core.recipe import Recipe, read_recipe_text
from nadoo_core.registry import Registry
from nadoo_core.runs import RunResult, run
from nadoo_graphs.graph import ModelGraph

PASSES = Path(__file__).with_name("toy_passes.py")
DATA_SETS = Path(nadoo_core.plugin.__file__)
DEVICES = Path(__file__).with_name("toy_devices.py")
DATA = """
[data]
dataset = "synthetic"
options = { examples = 200, shape = [8], outputs = 3 }
validation = 0.5
calibration = 32
"""
STEPS = """
[[step]]
pass = "scale-weights"
factor = 0.9
[[step]]
pass = "rename"
[[step]]
pass = "jitter"
"""


@cache
def toy_registry() -> Registry:
    """The passes and the device of the tests and the data sets of the core, and nothing else."""
    return Registry.of(installed=False, files=[PASSES, DATA_SETS, DEVICES])


def toy_model() -> nn.Module:
    """Two linear layers with weights that are always the same."""
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


@cache
def toy_graph() -> ModelGraph:
    """The captured model; nobody writes to it."""
    return nadoo_core.capture(toy_model(), torch.zeros(2, 8))


def toy_recipe(steps: str = STEPS, data: str = DATA, top: str = "seed = 1\n", changes: Any = ()) -> Recipe:
    """A recipe for the toy model, which is given from Python."""
    return read_recipe_text(top + data + steps, registry=toy_registry(), changes=changes)


def toy_run(folder: Path, recipe: Recipe | None = None, **options: Any) -> RunResult:
    """A run in a folder with a store of its own beside it."""
    options = {"out": folder / "out", "store": folder / "store", "model": toy_graph(), **options}
    return run(recipe or toy_recipe(), registry=toy_registry(), **options)


def states(result: Any) -> list[str]:
    """The states of a ledger's steps."""
    return [step["state"] for step in result["steps"]]
