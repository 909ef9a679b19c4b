"""Recipes: what is to be done with a model, read from TOML strictly, with every mistake named at once."""

from nadoo_core.recipe.reading import read_recipe, read_recipe_text
from nadoo_core.recipe.recipe import Export, Recipe, Step
from nadoo_core.recipe.references import resolve_reference
from nadoo_core.recipe.schema import recipe_schema
from nadoo_core.recipe.sections import Limit, Require
from nadoo_core.recipe.starter import starter_recipe
from nadoo_core.recipe.trust import require_trust

__all__ = [
    "Export",
    "Limit",
    "Recipe",
    "Require",
    "Step",
    "read_recipe",
    "read_recipe_text",
    "recipe_schema",
    "require_trust",
    "resolve_reference",
    "starter_recipe",
]
