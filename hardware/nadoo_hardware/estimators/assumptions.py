"""Assumptions: the numbers that no device file has, kept in a file with their sources and never in code."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen


@frozen
class Range:
    """Between which multiples of an estimate a measurement is expected."""

    below: float
    above: float


@frozen
class Assumptions:
    """The file as a value."""

    tables: dict[str, Any]

    def number(self, table: str, name: str) -> float:
        """One number."""
        return float(self.tables[table][name])

    def range(self, table: str, part: str = "") -> Range:
        """The range of a table."""
        found: dict[str, Any] = self.tables[table][part] if part else self.tables[table]
        return Range(float(found["below"]), float(found["above"]))


@cache
def assumptions() -> Assumptions:
    """The assumptions of this package."""
    text = files("nadoo_hardware.estimators").joinpath("assumptions.toml").read_text(encoding="utf-8")
    return Assumptions(tomllib.loads(text))
