"""A precision for every layer, from a JSON file: one for one core, or two for a layer that two cores share."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, frozen

from nadoo_core.errors import CoreCode, OptionError, Problem
from nadoo_core.options import did_you_mean, shown

if TYPE_CHECKING:
    from nadoo_graphs.formats import FormatTable

REST = "*"
PAIR = "-"
KEYS = ("precisions", "share")
MOST_BYTES = 16 * 1024**2


@frozen
class Precision:
    """What a layer computes in: the format of its weights, and that of its activations."""

    weights: str
    activations: str

    @property
    def text(self) -> str:
        """As it is written in a mapping."""
        return self.weights if self.weights == self.activations else f"{self.activations}{PAIR}{self.weights}"


@frozen
class Choice:
    """What one layer computes in: one precision, or one on each of two cores with the first core's share."""

    precisions: tuple[Precision, ...]
    share: float | None = None
    """The share of the output channels on the first core; None: whatever is fastest."""

    @property
    def text(self) -> str:
        """For tables."""
        return " + ".join(precision.text for precision in self.precisions)


def read_mapping(path: Path, names: Sequence[str], formats: "FormatTable") -> dict[str, Choice]:
    """The choice of every layer; all mistakes of the file are named at once.

    The file is an object of layer → "int8", "int8-int4" (activations-weights), ["int8", "int4"] for two cores, or
    {"precisions": [...], "share": 0.5}. The key "*" stands for all layers that are not named.
    """
    return mapping_of(read_json(path), path.name, names, formats)


def read_json(path: Path) -> Any:
    """The document of a file, without a key twice."""
    where = f"mapping {str(path)!r}"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise OptionError(Problem(CoreCode.OPTION, where, f"has more than {MOST_BYTES} bytes; give a mapping"))
        return json.loads(content.decode(), object_pairs_hook=once)
    except OSError as error:
        raise OptionError(Problem(CoreCode.OPTION, where, f"cannot be read: {error.strerror or error}")) from error
    except (ValueError, RecursionError) as error:
        said = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise OptionError(Problem(CoreCode.OPTION, where, f"is not JSON: {said}; mend it there")) from error


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for index, (key, _) in enumerate(pairs) if key in dict(pairs[:index]))
        raise ValueError(f"the key {twice!r} is given twice")
    return found


def mapping_of(document: Any, title: str, names: Sequence[str], formats: "FormatTable") -> dict[str, Choice]:
    """The choices that a document makes for the layers of these names."""
    if not isinstance(document, Mapping):
        message = f"is {shown(document)}; give an object of layer names and precisions"
        raise OptionError(Problem(CoreCode.OPTION, title, message))
    table = cast("Mapping[str, Any]", document)
    reader = Reader(title, formats, [])
    found = {name: reader.choice(name, value) for name, value in table.items()}
    reader.problems.extend(name_problems(table, title, names))
    if reader.problems:
        raise OptionError(reader.problems)
    rest = found.get(REST)
    return {name: choice for name in names if (choice := found.get(name, rest)) is not None}


def name_problems(table: Mapping[str, Any], title: str, names: Sequence[str]) -> Iterator[Problem]:
    """Layers that there are not, and layers that have no precision."""
    for name in table:
        if name not in names and name != REST:
            advice = f"no layer has this name; {did_you_mean(name, names)}"
            yield Problem(CoreCode.UNKNOWN_NAME, f"{title}: {name}", advice)
    missing = [name for name in names if name not in table]
    if missing and REST not in table:
        listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        message = f'{len(missing)} layers have no precision: {listed}; name them, or give "*" for the rest'
        yield Problem(CoreCode.MISSING_KEY, title, message)


@frozen
class Reader:
    """Reads choices, and gathers what is wrong with them."""

    title: str
    formats: "FormatTable"
    problems: list[Problem]

    def refuse(self, name: str, message: str) -> None:
        """Note what is wrong with the choice of a layer."""
        self.problems.append(Problem(CoreCode.OPTION, f"{self.title}: {name}", message))

    def choice(self, name: str, value: Any) -> Choice:
        """The choice of one layer, in any of its forms."""
        if isinstance(value, Mapping):
            return self.shared(name, cast("Mapping[str, Any]", value))
        texts: Iterable[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
        precisions = tuple(self.precision(name, text) for text in texts)
        if len(precisions) not in (1, 2):
            self.refuse(name, f"has {len(precisions)} precisions; give one, or two for two cores")
        return Choice(precisions)

    def shared(self, name: str, table: Mapping[str, Any]) -> Choice:
        """A choice with a share."""
        for key in table:
            if key not in KEYS:
                self.refuse(name, f"the key {key!r} is unknown; {did_you_mean(key, KEYS)}")
        choice = self.choice(name, table.get("precisions", []))
        share = table.get("share")
        if share is None:
            return choice
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            self.refuse(name, f"has the share {shown(share)}; give a number from 0 to 1")
            return choice
        return evolve(choice, share=float(share))

    def precision(self, name: str, text: Any) -> Precision:
        """One precision by its name, or those of activations and weights joined by a hyphen."""
        if not isinstance(text, str):
            self.refuse(name, f"is {shown(text)}; give the name of a format, such as int8")
            return Precision("", "")
        if text in self.formats or PAIR not in text:
            both = self.format(name, text)
            return Precision(both, both)
        activations, _, weights = text.partition(PAIR)
        return Precision(self.format(name, weights), self.format(name, activations))

    def format(self, name: str, text: str) -> str:
        """The canonical name of a format, whatever the spelling."""
        if text in self.formats:
            return self.formats[text].name
        self.refuse(name, f"is {shown(text)}, which is no format; {did_you_mean(text.lower(), self.formats.names)}")
        return ""
