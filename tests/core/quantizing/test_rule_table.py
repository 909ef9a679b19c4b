"""Clip rules by name: ours, and those of a plugin, which a recipe names like ours."""

from pathlib import Path

import pytest

import nadoo_core as nadoo
from nadoo_core.errors import NadooError, OptionError
from nadoo_core.quantizing import CLIP_RULES, make_rule
from nadoo_core.registry import Registry

PLUGIN = '''
from attrs import frozen
from nadoo_core.options import option
from nadoo_core.quantizing.rules import ClipRule
from nadoo_core.registry import Plugin, hookimpl


@frozen(kw_only=True)
class Half(ClipRule):
    """Half of the largest magnitude."""

    share: float = option(default=0.5, above=0, help="the share")

    def clips(self, rows, book, epoch=0):
        return rows.abs().amax(1).double() * self.share


@hookimpl
def nadoo_plugin():
    return Plugin(api=1, clip_rules={"half": Half})
'''
RECIPE = """
name = "half"
[model]
python = "nadoo_recipes.models:digits_cnn"
[data]
dataset = "digits"
calibration = 32
[[step]]
pass = "fold-batch-norm"
[[step]]
pass = "quantize"
clip = "half"
clip_options = { half = { share = 0.25 } }
rounding = "nearest"
report = "weights"
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin of one file."""
    path = tmp_path / "halves.py"
    path.write_text(PLUGIN, encoding="utf-8")
    return path


def test_our_rules_are_offered_like_those_of_a_plugin() -> None:
    assert set(CLIP_RULES) <= set(Registry.of().names("clip_rules"))


def test_a_plugin_s_rule_works_in_a_recipe(plugin: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "half.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    registry = Registry.of(files=[plugin])
    result = nadoo.run(recipe, registry=registry, out=tmp_path / "out", store=tmp_path / "store")
    rows = result.steps[-1]["checks"]["tables"]["layers"]
    assert all(row["clipped_share"] > 0.2 for row in rows)


def test_a_changed_rule_is_not_answered_from_the_store(plugin: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "half.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    chosen = {"out": tmp_path / "out", "store": tmp_path / "store"}
    nadoo.run(recipe, registry=Registry.of(files=[plugin]), **chosen)
    again = nadoo.run(recipe, registry=Registry.of(files=[plugin]), **chosen)
    assert again.steps[-1]["reused"]
    plugin.write_text(PLUGIN.replace("* self.share", "* self.share * 0.5"), encoding="utf-8")
    assert not nadoo.run(recipe, registry=Registry.of(files=[plugin]), **chosen).steps[-1]["reused"]


def test_what_is_no_rule_is_refused(plugin: Path) -> None:
    plugin.write_text(PLUGIN.replace('"half": Half', '"half": Half, "broken": dict'), encoding="utf-8")
    load = Registry.of(files=[plugin]).load
    with pytest.raises(OptionError, match="no clip rule"):
        make_rule("broken", load=load)
    with pytest.raises(NadooError, match="octav"):
        make_rule("octavv", load=load)
