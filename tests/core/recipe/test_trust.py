"""Code that a recipe names runs only if it is installed or the user says so."""

import sys
from pathlib import Path

import pytest

from nadoo_core.errors import RecipeError
from nadoo_core.recipe import read_recipe_text, require_trust, resolve_reference
from nadoo_core.recipe.references import parse_reference
from nadoo_core.recipe.trust import is_installed
from tests.core.runs.toys import toy_registry


@pytest.mark.parametrize("text", ["torch.nn:Linear", "json:loads", "sys:exit", "nadoo_core.recipe:read_recipe"])
def test_installed_code_is_trusted(text: str) -> None:
    assert is_installed(parse_reference(text, "here"))


@pytest.mark.parametrize("text", ["stranger:run", "stranger.inner:run", "no_such_module:run"])
def test_code_of_the_current_folder_is_not(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "stranger"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('must not be imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert not is_installed(parse_reference(text, "here"))


def test_a_refusal_names_every_reference_and_how_to_trust(tmp_path: Path) -> None:
    for name in ("models.py", "losses.py"):
        (tmp_path / name).write_text("raise SystemExit('must not be imported')")
    text = '[model]\npython = "models.py:net"\n[evaluation]\nloss = "losses.py:loss"\nmetric = "json:loads"\n'
    recipe = read_recipe_text(text, folder=tmp_path, registry=toy_registry())
    with pytest.raises(RecipeError) as refused:
        require_trust(recipe, trust=False)
    assert refused.value.codes == ("N14", "N14")
    assert [problem.where for problem in refused.value.problems] == ["recipe.model.python", "recipe.evaluation.loss"]
    assert "--trust on the command line, trust=True in Python" in str(refused.value)
    require_trust(recipe, trust=True)


def test_a_file_beside_the_recipe_is_imported_once(tmp_path: Path) -> None:
    path = tmp_path / "models.py"
    path.write_text("count = []\ndef net():\n    count.append(1)\n    return count\n")
    first = resolve_reference(f"{path}:net", "here")
    assert first() is resolve_reference(f"{path}:net", "here")()
    assert len(first()) == 3


def test_a_file_that_changed_is_imported_again(tmp_path: Path) -> None:
    path = tmp_path / "models.py"
    path.write_text("value = 1\n")
    assert resolve_reference(f"{path}:value", "here") == 1
    path.write_text("value = 2\n")
    assert resolve_reference(f"{path}:value", "here") == 2


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ("def net(): ...", "nett", "has no 'nett'; did you mean 'net'"),
        ("1/0", "net", r"cannot be imported \(ZeroDivisionError: division by zero\)"),
        ("def net(:", "net", r"cannot be imported \(SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_used_is_an_error_of_the_recipe(
    source: str, name: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "models.py"
    path.write_text(source)
    with pytest.raises(RecipeError, match=message):
        resolve_reference(f"{path}:{name}", "recipe.model.python")


def test_a_module_in_the_working_folder_is_found_once_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_beside_me.py").write_text("def net():\n    return 'mine'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    assert not is_installed(parse_reference("nets_beside_me:net", "here"))
    assert resolve_reference("nets_beside_me:net", "here")() == "mine"
    assert sys.path[-1] == str(tmp_path)
