"""Checkpoints: one JSON file that names one safetensors file, and takes the place of the last one in a single rename.

A process that is killed at any moment leaves the old checkpoint or the new one, and nothing is pickled. A checkpoint
knows which training it belongs to, so that no other goes on with it.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from attrs import frozen

from nadoo_core.data.files import digest_file
from nadoo_core.errors import TrainingError
from nadoo_core.training.errors import training_error
from nadoo_graphs.errors import LoadError
from nadoo_graphs.saving.folder import committing, remove_others
from nadoo_graphs.saving.paths import inside
from nadoo_graphs.saving.strict_json import parse

VERSION = 1
FILE = "training.json"
KEYS = {"version", "training", "state", "tensors", "sha256"}


@frozen(eq=False)
class Checkpoint:
    """The state of a training as JSON and tensors, and what the training was."""

    training: Mapping[str, Any]
    state: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; until it is whole and on the disk, the last one stands."""
    from safetensors import torch as safetensors_torch

    name = f"tensors-{secrets.token_hex(8)}.safetensors"
    with committing(folder) as commit:
        commit.place(name, lambda path: safetensors_torch.save_file(dict(checkpoint.tensors), path))
        document = {
            "version": VERSION,
            "training": dict(checkpoint.training),
            "state": dict(checkpoint.state),
            "tensors": name,
            "sha256": digest_file(folder / name),
        }
        text = json.dumps(document, indent=1, allow_nan=False)
        commit.commit(FILE, lambda path: write_text(path, text))
    remove_others(folder, {name})


def write_text(path: Path, text: str) -> None:
    """The text as the whole of a file."""
    path.write_text(text, encoding="utf-8")


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint of a folder, or None where there is none; a damaged one is refused."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return read(folder, parse(path.read_bytes(), FILE))
    except (OSError, LoadError) as error:
        raise damaged(path, str(error)) from error


def read(folder: Path, document: Any) -> Checkpoint:
    """The checkpoint that a document describes, with its tensors checked against their hash."""
    from safetensors import SafetensorError
    from safetensors import torch as safetensors_torch

    path = folder / FILE
    known = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    if set(known) != KEYS or known["version"] != VERSION:
        raise damaged(path, f"is no checkpoint of version {VERSION}")
    tensors = inside(folder, str(known["tensors"]))
    try:
        if digest_file(tensors) != known["sha256"]:
            raise damaged(tensors, "was altered after it was written")
        mapped = safetensors_torch.load_file(tensors)
        return Checkpoint(known["training"], known["state"], {name: value.clone() for name, value in mapped.items()})
    except SafetensorError as error:
        raise damaged(tensors, str(error)) from error


def damaged(path: Path, what: str) -> TrainingError:
    """The error of a checkpoint that cannot be used."""
    return training_error(f"checkpoint {str(path)!r}", f"{what}; remove the folder to train from the beginning")


def require_same_training(folder: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a checkpoint of another training, and say what differs."""
    different = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
    if different:
        message = f"belongs to a training with other {', '.join(different)}; choose another folder or remove this one"
        raise training_error(f"checkpoint {str(folder)!r}", message)
