"""What nadoo itself offers through the same tables as everybody else's plugins: data sets."""

from nadoo_core.data.table import DATASETS
from nadoo_core.registry import API_VERSION, Plugin, hookimpl


@hookimpl
def nadoo_plugin() -> Plugin:
    """The tables of this package."""
    return Plugin(api=API_VERSION, datasets=dict(DATASETS))
