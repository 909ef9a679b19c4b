"""The data files of a plan: one for each tensor, little-endian, in C order, packed below eight bits.

A file is believed only after its place, its length and its hash have been checked; nothing larger than the file
itself is ever allocated for it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import torch
from attrs import frozen

from nadoo_graphs.errors import Code, GraphError, LoadError, Problem
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.plan.document import PlanTensor
from nadoo_graphs.saving.limits import Limits
from nadoo_graphs.saving.paths import is_plain, regular_size
from nadoo_graphs.saving.stored import (
    empty,
    from_stored,
    is_canonical_bool,
    is_finite,
    layout,
    layout_bytes,
    to_stored,
)
from nadoo_graphs.tensors import TensorRecord, content_bytes, torch_dtype

SUFFIX = ".bin"
HASH_DIGITS = 12
LONGEST_STEM = 100


@frozen
class DataFile:
    """What is written for one tensor."""

    name: str
    length: int
    sha256: str
    finite: bool


def data_files(graph: ModelGraph, formats: FormatTable) -> dict[str, DataFile]:
    """The files of all tensors by the tensors' names; a file's name has a part of its hash, so none is overwritten."""
    taken: set[str] = set()
    found: dict[str, DataFile] = {}
    for name, record in graph.tensors.items():
        content = stored_bytes(record, formats)
        digest = hashlib.sha256(content).hexdigest()
        finite = is_finite(record.value)
        found[name] = DataFile(file_name(name, digest, taken), len(content), digest, finite)
    return found


def stored_bytes(record: TensorRecord, formats: FormatTable) -> memoryview:
    """The bytes of a tensor as they lie in its file."""
    return content_bytes(to_stored(record.value, record.type, formats))


def file_name(tensor: str, digest: str, taken: set[str]) -> str:
    """A name that every system takes, told from others even where letters of both cases are one."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", tensor)[:LONGEST_STEM].lstrip(".") or "_"
    base = f"{stem}-{digest[:HASH_DIGITS]}"
    names = (f"{base}-{index}" if index else base for index in range(len(taken) + 1))
    name = next(name for name in names if name.casefold() not in taken)
    taken.add(name.casefold())
    return f"{name}{SUFFIX}"


def located(home: Path, data: str) -> Path:
    """The path of a data file, which must lie in the folder of the document or below it: else it is E12."""
    steps = PurePosixPath(data).parts
    if not steps or data.startswith("/") or not all(is_plain(step) for step in steps) or "//" in data:
        message = "is not a path below the document's folder; use plain names and '/', no '..'"
        raise LoadError(Problem(Code.PATH, f"data {data[:80]!r}", message))
    path, where = home.joinpath(*steps), f"data {data[:80]!r}"
    try:
        resolved, root = path.resolve(), home.resolve()
    except (OSError, RuntimeError) as error:
        raise LoadError(Problem(Code.PATH, where, f"leads nowhere: {error}; put a file there")) from error
    if not resolved.is_relative_to(root):
        message = f"leads to {resolved}, outside of the document's folder; put the file itself there"
        raise LoadError(Problem(Code.PATH, where, message))
    return path


@frozen
class DataReader:
    """How data files are read: where they are, and what is expected of them."""

    home: Path
    formats: FormatTable
    limits: Limits
    allow_nonfinite: bool

    def read(self, constants: Mapping[str, PlanTensor]) -> tuple[dict[str, torch.Tensor], list[Problem]]:
        """The tensors by the names of their places in messages, and everything that is wrong with them."""
        found: dict[str, torch.Tensor] = {}
        problems: list[Problem] = []
        total = 0
        for where, constant in constants.items():
            try:
                total += self.bytes_of(constant)
                self.limits.require("data_bytes", total, where)
                found[where] = self.tensor(constant)
            except GraphError as error:
                problems.extend(Problem(item.code, where, f"{item.where}: {item.message}") for item in error.problems)
            except (OSError, RuntimeError, MemoryError, ValueError) as error:
                problems.append(Problem(Code.DATA, where, f"cannot be read ({error}); restore the file"))
        return found, problems

    def bytes_of(self, constant: PlanTensor) -> int:
        """The bytes that the type of a constant takes, whatever the document says."""
        return layout_bytes(*layout(constant.type, self.formats))

    def content(self, constant: PlanTensor) -> bytearray:
        """The bytes of a constant, checked for their number and their hash."""
        path = located(self.home, constant.data)
        length, size = self.bytes_of(constant), regular_size(path)
        for message in length_complaints(constant, length, size):
            raise LoadError(Problem(Code.DATA, f"data {constant.data!r}", message))
        with path.open("rb") as file:
            file.seek(constant.offset)
            content = bytearray(file.read(length))
        if len(content) != length:
            message = "became shorter while it was read; export the model again"
            raise LoadError(Problem(Code.DATA, f"data {constant.data!r}", message))
        if constant.sha256 not in {None, hashlib.sha256(content).hexdigest()}:
            message = "has another sha256 than the document says; restore the file"
            raise LoadError(Problem(Code.DATA, f"data {constant.data!r}", message))
        return content

    def tensor(self, constant: PlanTensor) -> torch.Tensor:
        """The tensor of a constant, checked for its values."""
        content = self.content(constant)
        dtype, shape = layout(constant.type, self.formats)
        stored = torch.frombuffer(content, dtype=torch_dtype(dtype)).reshape(shape) if content else empty(dtype, shape)
        if not is_canonical_bool(stored):
            message = "holds booleans other than 0 and 1; export the model again"
            raise LoadError(Problem(Code.DATA, f"data {constant.data!r}", message))
        value = from_stored(stored, constant.type, self.formats)
        if not self.allow_nonfinite and not is_finite(value):
            message = "holds NaN or infinities; find where they arise, or import with allow_nonfinite=True"
            raise LoadError(Problem(Code.NONFINITE, f"data {constant.data!r}", message))
        return value


def length_complaints(constant: PlanTensor, length: int, size: int) -> Iterator[str]:
    """A file or a declared length that is not what the type takes."""
    if constant.length not in {None, length}:
        yield f"is declared with {constant.length} bytes, but its type takes {length}; make them agree"
    elif constant.offset + length > size:
        yield f"has {size} bytes, but {constant.offset + length} are needed; restore the file"
    elif constant.length is None and constant.offset + length < size:
        yield f"has {size} bytes, but only {constant.offset + length} are declared; restore it, or give a length"
