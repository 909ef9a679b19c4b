"""plugins, explain and schema: what there is, and what each thing is given."""

import json
from pathlib import Path

import pytest

from nadoo_core.data import DATASETS
from nadoo_core.errors import CoreCode
from nadoo_core.registry import KINDS, Registry
from nadoo_graphs.errors import Code
from nadoo_graphs.formats import standard_formats
from tests.core.command_line.calling import call

PASSES = Registry.of().names("passes")


def test_plugins_lists_every_plugin_and_offer() -> None:
    answer, document = call("plugins"), call("plugins", "--json").document
    assert "nadoo_training" in answer.text
    assert set(document["offers"]) == set(KINDS)
    assert document["offers"]["passes"]["train"] == "nadoo_training"
    assert document["failures"] == []


def test_plugins_can_be_asked_for_one_kind() -> None:
    assert list(call("plugins", "--kind", "recipes", "--json").document["offers"]) == ["recipes"]
    assert call("plugins", "--kind", "nonsense").code == 2


def test_a_plugin_file_is_used_and_an_installed_one_left_out(home: Path) -> None:
    offers = call("plugins", "--plugin", home / "doubling.py", "--without", "nadoo_training", "--json").document
    assert offers["offers"]["passes"]["double-weights"] == "doubling"
    assert "train" not in offers["offers"]["passes"]
    assert offers["without"] == ["nadoo_training"]


def test_leaving_out_a_plugin_that_is_none_is_refused() -> None:
    answer = call("plugins", "--without", "nadoo_trainings")
    assert answer.code == 2
    assert "no plugin has this name; did you mean 'nadoo_training'" in answer.errors


@pytest.mark.parametrize("name", PASSES)
def test_explain_tells_every_pass_with_every_option(name: str) -> None:
    document, text = call("explain", name, "--json").document, call("explain", name).text
    assert document["kind"] == "pass"
    assert document["doc"]
    assert document["effect"] in text
    assert [item["name"] for item in document["options"] if item["name"] not in text or not item["help"]] == []
    assert f'pass = "{name}"' in text


@pytest.mark.parametrize("name", DATASETS)
def test_explain_tells_every_data_set(name: str) -> None:
    assert call("explain", name, "--json").document["kind"] == "dataset"
    assert f'dataset = "{name}"' in call("explain", name).text


@pytest.mark.parametrize("code", [*Code, *CoreCode])
def test_explain_tells_every_code_of_an_error(code: Code | CoreCode) -> None:
    assert code.meaning in call("explain", code.value.lower()).text


def test_explain_shows_the_options_of_a_table_inside_the_options() -> None:
    names = [item["name"] for item in call("explain", "train", "--json").document["options"]]
    assert "augmentation.rotation" in names


@pytest.mark.parametrize("name", Registry.of().names("clip_rules"))
def test_explain_tells_every_clip_rule(name: str) -> None:
    assert call("explain", name, "--json").document["kind"] == "clip rule"
    assert f'clip = "{name}"' in call("explain", name).text


@pytest.mark.parametrize("name", standard_formats().names)
def test_explain_tells_every_number_format(name: str) -> None:
    document, row = call("explain", name, "--json").document, standard_formats()[name]
    assert (document["kind"], document["name"], document["bits"]) == ("format", name, float(row.bits))
    assert document["levels"] is None or len(document["levels"]) == len(row.levels() or ())
    text = call("explain", name.upper()).text
    assert row.summary in text
    assert (f'weights = "{name}"' in text) is (row.codec is not None and row.bits <= 16)


def test_explain_marks_what_must_be_given(home: Path) -> None:
    text = (home / "doubling.py").read_text(encoding="utf-8").replace("default=2.0, ", "")
    (home / "strict.py").write_text(text, encoding="utf-8")
    answer = call("explain", "double-weights", "--plugin", home / "strict.py")
    assert "must be given" in answer.text
    assert "by = …" in answer.text


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("trian", "did you mean 'train'"),
        ("digit", "did you mean 'digits'"),
        ("N99", "is no pass, data set, clip rule, number format or code of an error"),
    ],
)
def test_explain_gives_the_nearest_name(name: str, advice: str) -> None:
    answer = call("explain", name)
    assert answer.code == 2
    assert advice in answer.errors


def test_explain_names_the_plugin_that_was_left_out() -> None:
    assert "the plugin 'nadoo_training' offers it" in call("explain", "train", "--without", "nadoo_training").errors


def test_the_schema_knows_every_pass_and_is_written_to_a_file(home: Path) -> None:
    printed, answer = call("schema").document, call("schema", "--out", "recipe.schema.json")
    titles = [step["title"] for step in printed["properties"]["step"]["items"]["oneOf"]]
    assert titles == list(PASSES)
    assert json.loads((home / "recipe.schema.json").read_text(encoding="utf-8")) == printed
    assert "#:schema recipe.schema.json" in answer.text
    assert call("schema", "--out", "again.json", "--json").document == {"file": "again.json"}


def test_a_schema_that_cannot_be_written_stops_with_the_reason(home: Path) -> None:
    answer = call("schema", "--out", home / "missing" / "schema.json")
    assert answer.code == 1
    assert "No such file or directory" in answer.errors
