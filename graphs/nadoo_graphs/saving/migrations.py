"""Documents of older versions, brought to the present one step by step before they are read."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from nadoo_graphs.errors import Code, LoadError, Problem
from nadoo_graphs.saving.document import SCHEMA, VERSION

Document: TypeAlias = dict[str, Any]
Migration: TypeAlias = Callable[[Document], Document]

MIGRATIONS: Mapping[int, Migration] = MappingProxyType({})
"""By version: what makes a document of that version one of the next. Version 1 is the first."""


def migrated(document: Any, migrations: Mapping[int, Migration], where: str) -> Any:
    """The document in the present version; one that is no graph, or too new, is refused."""
    version = version_of(document, where)
    if version > VERSION:
        message = f"has version {version}, this nadoo reads up to {VERSION}; update nadoo"
        raise LoadError(Problem(Code.SCHEMA, where, message))
    for step in range(version, VERSION):
        if step not in migrations:
            message = (
                f"has version {version}, and nothing leads from {step} to {step + 1}; save it with a nadoo of then"
            )
            raise LoadError(Problem(Code.SCHEMA, where, message))
        document = migrate(document, step, migrations[step], where)
    return document


def version_of(document: Any, where: str) -> int:
    """The version that a document claims."""
    given = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    version = given.get("version")
    if given.get("schema") == SCHEMA and type(version) is int:
        return version
    message = f'is no saved graph: an object with "schema":"{SCHEMA}" and a "version" was expected'
    raise LoadError(Problem(Code.SCHEMA, where, message))


def migrate(document: Document, version: int, migration: Migration, where: str) -> Document:
    """One step; it may rely on what its version promised, and a document that breaks the promise is refused."""
    try:
        return {**migration(document), "version": version + 1}
    except Exception as error:
        message = f"does not have the form of version {version} ({type(error).__name__}: {error}); save it again"
        raise LoadError(Problem(Code.SCHEMA, where, message)) from error
