"""Numbers with a unit: sizes in KiB, durations in ms, shares in percent; and why KB is refused."""

import re
from decimal import Decimal
from enum import Enum
from typing import Annotated, TypeAlias

from nadoo_core.options.bounds import HIGHEST, Bounds

NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([^\s\d.]+)")
SIZES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
DURATIONS = {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "ms": "1e-3", "s": "1", "min": "60", "h": "3600"}
AMBIGUOUS = {"kB": "KiB", "KB": "KiB", "kb": "KiB", "Kb": "KiB", "k": "KiB", "K": "KiB",
             "MB": "MiB", "Mb": "MiB", "mb": "MiB", "M": "MiB", "GB": "GiB", "gb": "GiB", "G": "GiB",
             "kib": "KiB", "mib": "MiB", "gib": "GiB"}  # fmt: skip


class Unit(Enum):
    """What a number counts, and so which texts may stand for it."""

    BYTES = "bytes"
    SECONDS = "seconds"
    SHARE = "share"

    @property
    def bounds(self) -> Bounds:
        """The range that follows from the unit."""
        return Bounds(minimum=0, maximum=1) if self is Unit.SHARE else Bounds(minimum=0)

    @property
    def text(self) -> str:
        """What may be given, as messages say it."""
        return TEXTS[self]

    @property
    def pattern(self) -> str:
        """The regular expression of the texts, for a JSON Schema."""
        return rf"^\d+(\.\d+)?\s*({'|'.join(map(re.escape, self.names))})$"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the unit and of its multiples."""
        return {Unit.BYTES: tuple(SIZES), Unit.SECONDS: tuple(DURATIONS), Unit.SHARE: ("%",)}[self]

    def read(self, text: str) -> int | float:
        """The number that a text stands for; a ValueError says why it stands for none."""
        found = NUMBER.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"give {self.text}")
        number, name = Decimal(found[1]), found[2]
        if self is Unit.BYTES:
            return whole_bytes(number, name)
        if name not in self.names:
            raise ValueError(f"the unit {name!r} is unknown; give {self.text}")
        return float(number / 100) if self is Unit.SHARE else float(number * Decimal(DURATIONS[name]))


TEXTS = {
    Unit.BYTES: "bytes as an integer, or a text such as '64 KiB' or '2 MiB'",
    Unit.SECONDS: "seconds as a number, or a text such as '2 ms'",
    Unit.SHARE: "a fraction from 0 to 1, or a text such as '1 %'",
}


def whole_bytes(number: Decimal, name: str) -> int:
    """A size in bytes; units that some take for 1000 and others for 1024 are refused."""
    if name in AMBIGUOUS:
        binary = AMBIGUOUS[name]
        raise ValueError(f"{name} could be a thousand or 1024; write '{number} {binary}' ({SIZES[binary]} B each)")
    if name not in SIZES:
        raise ValueError(f"the unit {name!r} is unknown; give {Unit.BYTES.text}")
    size = number * SIZES[name]
    if size != int(size) or size > HIGHEST:
        raise ValueError(f"that is {size} bytes; give a whole number of bytes below 2^63")
    return int(size)


Bytes: TypeAlias = Annotated[int, Unit.BYTES]
Seconds: TypeAlias = Annotated[float, Unit.SECONDS]
Share: TypeAlias = Annotated[float, Unit.SHARE]
