"""A base for classes that check and complete their options also when they are made in Python."""

from collections.abc import Iterable
from typing import Any, ClassVar

import attrs
from attrs import frozen

from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options.fields import option_fields
from nadoo_core.options.place import FAILED, Place
from nadoo_core.options.reading import complaints_of, read


@frozen(kw_only=True)
class Options:
    """Frozen options: all wrong ones are named at once, and short forms are accepted wherever they are made."""

    checks_itself: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "__attrs_post_init__" in cls.__dict__:
            message = "defines __attrs_post_init__, where options are checked; define complaints(self) instead"
            raise OptionError(Problem(CoreCode.OPTION, f"class {cls.__qualname__}", message))

    def __attrs_post_init__(self) -> None:
        if "__attrs_attrs__" not in type(self).__dict__:
            message = "is not an attrs class, so it has no options; decorate it with @attrs.frozen(kw_only=True)"
            raise OptionError(Problem(CoreCode.OPTION, f"class {type(self).__qualname__}", message))
        place = Place(self.option_place)
        for item in option_fields(type(self)):
            entry = attrs.evolve(place.key(item.key), bounds=item.bounds, default=item.default)
            found = read(item.annotation, getattr(self, item.attribute), entry)
            if found is not FAILED:
                object.__setattr__(self, item.attribute, found)
        if not place.problems:
            place.problems.extend(Problem(CoreCode.OPTION, self.option_place, text) for text in complaints_of(self))
        if place.problems:
            raise OptionError(place.problems)

    @property
    def option_place(self) -> str:
        """How messages name the instance."""
        return type(self).__name__

    def complaints(self) -> Iterable[str]:
        """What is wrong with the options together; called once each of them is fine."""
        return ()
