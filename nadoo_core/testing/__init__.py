"""For authors of plugins: graphs and options to try passes on, the laws that every pass obeys, a plugin to begin with.

Ours and everyone's passes are held to the same laws. The names below are imported when they are used: hypothesis, from
the extra `testing`, is needed by `check_pass`, `check_plugin` and the strategies, and torch by all but `new_plugin`.
"""

from typing import TYPE_CHECKING

from nadoo_graphs.lazy import lazy_names

if TYPE_CHECKING:
    from nadoo_core.testing.context import law_context
    from nadoo_core.testing.golden import GoldenCase, golden_cases, golden_text
    from nadoo_core.testing.laws import LAWS, Law, LawBroken
    from nadoo_core.testing.pass_check import check_pass
    from nadoo_core.testing.plugin_check import check_plugin
    from nadoo_core.testing.report import Item, LawError, Report
    from nadoo_core.testing.samples import sample_graphs
    from nadoo_core.testing.scaffold import new_plugin
    from nadoo_core.testing.strategies import graphs, options, recipe_text, recipes

__all__ = [
    "LAWS",
    "GoldenCase",
    "Item",
    "Law",
    "LawBroken",
    "LawError",
    "Report",
    "check_pass",
    "check_plugin",
    "golden_cases",
    "golden_text",
    "graphs",
    "law_context",
    "new_plugin",
    "options",
    "recipe_text",
    "recipes",
    "sample_graphs",
]

HOMES = {
    "LAWS": "nadoo_core.testing.laws",
    "GoldenCase": "nadoo_core.testing.golden",
    "Item": "nadoo_core.testing.report",
    "Law": "nadoo_core.testing.laws",
    "LawBroken": "nadoo_core.testing.laws",
    "LawError": "nadoo_core.testing.report",
    "Report": "nadoo_core.testing.report",
    "check_pass": "nadoo_core.testing.pass_check",
    "check_plugin": "nadoo_core.testing.plugin_check",
    "golden_cases": "nadoo_core.testing.golden",
    "golden_text": "nadoo_core.testing.golden",
    "graphs": "nadoo_core.testing.strategies",
    "law_context": "nadoo_core.testing.context",
    "new_plugin": "nadoo_core.testing.scaffold",
    "options": "nadoo_core.testing.strategies",
    "recipe_text": "nadoo_core.testing.strategies",
    "recipes": "nadoo_core.testing.strategies",
    "sample_graphs": "nadoo_core.testing.samples",
}

__getattr__, __dir__ = lazy_names(__name__, HOMES)
