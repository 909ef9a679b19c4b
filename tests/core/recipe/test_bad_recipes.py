"""Every wrong recipe is refused with a message that names the thing, its value and what is allowed."""

from pathlib import Path

import pytest

from nadoo_core.errors import RecipeError
from nadoo_core.recipe import read_recipe, read_recipe_text
from tests.core.recipe.bad_recipes import BAD_RECIPES, MODEL
from tests.core.runs.toys import toy_registry


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_a_bad_recipe_gets_exactly_these_messages(name: str, tmp_path: Path) -> None:
    bad = BAD_RECIPES[name]
    with pytest.raises(RecipeError) as refused:
        read_recipe_text(bad.text, folder=tmp_path, registry=toy_registry(), changes=bad.changes)
    messages = tuple(str(problem).replace(str(tmp_path.resolve()), "FOLDER") for problem in refused.value.problems)
    assert messages == bad.messages


def test_the_table_is_long_enough() -> None:
    assert len(BAD_RECIPES) >= 40


def test_every_kind_of_mistake_in_one_recipe_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as refused:
        read_recipe_text(BAD_RECIPES["many"].text, folder=tmp_path, registry=toy_registry())
    assert len(refused.value.problems) == 5


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"recipe '.*none.toml': cannot be read: No such file"):
        read_recipe(tmp_path / "none.toml", registry=toy_registry())


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "a.toml", registry=toy_registry())


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "w.safetensors").touch()
    (home / "w.safetensors").symlink_to(tmp_path / "w.safetensors")
    with pytest.raises(RecipeError, match="outside of the recipe's folder"):
        read_recipe_text(MODEL + 'weights = "w.safetensors"\n', folder=home, registry=toy_registry())


def test_a_recipe_cannot_extend_itself(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('extends = "b.toml"\n')
    (tmp_path / "b.toml").write_text('extends = "a.toml"\n')
    with pytest.raises(RecipeError, match="leads back to"):
        read_recipe(tmp_path / "a.toml", registry=toy_registry())


def test_a_recipe_of_many_megabytes_is_refused() -> None:
    with pytest.raises(RecipeError, match="more than 1048576 characters"):
        read_recipe_text("#" * (1024**2 + 1), registry=toy_registry())
