"""All importers by ATen overload: a value that a plugin extends without changing anybody else's."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from nadoo_graphs.capture.importers import (
    activation,
    arithmetic,
    attention,
    convolution,
    copying,
    embedding,
    linear,
    normalization,
    pooling,
    recurrent,
    reduction,
    shaping,
)
from nadoo_graphs.capture.importers.importer import Importer

FAMILIES = (
    linear.IMPORTERS,
    convolution.IMPORTERS,
    normalization.IMPORTERS,
    activation.IMPORTERS,
    pooling.IMPORTERS,
    arithmetic.IMPORTERS,
    reduction.IMPORTERS,
    shaping.IMPORTERS,
    copying.IMPORTERS,
    embedding.IMPORTERS,
    attention.IMPORTERS,
    recurrent.IMPORTERS,
)


@cache
def standard_importers() -> Mapping[str, Importer]:
    """The importers that come with nadoo."""
    return MappingProxyType({overload: importer for family in FAMILIES for overload, importer in family.items()})
