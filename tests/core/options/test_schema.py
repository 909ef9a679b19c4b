"""The JSON Schema says what the structurer takes."""

import json
import re
from typing import Any

from nadoo_core.options import json_schema, structure, unstructure
from tests.core.options.test_structuring import Everything, Inner


def properties() -> dict[str, Any]:
    return json_schema(Everything)["properties"]


def test_the_schema_is_json_and_closed() -> None:
    schema = json_schema(Everything)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["count"]
    assert schema["description"] == "One option of each kind."


def test_limits_help_and_defaults_are_in_it() -> None:
    assert properties()["count"] == {"type": "integer", "minimum": 1, "maximum": 8, "description": "how many"}
    assert properties()["rate"]["exclusiveMinimum"] == 0
    assert properties()["rate"]["default"] == 0.1
    assert properties()["sizes"]["items"] == {"type": "integer", "minimum": 1}
    assert properties()["sizes"]["maxItems"] == 3
    assert properties()["colour"]["enum"] == ["red", "green"]
    assert properties()["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "number"}]
    assert properties()["inner"]["default"] == unstructure(Inner())


def test_a_unit_is_a_pattern_that_its_texts_fit() -> None:
    number, text = properties()["keep"]["anyOf"]
    assert (number["minimum"], number["maximum"]) == (0, 1)
    assert re.search(text["pattern"], "12.5 %")
    assert not re.search(text["pattern"], "12.5")


def test_every_property_is_a_key_that_is_read() -> None:
    defaults = {key: item["default"] for key, item in properties().items() if "default" in item}
    assert unstructure(structure(Everything, {**defaults, "count": 1})) == {**defaults, "count": 1}
