"""The operators and number formats that graphs may use where plugins are installed: the standard ones and theirs."""

from typing import TYPE_CHECKING

from nadoo_core.registry.registry import Registry

if TYPE_CHECKING:
    from nadoo_graphs.ops import OpTable


def ops_of(registry: Registry) -> "OpTable":
    """The standard operators and the rows of all plugins, with all formats that these may speak of."""
    from nadoo_graphs.ops import standard_ops

    table = standard_ops().with_rows(offer.load() for offer in registry.offers("ops"))
    return table.with_formats(offer.load() for offer in registry.offers("formats"))
