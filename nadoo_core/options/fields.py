"""Declaring options: the fields of an attrs class with their help and range, as everything else sees them."""

import inspect
import typing
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import attrs
from attrs import NOTHING, frozen

from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options.bounds import Bounds
from nadoo_core.options.place import REQUIRED

METADATA = "nadoo"
RESERVED = ("pass", "name", "require", "limit", "allow_no_change")
"""The keys of a step itself, which no pass can have as options."""


@frozen
class OptionSpec:
    """What `option` notes beside a field."""

    help: str
    bounds: Bounds


def option(
    *,
    default: Any = REQUIRED,
    factory: Callable[[], Any] | None = None,
    help: str,
    **bounds: float | bool | None,
) -> Any:
    """A field that a recipe can set; `bounds` are those of `Bounds`, such as minimum, above or max_length."""
    metadata = option_metadata(help, **bounds)
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=NOTHING if default is REQUIRED else default, metadata=metadata)


def option_metadata(help: str, **bounds: float | bool | None) -> dict[str, OptionSpec]:
    """The metadata of a field that is declared with `attrs.field`, because it has a converter."""
    return {METADATA: OptionSpec(help, Bounds(**bounds))}  # pyright: ignore[reportArgumentType]


@frozen
class OptionField:
    """One option of a class: the attribute, the key it has in a recipe, its annotation, help, range and default."""

    attribute: str
    key: str
    annotation: Any
    help: str
    bounds: Bounds
    default: Any
    factory: bool = False

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    def default_value(self) -> Any:
        """The value that it has when it is not given."""
        return self.default() if self.factory else self.default


@cache
def option_fields(cls: type) -> tuple[OptionField, ...]:
    """The options of an attrs class in the order of its fields."""
    annotations = resolved_annotations(cls)
    return tuple(
        option_field(attribute, annotations.get(attribute.name, Any))
        for attribute in attrs.fields(cls)
        if attribute.init
    )


def option_field(attribute: "attrs.Attribute[Any]", annotation: Any) -> OptionField:
    """One field; an attribute such as `except_` has the key "except", which Python could not spell."""
    spec = attribute.metadata.get(METADATA) or OptionSpec("", Bounds())
    default: Any = attribute.default
    made = isinstance(default, attrs.Factory)  # type: ignore[arg-type]
    value = REQUIRED if default is NOTHING else default.factory if made else default
    key = attribute.name.rstrip("_")
    return OptionField(attribute.name, key, annotation, spec.help, spec.bounds, value, made)


def resolved_annotations(cls: type) -> dict[str, Any]:
    """The annotations of a class as types; one that is imported only for a type checker is named."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        message = f"an annotation names {error.name!r}, which is not there at run time; import it outside TYPE_CHECKING"
        raise OptionError(Problem(CoreCode.OPTION, f"class {cls.__qualname__}", message)) from error


def reserved_problems(cls: type) -> Iterable[Problem]:
    """Fields of a class whose keys belong to the step."""
    for name, annotation in inspect.get_annotations(cls).items():
        if name.rstrip("_") in RESERVED and "ClassVar" not in str(annotation):
            message = f"{name!r} is a key of the step itself ({', '.join(RESERVED)}); call the option something else"
            yield Problem(CoreCode.PASS, f"class {cls.__qualname__}", message)
