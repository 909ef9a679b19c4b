"""The schema and the starter recipe follow from what is installed, and agree with what is read."""

import json
from pathlib import Path

import pytest

from nadoo_core.errors import RecipeError
from nadoo_core.options import option_fields
from nadoo_core.recipe import read_recipe_text, recipe_schema, starter_recipe
from nadoo_core.recipe.sections import RecipeSection
from nadoo_core.registry import Registry
from tests.core.runs.toys import toy_registry


def test_the_schema_has_a_kind_of_step_for_every_pass() -> None:
    schema = recipe_schema(toy_registry())
    kinds = schema["properties"]["step"]["items"]["oneOf"]
    assert [kind["properties"]["pass"]["const"] for kind in kinds] == list(toy_registry().names("passes"))
    measure = next(kind for kind in kinds if kind["title"] == "measure")
    assert measure["required"] == ["pass", "amount"]
    assert set(measure["properties"]) == {"pass", "name", "require", "limit", "allow_no_change", "amount"}
    assert measure["additionalProperties"] is False


def test_the_schema_has_every_section_with_help_and_is_json() -> None:
    schema = json.loads(json.dumps(recipe_schema(toy_registry())))
    assert set(schema["properties"]) == {item.key for item in option_fields(RecipeSection)}
    assert all(item["description"] for item in schema["properties"].values())
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["additionalProperties"] is False


def test_without_plugins_no_step_is_allowed() -> None:
    assert recipe_schema(Registry.of(installed=False))["properties"]["step"]["items"] is False


@pytest.mark.parametrize("model", ["torch.nn:Identity", "saved"])
def test_the_starter_recipe_can_be_read_as_it_is(model: str, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    text = starter_recipe(model, registry=toy_registry())
    recipe = read_recipe_text(text, folder=tmp_path, registry=toy_registry())
    assert recipe.name == ("Identity" if ":" in model else "saved")
    assert recipe.steps == ()


def test_the_starter_recipe_names_every_pass_and_option_with_its_help() -> None:
    text = starter_recipe("a:b", registry=toy_registry())
    for name in toy_registry().names("passes"):
        assert f'# pass = "{name}"' in text
        for item in option_fields(toy_registry().pass_class(name)):
            assert f"# {item.key} = " in text
            assert item.help in text


def test_what_is_right_for_every_model_is_switched_on() -> None:
    registry = Registry.of(installed=True)
    text = starter_recipe("torch.nn:Identity", registry=registry)
    recipe = read_recipe_text(text, registry=registry)
    expected = [name for name in ("remove-identities", "fold-batch-norm") if name in registry.names("passes")]
    assert [step.pass_name for step in recipe.steps] == expected
    assert all(step.allow_no_change for step in recipe.steps)


def test_every_switched_off_option_can_be_switched_on() -> None:
    text = starter_recipe("torch.nn:Identity", registry=toy_registry())
    lines = text.splitlines()
    start = lines.index('# pass = "jitter"')
    lines[start - 1 : start + 4] = [line.removeprefix("# ") for line in lines[start - 1 : start + 4]]
    lines = [line.replace("# trained = …", "trained = true") for line in lines]
    recipe = read_recipe_text("\n".join(lines), registry=toy_registry())
    assert [step.pass_name for step in recipe.steps] == ["jitter"]


def test_a_model_that_is_no_reference_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"give package\.module:function"):
        starter_recipe("not a module:x", registry=toy_registry())
