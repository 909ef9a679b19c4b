"""The strict structurer: a value of TOML, JSON or Python in, the value of an annotation out, or every problem at once.

Each reader gives the value, or notes what is wrong at its place and gives `FAILED`; so the other values are read too.
"""

import collections.abc
import math
import types
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin

import attrs

from nadoo_core.errors import CoreCode, OptionError
from nadoo_core.options.bounds import HIGHEST, LOWEST
from nadoo_core.options.describing import LISTS, TABLES, described, unwrapped
from nadoo_core.options.fields import OptionField, option_fields
from nadoo_core.options.place import FAILED, Missing, Place
from nadoo_core.options.spelling import did_you_mean, shown

Structured = TypeVar("Structured")
Reader: TypeAlias = Callable[[Any, Any, Place], Any]


def structure(cls: type[Structured], mapping: object, where: str = "") -> Structured:
    """An instance of an attrs class from a table; raises an `OptionError` with everything that is wrong."""
    place = Place(where or cls.__name__)
    found = read(cls, mapping, place)
    raise_problems(place)
    return cast(Structured, found)


def structure_value(annotation: Any, value: object, where: str) -> Any:
    """One value of any annotation that an option may have."""
    place = Place(where)
    found = read(annotation, value, place)
    raise_problems(place)
    return found


def raise_problems(place: Place) -> None:
    """End a reading that found anything wrong."""
    if place.problems:
        raise OptionError(place.problems)


def read(annotation: Any, value: Any, place: Place) -> Any:
    """Read a value as an annotation says."""
    annotation, place = unwrapped(annotation, place)
    return reader_of(annotation)(annotation, value, place)


def reader_of(annotation: Any) -> Reader:
    """The function that reads an annotation."""
    origin = get_origin(annotation) or annotation
    if origin in READERS:
        return READERS[origin]
    if hasattr(origin, "read_option"):
        return read_own
    if isinstance(origin, type) and issubclass(origin, Enum):
        return read_enum
    if isinstance(origin, type) and attrs.has(origin):
        return read_class
    raise TypeError(f"an option cannot be annotated {annotation!r}; see nadoo_core.options for what it can be")


# --- single values ----------------------------------------------------------------------------------------------------


def expected(annotation: Any, value: Any, place: Place) -> Missing:
    """Note that something else stands here."""
    return place.refuse(f"is {shown(value)}; give {described(annotation, place)}")


def read_exact(annotation: Any, value: Any, place: Place) -> Any:
    """True or false, and None: only itself."""
    wanted = type(None) if annotation is None else annotation
    return value if type(value) is wanted else expected(wanted, value, place)


def read_text(annotation: Any, value: Any, place: Place) -> Any:
    """A text, not a number that looks like one."""
    if not isinstance(value, str) or isinstance(value, Enum):
        return expected(annotation, value, place)
    return value if fits_length(value, place, "characters") else FAILED


def read_path(annotation: Any, value: Any, place: Place) -> Any:
    """A path as it is written; whoever knows the folder resolves it."""
    if not isinstance(value, str | Path) or not str(value):
        return expected(annotation, value, place)
    return Path(value)


def read_any(annotation: Any, value: Any, place: Place) -> Any:
    """Anything that a table can hold."""
    return value


def read_integer(annotation: Any, value: Any, place: Place) -> Any:
    """An integer of 64 bits; true and 2.0 are none."""
    value = with_unit(value, place)
    if value is FAILED:
        return FAILED
    if type(value) is not int:
        return expected(annotation, value, place)
    if not LOWEST <= value <= HIGHEST:
        return place.refuse(f"is {shown(value)}; give an integer from -2^63 to 2^63 - 1")
    return value if place.bounds.admits(value) else expected(annotation, value, place)


def read_number(annotation: Any, value: Any, place: Place) -> Any:
    """A finite number; an integer is one, as long as floating point holds it exactly."""
    value = with_unit(value, place)
    if value is FAILED:
        return FAILED
    if isinstance(value, bool) or not isinstance(value, int | float):
        return expected(annotation, value, place)
    if isinstance(value, int) and (abs(value) > HIGHEST or int(float(value)) != value):
        return place.refuse(f"is {shown(value)}, which floating point cannot hold exactly; give a number such as 1e20")
    number = float(value)
    if not place.bounds.admits(number) or (math.isnan(number) and not place.bounds.allow_nonfinite):
        return expected(annotation, value, place)
    return number


def with_unit(value: Any, place: Place) -> Any:
    """The number that a text with a unit stands for, where the option has one."""
    if place.unit is None or not isinstance(value, str):
        return value
    try:
        return place.unit.read(value)
    except ValueError as error:
        return place.refuse(f"is {shown(value)}; {error}")


def read_literal(annotation: Any, value: Any, place: Place) -> Any:
    """One of a few values, of their own type."""
    choices = get_args(annotation)
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    return refuse_choice(annotation, value, place, [choice for choice in choices if isinstance(choice, str)])


def read_enum(annotation: Any, value: Any, place: Place) -> Any:
    """A member, or the value of one."""
    if isinstance(value, annotation):
        return value
    for member in annotation:
        if type(member.value) is type(value) and member.value == value:
            return member
    return refuse_choice(annotation, value, place, [item.value for item in annotation if isinstance(item.value, str)])


def refuse_choice(annotation: Any, value: Any, place: Place, texts: list[str]) -> Missing:
    """Note a choice that there is not, with the nearest one."""
    hint = did_you_mean(value, texts) if isinstance(value, str) and texts else ""
    if hint.startswith("did"):
        return place.refuse(f"is {shown(value)}; {hint} Give {described(annotation, place)}")
    return expected(annotation, value, place)


# --- values made of values --------------------------------------------------------------------------------------------


def fits_length(value: Any, place: Place, what: str) -> bool:
    """Whether a value is as long as it may be; otherwise that is noted."""
    fits = place.bounds.admits_length(value)
    if not fits:
        place.refuse(f"has {len(value)} {what}; give {place.bounds.length_text}")
    return fits


def read_list(annotation: Any, value: Any, place: Place) -> Any:
    """A list; a tuple of several annotations has exactly that many items."""
    if isinstance(value, str | Mapping) or not isinstance(value, tuple | list):
        return expected(annotation, value, place)
    items = cast("list[Any] | tuple[Any, ...]", value)
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    fixed = origin is tuple and arguments and arguments[-1] is not Ellipsis
    if fixed and len(items) != len(arguments):
        return place.refuse(f"has {len(items)} items; give exactly {len(arguments)}")
    if not fits_length(items, place, "items"):
        return FAILED
    kinds = arguments if fixed else [arguments[0] if arguments else Any] * len(items)
    found = [read(kind, item, place.item(index)) for index, (kind, item) in enumerate(zip(kinds, items, strict=True))]
    if any(item is FAILED for item in found):
        return FAILED
    return found if origin is list else tuple(found)


def read_table(annotation: Any, value: Any, place: Place) -> Any:
    """A table with keys of the user's own."""
    if not isinstance(value, Mapping):
        return expected(annotation, value, place)
    table = cast("Mapping[Any, Any]", value)
    if not fits_length(table, place, "entries"):
        return FAILED
    kind, held = get_args(annotation) or (str, Any)
    inner = attrs.evolve(place, bounds=place.bounds.without_lengths())
    made = {read_key(kind, key, place): read(held, item, inner.key(str(key))) for key, item in table.items()}
    return FAILED if FAILED in made or any(item is FAILED for item in made.values()) else made


def read_key(kind: Any, key: Any, place: Place) -> Any:
    """A key of a table."""
    found = read(kind, key, place.trial())
    if found is FAILED:
        place.refuse(f"has the key {shown(key)}; give {described(kind, place)}", CoreCode.UNKNOWN_KEY)
    return found


def read_union(annotation: Any, value: Any, place: Place) -> Any:
    """The first kind that fits, those of the value's own type first; if none does, what was nearest is said."""
    members = sorted(get_args(annotation), key=lambda member: unwrapped(member, place)[0] is not type(value))
    trials: list[tuple[Any, Place]] = []
    for member in members:
        trial = place.trial()
        found = read(member, value, trial)
        if not trial.problems:
            return found
        trials.append((member, trial))
    likely = [trial for member, trial in trials if is_likely(member, value)]
    if len(likely) == 1:
        place.problems.extend(likely[0].problems)
        return FAILED
    return expected(annotation, value, place)


def is_likely(member: Any, value: Any) -> bool:
    """Whether a person who wrote the value may have meant this kind."""
    member, _ = unwrapped(member, Place(""))
    origin = get_origin(member) or member
    if isinstance(origin, type) and attrs.has(origin) and isinstance(value, origin):
        return True
    if isinstance(value, Mapping):
        return origin in TABLES or attrs.has(origin) or hasattr(origin, "read_option")
    if isinstance(value, list | tuple):
        return origin in LISTS
    if member is None or member is type(None) or origin in (*LISTS, *TABLES):
        return False
    return not attrs.has(origin) or hasattr(origin, "read_option")


def read_own(annotation: Any, value: Any, place: Place) -> Any:
    """A class that reads itself, such as a selector with its short forms."""
    return (get_origin(annotation) or annotation).read_option(value, place, get_args(annotation))


def read_class(annotation: Any, value: Any, place: Place) -> Any:
    """An attrs class from a table with its fields as keys."""
    if isinstance(value, annotation):
        return value
    if not isinstance(value, Mapping):
        return place.refuse(f"is {shown(value)}; give a table with {key_list(annotation)}")
    table = cast("Mapping[Any, Any]", value)
    fields = {item.key: item for item in option_fields(annotation)}
    for key in table:
        if key not in fields:
            message = f"the key {shown(key)} is unknown; {did_you_mean(str(key), fields)}"
            place.refuse(message, CoreCode.UNKNOWN_KEY)
    before = len(place.problems)
    found = {item.attribute: read_entry(item, table, place) for item in fields.values()}
    if before != len(place.problems) or any(key not in fields for key in table):
        return FAILED
    return made(annotation, {name: item for name, item in found.items() if not isinstance(item, Missing)}, place)


def read_entry(item: OptionField, table: Mapping[Any, Any], place: Place) -> Any:
    """One field of a class; one that is absent and has a default is left to the class."""
    entry = attrs.evolve(place.key(item.key), bounds=item.bounds, unit=None, default=item.default)
    if item.key in table:
        return read(item.annotation, table[item.key], entry)
    if item.required:
        message = f"the key {item.key!r} is missing; give {described(item.annotation, entry)}"
        place.refuse(message, CoreCode.MISSING_KEY)
    return FAILED


def made(cls: Any, values: dict[str, Any], place: Place) -> Any:
    """The instance, unless its own rules over several fields refuse it."""
    aliases = {attribute.name: attribute.alias for attribute in attrs.fields(cls)}
    try:
        instance = cls(**{aliases[name]: value for name, value in values.items()})
    except OptionError as error:
        for problem in error.problems:
            place.refuse(problem.message)
        return FAILED
    except (TypeError, ValueError) as error:
        return place.refuse(str(error))
    if not getattr(cls, "checks_itself", False):
        for complaint in complaints_of(instance):
            place.refuse(complaint)
    return FAILED if place.problems else instance


def complaints_of(instance: Any) -> list[str]:
    """What an instance says of its fields together, if its class has such rules."""
    complaints = cast("Callable[[], Iterable[str]] | None", getattr(instance, "complaints", None))
    return [] if complaints is None else list(complaints())


def key_list(cls: type) -> str:
    """The keys of a class, as messages name them."""
    keys = [item.key for item in option_fields(cls)]
    return f"the keys {', '.join(keys)}" if keys else "no keys"


READERS: Mapping[Any, Reader] = {
    bool: read_exact,
    type(None): read_exact,
    None: read_exact,
    int: read_integer,
    float: read_number,
    str: read_text,
    Path: read_path,
    Any: read_any,
    object: read_any,
    Literal: read_literal,
    Union: read_union,
    types.UnionType: read_union,
    tuple: read_list,
    list: read_list,
    collections.abc.Sequence: read_list,
    dict: read_table,
    collections.abc.Mapping: read_table,
}
