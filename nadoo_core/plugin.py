"""What nadoo itself offers through the same tables as everybody else's plugins: data sets and clip rules."""

from nadoo_core.data.table import DATASETS
from nadoo_core.quantizing.rule_table import CLIP_RULES
from nadoo_core.registry import API_VERSION, Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The tables of this package."""
    return Plugin(api=API_VERSION, datasets=dict(DATASETS), clip_rules=dict(CLIP_RULES))
