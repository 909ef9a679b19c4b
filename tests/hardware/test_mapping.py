"""Mappings of layers to precisions: every form, and every mistake at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from nadoo_core.errors import OptionError
from nadoo_graphs.formats import standard_formats
from nadoo_hardware.analysis.mapping import Choice, Precision, mapping_of, read_mapping

NAMES = ["stem", "block.conv", "head"]
INT8, INT4 = Precision("int8", "int8"), Precision("int4", "int4")


def mapped(document: Any) -> dict[str, Choice]:
    return mapping_of(document, "mapping.json", NAMES, standard_formats())


def problems(document: Any) -> str:
    with pytest.raises(OptionError) as caught:
        mapped(document)
    return caught.value.render()


def test_every_form_of_a_choice() -> None:
    found = mapped({"stem": "INT8", "block.conv": ["int8", "int4"], "head": {"precisions": ["fp16"], "share": None}})
    assert found["stem"] == Choice((INT8,))
    assert found["block.conv"] == Choice((INT8, INT4))
    assert found["head"] == Choice((Precision("float16", "float16"),))


def test_shares_pairs_and_the_rest() -> None:
    found = mapped({"stem": {"precisions": ["int8", "int4"], "share": 0.25}, "*": "int8-int4"})
    assert found["stem"].share == 0.25
    assert found["head"] == found["block.conv"] == Choice((Precision("int4", "int8"),))
    assert found["head"].text == "int8-int4"
    assert found["stem"].text == "int8 + int4"


def test_a_format_with_a_hyphen_in_its_alias_is_one_format() -> None:
    assert mapped({"*": "binary-sym"})["head"].text == "binarysym"


def test_all_mistakes_are_said_at_once() -> None:
    said = problems({"stm": "int8", "stem": "int9", "block.conv": ["int8"] * 3})
    assert "did you mean 'stem'?" in said
    assert "'int9', which is no format" in said
    assert "3 precisions" in said
    assert "1 layers have no precision: head" in said


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "give an object"),
        ({"*": 8}, "name of a format"),
        ({"*": []}, "0 precisions"),
        ({"*": {"precisions": ["int8"], "shar": 1}}, "'share'"),
        ({"*": {"precisions": ["int8", "int4"], "share": 1.5}}, "from 0 to 1"),
        ({"*": {"precisions": ["int8", "int4"], "share": True}}, "from 0 to 1"),
        ({"stem": "int8"}, "block.conv, head"),
    ],
)
def test_what_is_no_choice_is_refused(document: Any, message: str) -> None:
    assert message in problems(document)


@pytest.mark.parametrize("text", ["{", '{"stem": "int8", "stem": "int4"}', "[" * 100_000, "\udcff"])
def test_what_is_no_json_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mapping.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(OptionError, match="is not JSON"):
        read_mapping(path, NAMES, standard_formats())


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read"):
        read_mapping(tmp_path / "none.json", NAMES, standard_formats())
    (tmp_path / "good.json").write_text(json.dumps({"*": "int8"}), encoding="utf-8")
    assert len(read_mapping(tmp_path / "good.json", NAMES, standard_formats())) == len(NAMES)
