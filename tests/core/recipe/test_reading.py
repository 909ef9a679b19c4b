"""What a right recipe becomes: sections, steps as passes, recipes on top of others, and the last word of --set."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nadoo_core.errors import RecipeError
from nadoo_core.evaluation import LOSSES, METRICS
from nadoo_core.recipe import Recipe, read_recipe, read_recipe_text
from nadoo_core.recipe.reading import NAMED_LOSSES, NAMED_METRICS
from nadoo_core.registry import Plugin, Registry, hookimpl
from tests.core.runs.toys import toy_registry

FULL = """
name = "full"
description = "everything"
seed = 3
compute = "cpu"
[model]
python = "models.py:net"
weights = "w.safetensors"
arguments = { width = 4 }
inputs = [[2, 8], { shape = [2, 3], dtype = "int64", below = 10 }]
[data]
dataset = "synthetic"
options = { shape = [8] }
validation = "20 %"
calibration = 16
[evaluation]
loss = "models.py:loss"
metric = "auc"
batch = 8
[target]
device = "stm32f401"
budget = { flash = "64 KiB", ram = 8192, latency = "2 ms", energy = 0.001 }
[[step]]
pass = "scale-weights"
factor = 0.5
where = { op = "linear", exclude = ["head"] }
require = { min_changed = 2 }
limit = { accuracy_drop = "1 %", against = "original", otherwise = "roll back" }
[[step]]
pass = "scale-weights"
[[step]]
pass = "rename"
name = "other"
allow_no_change = true
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.py").write_text("raise SystemExit('must not be imported')")
    (tmp_path / "w.safetensors").touch()
    return tmp_path


def read(text: str, folder: Path, *changes: str) -> Recipe:
    return read_recipe_text(text, folder=folder, registry=toy_registry(), changes=changes)


def factors(recipe: Recipe) -> dict[str, Any]:
    return {step.name: getattr(step.operation, "factor", None) for step in recipe.steps}


def test_every_section_is_read(folder: Path) -> None:
    recipe = read(FULL, folder)
    assert (recipe.name, recipe.seed, recipe.compute, recipe.description) == ("full", 3, "cpu", "everything")
    assert recipe.model is not None
    assert recipe.model.python == f"{folder.resolve()}/models.py:net"
    assert recipe.model.weights == folder.resolve() / "w.safetensors"
    assert recipe.model.arguments == {"width": 4}
    assert recipe.data is not None
    assert (recipe.data.validation, recipe.data.calibration) == (0.2, 16)
    assert recipe.dataset.shape == (8,)
    assert (recipe.evaluation.metric, recipe.evaluation.batch) == ("auc", 8)
    assert recipe.target.budget.flash == 65536
    assert recipe.target.budget.latency == 0.002
    assert recipe.held == {"trained"}


def test_steps_are_passes_with_names_of_their_own(folder: Path) -> None:
    recipe = read(FULL, folder)
    assert [step.name for step in recipe.steps] == ["scale-weights", "scale-weights-2", "other"]
    first = recipe.step("scale-weights")
    assert type(first.operation).__name__ == "ScaleWeights"
    assert first.require is not None
    assert first.require.min_changed == 2
    assert first.limit is not None
    assert first.limit.bounds == {"accuracy": (-1.0, 0.01)}
    assert recipe.step("other").allow_no_change


def test_reading_imports_neither_torch_nor_the_users_code(folder: Path) -> None:
    (folder / "r.toml").write_text('[model]\npython = "models.py:net"\n[data]\ndataset = "digits"\n')
    program = (
        "import sys\nfrom nadoo_core.recipe import read_recipe\nfrom nadoo_core.registry import Registry\n"
        f"read_recipe({str(folder / 'r.toml')!r}, registry=Registry.of())\nprint('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_recipe_is_called_like_its_file(folder: Path) -> None:
    (folder / "my-model.toml").write_text('[model]\npython = "models.py:net"\n')
    assert read_recipe(folder / "my-model.toml", registry=toy_registry()).name == "my-model"


def test_a_text_with_unset_validation_has_the_default(folder: Path) -> None:
    recipe = read('[model]\npython = "a:b"\n[data]\ndataset = "synthetic"\n', folder)
    assert recipe.data is not None
    assert recipe.data.validation == 0.15
    assert recipe.held == frozenset()


def test_the_names_of_losses_and_metrics_are_those_of_evaluation() -> None:
    assert set(NAMED_LOSSES) == set(LOSSES)
    assert set(NAMED_METRICS) == set(METRICS)


# --- extends ----------------------------------------------------------------------------------------------------------

BASE = """
seed = 1
[model]
python = "a:b"
arguments = { width = 4, depth = 2 }
trained = true
[[step]]
pass = "scale-weights"
factor = 0.5
[[step]]
pass = "rename"
"""


def test_tables_are_merged_and_steps_found_by_name(folder: Path) -> None:
    (folder / "base.toml").write_text(BASE)
    recipe = read(
        'extends = "base.toml"\n[model]\narguments = { depth = 3 }\n[[step]]\npass = "scale-weights"\nfactor = 0.25\n'
        '[[step]]\npass = "jitter"\n',
        folder,
    )
    assert recipe.model is not None
    assert recipe.model.arguments == {"width": 4, "depth": 3}
    assert recipe.seed == 1
    assert factors(recipe) == {"scale-weights": 0.25, "rename": None, "jitter": None}


def test_another_pass_under_a_name_replaces_the_step(folder: Path) -> None:
    (folder / "base.toml").write_text(BASE)
    recipe = read('extends = "base.toml"\n[[step]]\npass = "jitter"\nname = "scale-weights"\n', folder)
    assert [step.pass_name for step in recipe.steps] == ["jitter", "rename"]


def test_another_model_does_not_inherit_the_arguments_of_the_old_one(folder: Path) -> None:
    (folder / "base.toml").write_text(BASE)
    (folder / "saved").mkdir()
    recipe = read('extends = "base.toml"\n[model]\nfile = "saved"\n', folder)
    assert recipe.model is not None
    assert (recipe.model.python, recipe.model.arguments) == (None, {})
    assert recipe.model.trained


def test_another_dataset_does_not_inherit_the_options_of_the_old_one(folder: Path) -> None:
    (folder / "base.toml").write_text(
        '[model]\npython = "a:b"\n[data]\ndataset = "synthetic"\noptions = { shape = [8] }\ncalibration = 3\n'
    )
    recipe = read('extends = "base.toml"\n[data]\ndataset = "digits"\n', folder)
    assert recipe.data is not None
    assert (recipe.data.options, recipe.data.calibration) == ({}, 3)


def test_paths_stay_relative_to_the_file_that_names_them(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "v.safetensors").touch()
    (inner / "base.toml").write_text('[model]\npython = "a:b"\nweights = "v.safetensors"\n')
    recipe = read('extends = "inner/base.toml"\n', folder)
    assert recipe.model is not None
    assert recipe.model.weights == (inner / "v.safetensors").resolve()


class Shipped:
    @hookimpl
    def nadoo_plugin(self) -> Plugin:
        return Plugin(api=1, recipes={"shipped": "shipping:recipe.toml"})


def test_a_recipe_that_a_package_ships_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shipping"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('must not be imported')")
    (package / "recipe.toml").write_text('name = "from a package"\n[model]\npython = "a:b"\n')
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from nadoo_core.registry import Plugin, hookimpl\n@hookimpl\ndef nadoo_plugin():\n"
        "    return Plugin(api=1, recipes={'shipped': 'shipping:recipe.toml'})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry.of(installed=False, files=[plugin])
    assert read_recipe("shipped", registry=registry).name == "from a package"
    extending = read_recipe_text('extends = "shipped"\nseed = 5\n', registry=registry)
    assert (extending.name, extending.seed) == ("from a package", 5)


# --- --set ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("scale-weights.factor=0.25", {"scale-weights": 0.25, "rename": None}),
        ("scale-weights.factor = 2", {"scale-weights": 2.0, "rename": None}),
    ],
)
def test_set_changes_an_option_of_a_step(change: str, expected: dict[str, Any], folder: Path) -> None:
    assert factors(read(BASE, folder, change)) == expected


def test_set_reaches_into_tables_and_sections(folder: Path) -> None:
    recipe = read(BASE, folder, "seed=9", "model.arguments.width=7", "rename.suffix=abc", "data.dataset=synthetic")
    assert recipe.model is not None
    assert (recipe.seed, recipe.model.arguments["width"]) == (9, 7)
    assert recipe.step("rename").operation.suffix == "abc"  # type: ignore[attr-defined]
    assert recipe.dataset is not None


def test_set_adds_a_limit_and_a_selector(folder: Path) -> None:
    recipe = read(BASE, folder, "data.dataset=synthetic", "scale-weights.limit.loss_rise=0.5", "rename.require={}")
    limit = recipe.step("scale-weights").limit
    assert limit is not None
    assert limit.loss_rise == 0.5


def test_a_path_that_the_user_types_starts_here_and_may_lead_anywhere(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "best.safetensors").touch()
    monkeypatch.chdir(elsewhere)
    recipe = read(BASE, folder, "model.weights=best.safetensors")
    assert recipe.model is not None
    assert recipe.model.weights == elsewhere / "best.safetensors"


def test_the_last_change_wins(folder: Path) -> None:
    assert read(BASE, folder, "seed=2", "seed=4").seed == 4


def test_a_value_that_smuggles_in_other_tables_is_a_text(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe.seed: is '1\\n\[data\]'"):
        read(BASE, folder, "seed=1\n[data]")
