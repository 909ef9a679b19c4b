"""What a run costs beside the work of its passes: little, and nothing where everything is stored."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from nadoo_core.passes import Pass
from nadoo_core.runs.bench import Bench
from nadoo_graphs.graph import ModelGraph
from tests.core.runs.toys import PASSES, toy_graph, toy_recipe, toy_run

PROGRAM = """
import time
start = time.perf_counter()
import torch
imported = time.perf_counter()
torch.set_num_threads(1)
from nadoo_core.registry import Registry
from nadoo_core.runs import run
registry = Registry.of(files=[{passes!r}])
result = run({recipe!r}, out={out!r}, store={store!r}, registry=registry)
print(imported - start, time.perf_counter() - start, all(step["reused"] for step in result.steps))
"""
RECIPE = """
[model]
file = "saved"
[data]
dataset = "synthetic"
options = { examples = 200, shape = [8], outputs = 3 }
calibration = 32
""" + "".join(f'[[step]]\npass = "scale-weights"\nname = "step{index}"\nfactor = 0.9\n' for index in range(10))


def stored_run(folder: Path) -> tuple[float, float, bool]:
    """The seconds of importing torch and of everything, in a process of its own, and whether nothing was done again."""
    places = {name: str(folder / name) for name in ("out", "store")}
    program = PROGRAM.format(passes=str(PASSES), recipe=str(folder / "recipe.toml"), **places)
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported, total, reused = answer.stdout.split()
    return float(imported), float(total), reused == "True"


def test_a_run_whose_steps_are_all_stored_ends_within_three_times_importing_torch(tmp_path: Path) -> None:
    toy_graph().save(tmp_path / "saved")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    runs = [stored_run(tmp_path) for _ in range(4)]
    assert [reused for _, _, reused in runs] == [False, True, True, True]
    assert min(total / imported for imported, total, _ in runs[1:]) < 3


class Stopwatch:
    """Seconds of this process spent in some methods, which other processes of the machine do not add to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def watched(self, method: Any) -> Any:
        def timed(*arguments: Any, **keywords: Any) -> Any:
            started = time.process_time()
            try:
                return method(*arguments, **keywords)
            finally:
                self.seconds += time.process_time() - started

        return timed


def large_graph() -> ModelGraph:
    """As many parameters as ResNet-50, in as many layers with as many small tensors."""
    made = ModelGraph("large")
    value = made.add_input("x", ("N", 680))
    for index in range(54):
        tensors = {"weight": torch.eye(680) + 1e-6 * index, "bias": torch.full((680,), 0.01 * index)}
        value = made.add("relu", [made.add("linear", [value], name=f"layer{index}", tensors=tensors)])
    made.set_outputs([value])
    return made


def test_ten_steps_on_twenty_five_million_parameters_take_little_of_our_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Stopwatch()
    monkeypatch.setattr(Pass, "run", watch.watched(Pass.run))
    monkeypatch.setattr(Bench, "scores", lambda *_: {})
    monkeypatch.setattr(Bench, "losses_of_fidelity", lambda *_: [])
    steps = "".join(
        f'[[step]]\npass = "scale-weights"\nname = "step{index}"\nwhere = {{ name = "layer{index}" }}\n'
        for index in range(1, 11)
    )
    graph, recipe = large_graph(), toy_recipe(steps, data="")
    started = time.process_time()
    toy_run(tmp_path, recipe, model=graph)
    assert time.process_time() - started - watch.seconds < 2
