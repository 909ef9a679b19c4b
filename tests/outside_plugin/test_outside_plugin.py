"""A plugin from a separate package works as ours do: its wheel is built, installed apart, and its pass run."""

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from nadoo_core.registry import Registry

HERE = Path(__file__).parent
PROGRAM = "from nadoo_core.command_line.main import main; main()"
CUBED = """
import torch
from nadoo_core.registry import Registry
from nadoo_core.registry import ops_of
from nadoo_graphs.graph import ModelGraph

graph = ModelGraph("cubes", ops_of(Registry.of()))
graph.set_outputs([graph.add("cube", [graph.add_input("x", ("N", 2))])])
print(graph.run(torch.tensor([[2.0, -3.0]])).result.tolist())
"""


def called(*command: str | Path, folder: Path) -> str:
    """What a program says; one that fails shows why."""
    answer = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the plugin's wheel in it; all else is that of the tests."""
    folder = tmp_path_factory.mktemp("outside")
    source = shutil.copytree(HERE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "test_*"))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    offline = ("--no-index", "--no-deps")
    called(*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, source, folder=folder)
    called(sys.executable, "-m", "venv", "--without-pip", folder / "environment", folder=folder)
    interpreter = folder / "environment" / "bin" / "python"
    (site,) = (folder / "environment").glob("lib/python*/site-packages")
    ours = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site / "environment_of_the_tests.pth").write_text(ours, encoding="utf-8")
    (wheel,) = folder.glob("nadoo_outside-*.whl")
    called(*pip, "--python", interpreter, "install", *offline, wheel, folder=folder)
    return interpreter


def test_the_environment_of_the_tests_knows_nothing_of_the_plugin() -> None:
    assert "nadoo_outside" not in [plugin.name for plugin in Registry.of().plugins]


@pytest.mark.slow
def test_its_pass_runs_from_a_recipe_with_its_data_set_and_its_metric(python: Path, tmp_path: Path) -> None:
    recipe = shutil.copy(HERE / "recipe.toml", tmp_path)
    options = ("--out", tmp_path / "out", "--store", tmp_path / "store")
    called(python, "-c", PROGRAM, "run", recipe, *options, folder=tmp_path)
    ledger = json.loads((tmp_path / "out" / "ledger.json").read_text(encoding="utf-8"))
    assert ledger["state"] == "done"
    (step,) = ledger["steps"]
    assert (step["pass"], step["state"]) == ("strip-unit-scale", "done")
    assert step["fingerprint"] != ledger["model"]["fingerprint"]
    assert step["metrics"]["accuracy"] == ledger["original"]["metrics"]["accuracy"]


@pytest.mark.slow
def test_it_obeys_the_laws(python: Path, tmp_path: Path) -> None:
    answer = json.loads(called(python, "-c", PROGRAM, "--json", "check-plugin", "nadoo_outside", folder=tmp_path))
    assert answer["ok"], answer
    states = {(item["kind"], item["name"]): item["state"] for item in answer["items"]}
    assert states == {
        ("passes", "strip-unit-scale"): "holds",
        ("ops", "cube"): "holds",
        ("datasets", "rings"): "holds",
        ("metrics", "hit-rate"): "holds",
    }


@pytest.mark.slow
def test_its_operator_computes(python: Path, tmp_path: Path) -> None:
    assert called(python, "-c", CUBED, folder=tmp_path).strip() == "[[8.0, -27.0]]"


@pytest.mark.slow
def test_without_it_the_recipe_is_refused_and_the_pass_named(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, "run", str(HERE / "recipe.toml"), "--out", str(tmp_path / "out")]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert "strip-unit-scale" in answer.stderr
