"""Options back to what a recipe would say, for ledgers and store keys; reading that gives the same options."""

from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any, cast

import attrs

from nadoo_core.options.fields import option_fields


def unstructure(value: Any) -> Any:
    """Tables, lists and plain values; whoever has a short form may write that."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, tuple | list):
        return [unstructure(item) for item in cast("list[Any]", value)]
    if isinstance(value, Mapping):
        return {str(unstructure(key)): unstructure(item) for key, item in cast("Mapping[Any, Any]", value).items()}
    return unstructure_instance(value)


def unstructure_instance(value: Any) -> Any:
    """An instance of an attrs class as a table, or in its short form; anything else is plain."""
    if hasattr(value, "write_option"):
        return value.write_option()
    cls = cast("type[object]", type(value))
    if not attrs.has(cls):
        return value
    return {item.key: unstructure(getattr(value, item.attribute)) for item in option_fields(cls)}
