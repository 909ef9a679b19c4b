"""What an annotation admits, in the words of a message: "an integer from 1 to 8", "a list of texts"."""

import collections.abc
import types
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from nadoo_core.options.bounds import Bounds
from nadoo_core.options.place import Place
from nadoo_core.options.spelling import shown
from nadoo_core.options.units import Unit

SINGLE = {bool: "true or false", str: "a text", Path: "a path", type(None): "nothing", Any: "any value"}
LISTS = (tuple, list, collections.abc.Sequence)
TABLES = (dict, collections.abc.Mapping)


def described(annotation: Any, place: Place) -> str:
    """What may be given for an annotation, within the limits of its place."""
    annotation, place = unwrapped(annotation, place)
    if annotation in {int, float}:
        return number_text(annotation, place.bounds, place.unit)
    if annotation in SINGLE:
        return SINGLE[annotation]
    origin = get_origin(annotation) or annotation
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(described(member, place) for member in get_args(annotation)))
    if origin is Literal:
        return one_of([shown(choice) for choice in get_args(annotation)])
    if isinstance(origin, type) and issubclass(origin, Enum):
        return one_of([shown(member.value) for member in origin])
    return container_text(origin)


def container_text(origin: Any) -> str:
    """What is not a single value."""
    if origin in LISTS:
        return "a list"
    return str(getattr(origin, "option_text", "a table"))


def number_text(annotation: type, bounds: Bounds, unit: Unit | None) -> str:
    """A number with its range, or with the texts that may stand for it."""
    if unit is not None:
        extra = bounds.text if bounds != unit.bounds else ""
        return f"{unit.text}{f',{extra}' if extra else ''}"
    finite = "" if bounds.allow_nonfinite or annotation is int else "finite "
    return f"an integer{bounds.text}" if annotation is int else f"a {finite}number{bounds.text}"


def one_of(choices: list[str]) -> str:
    """A choice among a few."""
    return choices[0] if len(choices) == 1 else f"one of {', '.join(choices)}"


def unwrapped(annotation: Any, place: Place) -> tuple[Any, Place]:
    """An annotation without its `Annotated`, whose units and bounds go to the place."""
    from attrs import evolve

    while hasattr(annotation, "__metadata__"):
        for note in annotation.__metadata__:
            if isinstance(note, Unit):
                place = evolve(place, unit=note, bounds=note.bounds.narrowed(place.bounds))
            elif isinstance(note, Bounds):
                place = evolve(place, bounds=note.narrowed(place.bounds))
        annotation = annotation.__origin__
    return annotation, place
