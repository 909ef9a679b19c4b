"""The JSON Schema of recipes, made from what is installed, so that editors complete and check as one types."""

from typing import TYPE_CHECKING, Any

from nadoo_core.errors import NadooError
from nadoo_core.options import json_schema
from nadoo_core.recipe.sections import RecipeSection, StepKeys

if TYPE_CHECKING:
    from nadoo_core.registry import Registry

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def recipe_schema(registry: "Registry") -> dict[str, Any]:
    """The schema of a whole recipe; a pass that cannot be loaded is left out, and so refused by the editor too."""
    schema = json_schema(RecipeSection)
    steps = [step for name in registry.names("passes") for step in step_schema(name, registry)]
    exports = [export_schema(name) for name in registry.names("exporters")]
    schema["properties"]["step"] = array(steps, schema["properties"]["step"])
    schema["properties"]["export"] = array(exports, schema["properties"]["export"])
    return {"$schema": DRAFT, "title": "nadoo recipe", **schema}


def array(items: list[dict[str, Any]], described: dict[str, Any]) -> dict[str, Any]:
    """A list of tables of these kinds."""
    kinds: Any = {"oneOf": items} if items else False
    return {"type": "array", "description": described.get("description", ""), "items": kinds}


def step_schema(name: str, registry: "Registry") -> list[dict[str, Any]]:
    """The schema of a step with one pass: the step's own keys, and the options of the pass."""
    try:
        options = json_schema(registry.load("passes", name))
    except NadooError:
        return []
    own = json_schema(StepKeys)
    properties = {**own["properties"], **options["properties"]}
    properties["pass"] = {"const": name, "description": options.get("description", "")}
    return [
        {
            "title": name,
            "type": "object",
            "description": options.get("description", ""),
            "properties": properties,
            "required": ["pass", *options.get("required", ())],
            "additionalProperties": False,
        }
    ]


def export_schema(name: str) -> dict[str, Any]:
    """The schema of an export, whose options are its exporter's."""
    return {"title": name, "type": "object", "properties": {"to": {"const": name}}, "required": ["to"]}
