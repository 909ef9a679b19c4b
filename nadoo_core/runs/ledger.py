"""The ledger: what a run did, step by step, as JSON with a published schema."""

import json
import os
import platform
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from nadoo_core.errors import CoreCode, Problem, RunError
from nadoo_core.recipe import Recipe

LEDGER_FILE = "ledger.json"
SCHEMA = "nadoo-ledger"
VERSION = 1
STATES = ("running", "done", "stopped")
STEP_STATES = ("done", "rolled back", "failed")


def new_ledger(recipe: Recipe, model: Mapping[str, Any]) -> dict[str, Any]:
    """The ledger of a run that begins."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "recipe": {"name": recipe.name, "source": None if recipe.source is None else str(recipe.source)},
        "document": recipe.document,
        "state": "running",
        "seed": recipe.seed,
        "model": dict(model),
        "original": {},
        "steps": [],
        "result": {},
        "exports": [],
        "attribution": [],
        "notes": [],
        "provenance": provenance(recipe),
        "seconds": 0.0,
    }


def provenance(recipe: Recipe) -> dict[str, Any]:
    """Where and with what a run took place; none of it decides whether a stored step is used again."""
    import torch

    return {
        "nadoo": package_version("nadoo"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "compute": recipe.compute,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def package_version(name: str) -> str:
    """The version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def read_ledger(run: str | Path) -> dict[str, Any]:
    """The ledger of a run's folder, or of a ledger file."""
    path = Path(run)
    path = path / LEDGER_FILE if path.is_dir() else path
    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"has no ledger that can be read ({error}); give the --out folder of a run"
        raise RunError(Problem(CoreCode.RUN, f"run {str(run)!r}", message)) from error
    if not isinstance(found, dict) or cast("dict[str, Any]", found).get("schema") != SCHEMA:
        raise RunError(Problem(CoreCode.RUN, f"run {str(run)!r}", f"is no ledger; {LEDGER_FILE} names its schema"))
    return cast("dict[str, Any]", found)


REQUIRED = ("schema", "version", "recipe", "state", "seed", "model", "original", "steps", "result", "seconds")


def ledger_schema() -> dict[str, Any]:
    """The JSON Schema of a ledger."""
    text, hashed = {"type": "string"}, {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    metrics = {"type": "object", "additionalProperties": measurement_schema()}
    listed, texts = {"type": "array", "items": {"type": "object"}}, {"type": "array", "items": text}
    properties: dict[str, Any] = {
        "schema": {"const": SCHEMA},
        "version": {"const": VERSION},
        "recipe": table({"name": text, "source": {"type": ["string", "null"]}}),
        "document": {"type": "object"},
        "state": {"enum": list(STATES)},
        "error": texts,
        "seed": {"type": "integer"},
        "model": table({"source": text, "fingerprint": hashed}),
        "original": table({"metrics": metrics, "cost": cost_schema()}),
        "steps": {"type": "array", "items": step_schema(text, {"type": "number"}, hashed, metrics)},
        "result": table(result_properties(hashed, metrics, listed)),
        "exports": listed,
        "attribution": listed,
        "notes": texts,
        "provenance": {"type": "object"},
        "seconds": {"type": "number"},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "nadoo ledger", "type": "object"}
    return {**head, "required": list(REQUIRED), "properties": properties, "additionalProperties": False}


def result_properties(hashed: Any, metrics: Any, listed: Any) -> dict[str, Any]:
    """What the ledger says of the result."""
    tested = {"test": metrics, "original_test": metrics}
    return {"fingerprint": hashed, "metrics": metrics, "cost": cost_schema(), "budget": listed, **tested}


def table(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with these keys."""
    return {"type": "object", "properties": properties}


def step_schema(text: Any, number: Any, hashed: Any, metrics: Any) -> dict[str, Any]:
    """The schema of a step."""
    optional = {"anyOf": [hashed, {"type": "null"}]}
    properties: dict[str, Any] = {
        "name": text,
        "pass": text,
        "options": {"type": "object"},
        "key": optional,
        "parent": hashed,
        "fingerprint": optional,
        "reused": {"type": "boolean"},
        "state": {"enum": list(STEP_STATES)},
        "changes": {"type": "object"},
        "metrics": metrics,
        "cost": cost_schema(),
        "limit": {"type": "array", "items": {"type": "object"}},
        "fidelity": {"type": "array", "items": {"type": "object"}},
        "training": {"type": "array"},
        "checks": {"type": "object"},
        "seconds": number,
        "notes": {"type": "array", "items": text},
        "error": {"type": "array", "items": text},
    }
    required = ["name", "pass", "key", "parent", "fingerprint", "reused", "state", "changes", "metrics", "seconds"]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def cost_schema() -> dict[str, Any]:
    """The schema of what a graph costs; what a device's facts do not give is null, and `unknown` says why."""
    number = {"type": ["number", "null"]}
    estimated = ("flash_bytes", "peak_ram_bytes", "latency_s", "energy_j", "macs")
    counts = ("parameters", "weight_bytes", "value_bytes")
    numbers = {**{key: {"type": "integer"} for key in counts}, **dict.fromkeys(estimated, number)}
    ranges = {f"{name}{end}": number for name in estimated for end in ("_low", "_high")}
    more = {"device": {"type": "string"}, "coverage": {"type": "object"}, "unknown": {"type": "array"}}
    return {"type": "object", "properties": {**numbers, **ranges, **more}, "additionalProperties": False}


def measurement_schema() -> dict[str, Any]:
    """The schema of a measured number: an infinity is a text, which JSON has no number for."""
    return {
        "type": "object",
        "properties": {
            "value": {"type": ["number", "string"]},
            "count": {"type": "integer"},
            "standard_error": {"type": ["number", "null"]},
        },
        "required": ["value", "count", "standard_error"],
        "additionalProperties": False,
    }
