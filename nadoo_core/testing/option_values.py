"""Values that an option takes, as a recipe would write them, from the annotation and range of its field."""

import math
import types
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

import attrs
from hypothesis import strategies

from nadoo_core.options import Bounds, OptionField, Place, option_fields, unstructure
from nadoo_core.options.describing import LISTS, TABLES, unwrapped
from nadoo_core.passes import LayerTable, Selector

Values: TypeAlias = strategies.SearchStrategy[Any]
Drawer: TypeAlias = Callable[[Any, Bounds], Values]

SMALLEST, LARGEST = -8, 8
WORDS = ("relu", "linear", "int8", "a", "x y")
GLOBS = ("*", "linear*", "conv2d*", "[a-m]*")
MOST_ITEMS = 3


def field_values(item: OptionField) -> Values:
    """What may stand in a recipe for one option; its default is among it."""
    drawn = values(item.annotation, item.bounds)
    default = item.default_value()
    return drawn if item.required or default is None else strategies.just(unstructure(default)) | drawn


def values(annotation: Any, bounds: Bounds) -> Values:
    """Values of any annotation that an option may have."""
    annotation, place = unwrapped(annotation, Place("", bounds=bounds))
    origin = get_origin(annotation) or annotation
    if origin in DRAWERS:
        return DRAWERS[origin](annotation, place.bounds)
    if origin in LISTS:
        return lists(annotation, place.bounds)
    if origin in TABLES:
        key, held = get_args(annotation) or (str, Any)
        entries = place.bounds
        return tables(values(key, Bounds()), values(held, entries.without_lengths()), entries)
    return of_class(origin)


def of_class(origin: Any) -> Values:
    """Members of an enumeration, or tables of another class with options."""
    if isinstance(origin, type) and issubclass(origin, Enum):
        return strategies.sampled_from([member.value for member in origin])
    if isinstance(origin, type) and attrs.has(origin):
        return strategies.fixed_dictionaries({item.key: field_values(item) for item in option_fields(origin)})
    raise TypeError(f"no values are known for an option annotated {origin!r}; give check_pass(…, options=a strategy)")


# --- single values ----------------------------------------------------------------------------------------------------


def integers(annotation: Any, bounds: Bounds) -> Values:
    """Small integers within the range."""
    lowest = bounds.minimum if bounds.above is None else math.floor(bounds.above) + 1
    highest = bounds.maximum if bounds.below is None else math.ceil(bounds.below) - 1
    least, most = window(lowest, highest)
    return strategies.integers(math.ceil(least), math.floor(most))


def numbers(annotation: Any, bounds: Bounds) -> Values:
    """Numbers of moderate size within the range."""
    least, most = window(
        bounds.minimum if bounds.above is None else bounds.above,
        bounds.maximum if bounds.below is None else bounds.below,
    )
    drawn = strategies.floats(least, most, allow_nan=False, width=32 if fits_width(least, most) else 64)
    return drawn.filter(bounds.admits)


def fits_width(*limits: float) -> bool:
    """Whether limits are numbers of float32, as hypothesis wants them."""
    return all(limit == int(limit) for limit in limits)


def window(lowest: float | None, highest: float | None) -> tuple[float, float]:
    """A small part of a range, at its lower end where it has one."""
    if lowest is None:
        return (SMALLEST, LARGEST) if highest is None else (highest - LARGEST, highest)
    return lowest, lowest + LARGEST if highest is None else min(highest, max(lowest + LARGEST, lowest))


def texts(annotation: Any, bounds: Bounds) -> Values:
    """A few words of the allowed length."""
    fitting = [word for word in WORDS if bounds.admits_length(word)]
    return strategies.sampled_from(fitting or ["a" * int(bounds.min_length or 0)])


def choices(annotation: Any, bounds: Bounds) -> Values:
    """What a literal lists."""
    return strategies.sampled_from(get_args(annotation))


def either(annotation: Any, bounds: Bounds) -> Values:
    """A value of one of several annotations."""
    return strategies.one_of([values(member, bounds) for member in get_args(annotation)])


def selectors(annotation: Any, bounds: Bounds) -> Values:
    """The short forms of a selector and tables of it."""
    return strategies.sampled_from(["first", "last", *GLOBS, {"exclude": ["head"]}, {"min_parameters": 1}])


def layer_tables(annotation: Any, bounds: Bounds) -> Values:
    """One value for all layers, or tables by glob."""
    held = values((get_args(annotation) or (Any,))[0], bounds)
    return held | strategies.dictionaries(strategies.sampled_from(GLOBS), held, min_size=1, max_size=MOST_ITEMS)


DRAWERS: Mapping[Any, Drawer] = types.MappingProxyType(
    {
        bool: lambda annotation, bounds: strategies.booleans(),
        int: integers,
        float: numbers,
        str: texts,
        Path: lambda annotation, bounds: strategies.sampled_from(["file.bin", "folder/file.bin"]),
        Any: lambda annotation, bounds: strategies.integers(0, LARGEST) | strategies.sampled_from(WORDS),
        None: lambda annotation, bounds: strategies.none(),
        type(None): lambda annotation, bounds: strategies.none(),
        Literal: choices,
        Union: either,
        types.UnionType: either,
        Selector: selectors,
        LayerTable: layer_tables,
    }
)


# --- values made of values --------------------------------------------------------------------------------------------


def lists(annotation: Any, bounds: Bounds) -> Values:
    """Lists of the allowed length; a tuple of several annotations has one item each."""
    kinds = get_args(annotation)
    inner = bounds.without_lengths()
    if get_origin(annotation) is tuple and kinds and kinds[-1] is not Ellipsis:
        return strategies.tuples(*(values(kind, inner) for kind in kinds)).map(list)
    least = bounds.min_length or 0
    most = least + MOST_ITEMS if bounds.max_length is None else bounds.max_length
    return strategies.lists(values(kinds[0] if kinds else Any, inner), min_size=least, max_size=most)


def tables(keys: Values, held: Values, bounds: Bounds) -> Values:
    """Tables of the allowed size with keys of the user's own."""
    least = bounds.min_length or 0
    return strategies.dictionaries(keys.map(str), held, min_size=least, max_size=bounds.max_length or least + 1)
