"""A device from plain numbers that a caller states: it has these facts, marked as stated, and no others."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args, get_origin

from nadoo_core.cost.device import Device, holds_facts
from nadoo_core.cost.fact import Fact
from nadoo_core.cost.reading import device_of_tables
from nadoo_core.errors import CoreCode, DeviceError, Problem
from nadoo_core.options import OptionField, did_you_mean, option_fields, shown

SOURCE = "stated by the caller"
PLAIN_SUFFIX = ".json"
NAME = "name"
ENERGY, OPERATIONS = "energy_per_flop", "flops_per_mac"
SHORT = {"gpu_cores": "cores", "memory_bandwidth": "bandwidth.dram", "gpu_type": "title"}
"""The keys of the performance estimator that some users come from → what a device calls the same."""
PICOJOULES_IN_A_MILLIJOULE = 1e9
FLOPS_IN_A_MAC = 2


def stated_device(mapping: Mapping[str, Any], name: str) -> Device:
    """The device; keys are those above, energy_per_flop in millijoules with flops_per_mac, or facts of a device."""
    fields = {item.key: item for item in option_fields(Device)}
    known = [*SHORT, ENERGY, OPERATIONS, *fields]
    unknown = [key for key in mapping if key not in known]
    if unknown:
        advice = ((key, f"the key is unknown; {did_you_mean(str(key), known)}") for key in unknown)
        raise DeviceError(Problem(CoreCode.UNKNOWN_KEY, f"device {name!r}: {key}", text) for key, text in advice)
    tables: dict[str, Any] = {"name": name}
    for key, value in {**mapping, **stated_energy(mapping, name)}.items():
        if key not in (ENERGY, OPERATIONS):
            put(tables, SHORT.get(key, key), value, fields)
    return device_of_tables(tables, f"device {name!r}")


def read_stated(path: Path) -> Device:
    """The device of a JSON file with a plain mapping; it is called like the file."""
    where = f"device file {str(path)!r}"
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = Problem(CoreCode.DEVICE, where, f"cannot be read: {error.strerror or error}")
        raise DeviceError(problem) from error
    except (ValueError, RecursionError) as error:
        raise DeviceError(Problem(CoreCode.DEVICE, where, f"is not JSON: {error}; mend it there")) from error
    if not isinstance(document, dict):
        raise DeviceError(Problem(CoreCode.DEVICE, where, f"is {shown(document)}; give an object of numbers"))
    mapping = cast("dict[str, Any]", document)
    return stated_device(
        {key: value for key, value in mapping.items() if key != "name"}, mapping.get("name", path.stem)
    )


def stated_energy(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Millijoules an operation as picojoules a multiply-accumulate of float32."""
    if ENERGY not in mapping:
        return {}
    each, operations = mapping[ENERGY], mapping.get(OPERATIONS, FLOPS_IN_A_MAC)
    wrong = [(key, value) for key, value in ((ENERGY, each), (OPERATIONS, operations)) if not positive(value)]
    if wrong:
        problems = ((key, f"is {shown(value)}; give a number above 0") for key, value in wrong)
        raise DeviceError(Problem(CoreCode.DEVICE, f"device {name!r}: {key}", text) for key, text in problems)
    return {"energy_pj_per_mac": {"float32": each * operations * PICOJOULES_IN_A_MILLIJOULE}}


def positive(value: Any) -> bool:
    """Whether a value is a number above zero."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def put(tables: dict[str, Any], path: str, value: Any, fields: Mapping[str, OptionField]) -> None:
    """Set a field, or an entry of a field that is a table; plain numbers become facts."""
    head, _, tail = path.partition(".")
    item = fields[head]
    if not holds_facts(item.annotation):
        tables[item.attribute] = value
        return
    said = as_fact(value, holds_counts(item.annotation))
    tables[item.attribute] = {**tables.get(item.attribute, {}), tail: said} if tail else said


def as_fact(value: Any, whole: bool) -> Any:
    """A plain number as a stated fact, in tables too; 5120.0 counts as 5120 where a whole number is wanted."""
    if isinstance(value, Mapping):
        return {key: as_fact(item, whole) for key, item in cast("Mapping[str, Any]", value).items()}
    exact = whole and isinstance(value, float) and value.is_integer()
    return {"value": int(value) if exact else value, "source": SOURCE, "quality": "stated"}


def holds_counts(annotation: Any) -> bool:
    """Whether the facts of a field are whole numbers."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Fact:
        return arguments[0] is int or getattr(arguments[0], "__origin__", None) is int
    return any(holds_counts(part) for part in arguments)
