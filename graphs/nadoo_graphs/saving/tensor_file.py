"""Reading a data file: one pass over the bytes that bounds, hashes and checks everything before anyone sees a tensor.

The file is in the safetensors format. It is read here rather than by its library, because tensors must not stay mapped
to a file that may change, and because one owned buffer that is hashed while it is read costs half as much as a copy.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.errors import Code, FormatError, GraphError, LoadError, Problem
from nadoo_graphs.formats import FormatTable
from nadoo_graphs.parts import Part
from nadoo_graphs.saving.limits import Limits
from nadoo_graphs.saving.paths import reason, regular_size
from nadoo_graphs.saving.stored import (
    Layout,
    StoredTensor,
    empty,
    from_stored,
    is_canonical_bool,
    is_finite,
    layout,
    layout_bytes,
)
from nadoo_graphs.saving.strict_json import parse
from nadoo_graphs.tensors import content_digest, torch_dtype

LENGTH_BYTES = 8
METADATA = "__metadata__"
MOST_THREADS = 8
RUN_BYTES = 4 * 1024**2
ALONE_BYTES = 1024**2
"""Below this a thread pool costs more than it gives."""
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8",
    "BOOL": "bool", "C64": "complex64",
}  # fmt: skip


@frozen
class Place:
    """Where a tensor lies behind the header, and how."""

    entry: StoredTensor
    layout: Layout
    start: int
    end: int


@frozen
class Checked:
    """A tensor that was read, and what is wrong with it."""

    name: str
    value: torch.Tensor
    problems: tuple[Problem, ...] = ()


@frozen
class Reading:
    """What a data file is held against."""

    table: Sequence[StoredTensor]
    finite: Collection[str]
    formats: FormatTable
    limits: Limits


def read_tensors(path: Path, reading: Reading) -> tuple[dict[str, torch.Tensor], list[Problem]]:
    """The tensors of a file by name, and everything that is wrong with the file."""
    problems: list[Problem] = []
    try:
        size = regular_size(path)
        reading.limits.require("data_bytes", size, f"file {path.name!r}")
        header, start = read_header(path, size, reading.limits)
        places = find_places(Part(header, problems, f"{path.name} header"), reading, size - start)
        found = {} if problems else read_places(path, start, places, reading, problems)
    except GraphError as error:
        return {}, [*problems, *error.problems]
    except (OSError, RuntimeError, MemoryError) as error:
        message = f"could not be read: {reason(error)}; free memory or restore the file"
        return {}, [*problems, Problem(Code.DATA, f"file {path.name!r}", message)]
    return found, problems


def read_header(path: Path, size: int, limits: Limits) -> tuple[object, int]:
    """The parsed header and where the data starts."""
    with path.open("rb") as file:
        prefix = file.read(LENGTH_BYTES)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < LENGTH_BYTES or length > size - LENGTH_BYTES:
            message = "is shorter than its header says; the file is damaged, save the graph again"
            raise LoadError(Problem(Code.DATA, f"file {path.name!r}", message))
        limits.require("header_bytes", length, f"file {path.name!r}")
        return parse(file.read(length), f"file {path.name!r}"), LENGTH_BYTES + length


def find_places(header: Part, reading: Reading, size: int) -> list[Place]:
    """Where each tensor lies: every tensor of the table, no other, side by side from the first byte to the last."""
    rows = {name: value for name, value in header.mapping().items() if name != METADATA}
    expected = {entry.name: entry for entry in reading.table}
    for name in sorted(set(rows) ^ set(expected)):
        state = "is missing" if name in expected else "is not in the graph's table"
        header.refuse(f"tensor {name[:60]!r} {state}; the file belongs to another graph", Code.DATA)
    found = [
        place
        for name in rows
        if name in expected
        for place in find_place(header.child(rows[name], name), expected[name], reading.formats)
    ]
    places = sorted(found, key=lambda place: (place.start, place.end))
    if len(places) == len(expected):
        check_cover(header, places, size)
    return places


def find_place(row: Part, entry: StoredTensor, formats: FormatTable) -> Iterator[Place]:
    """The place of one tensor, unless something is wrong with its row."""
    fields = row.fields(("dtype", "shape", "data_offsets"))
    dtype = DTYPES[fields["dtype"].choice(DTYPES, Code.DATA)]
    shape = tuple(item.integer(0) for item in fields["shape"].items())
    offsets = [item.integer(0) for item in fields["data_offsets"].items()]
    expected = layout(entry.type, formats)
    if (dtype, shape) != expected:
        row.refuse(f"is {dtype} {list(shape)}, but the graph says {expected[0]} {list(expected[1])}", Code.DATA)
    elif len(offsets) != 2 or offsets[1] - offsets[0] != layout_bytes(*expected):
        row.refuse(f"has data_offsets {offsets}; they must span {layout_bytes(*expected)} bytes", Code.DATA)
    else:
        yield Place(entry, expected, offsets[0], offsets[1])


def check_cover(header: Part, places: Sequence[Place], size: int) -> None:
    """Refuse gaps, overlaps and a file that is longer or shorter than its tensors."""
    position = 0
    for place in places:
        if place.start != position:
            message = f"tensor {place.entry.name!r} starts at byte {place.start}, the one before ends at {position}"
            header.refuse(f"{message}; tensors must lie side by side", Code.DATA)
            return
        position = place.end
    if position != size:
        side = "shorter" if position > size else "longer"
        header.refuse(f"the file is {side} than its tensors: {size} bytes of data for {position}", Code.DATA)


def read_places(
    path: Path, start: int, places: Sequence[Place], reading: Reading, problems: list[Problem]
) -> dict[str, torch.Tensor]:
    """All tensors as views of one buffer, hashed and checked by a few threads while they are read."""
    # NumPy asks the system for huge pages, which halves the time that filling a fresh buffer takes.
    buffer = np.empty(places[-1].end if places else 0, dtype=np.uint8).data

    def read_run(run: Sequence[Place]) -> list[Checked]:
        read_into(buffer[run[0].start : run[-1].end], path, start + run[0].start)
        return [check(place, buffer, reading) for place in run]

    found: list[Checked] = []
    if len(buffer) <= ALONE_BYTES:
        found.extend(item for run in runs(places) for item in read_run(run))
    else:
        with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
            found.extend(item for run in pool.map(read_run, list(runs(places))) for item in run)
    problems.extend(problem for item in found for problem in item.problems)
    return {item.name: item.value for item in found}


def runs(places: Sequence[Place]) -> Iterator[list[Place]]:
    """Neighbours that are read at once: enough bytes to be worth a thread, few enough to share the work."""
    run: list[Place] = []
    for place in places:
        run.append(place)
        if run[-1].end - run[0].start >= RUN_BYTES:
            yield run
            run = []
    if run:
        yield run


def read_into(view: memoryview, path: Path, start: int) -> None:
    """Fill a piece of the buffer; a system call may give less than it was asked for."""
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        while len(view):
            count = file.readinto(view)
            if not count:
                message = "became shorter while it was read; save the graph again"
                raise LoadError(Problem(Code.DATA, f"file {path.name!r}", message))
            view = view[count:]


def check(place: Place, buffer: memoryview, reading: Reading) -> Checked:
    """One tensor, and what is wrong with its content."""
    entry = place.entry
    stored = view_of(place, buffer)
    if content_digest(stored) != entry.sha256:
        return refused(entry, stored, "has another sha256 than the graph says; restore the file")
    if not is_canonical_bool(stored):
        return refused(entry, stored, "holds booleans other than 0 and 1; save the graph again")
    try:
        value = from_stored(stored, entry.type, reading.formats)
    except FormatError as error:
        return refused(entry, stored, f"is not in its format: {error}")
    if entry.name in reading.finite and not is_finite(value):
        message = "holds NaN or infinities; find where they arise, or load with allow_nonfinite=True"
        return refused(entry, value, message, Code.NONFINITE)
    return Checked(entry.name, value)


def refused(entry: StoredTensor, value: torch.Tensor, message: str, code: Code = Code.DATA) -> Checked:
    """A tensor whose content cannot be believed."""
    return Checked(entry.name, value, (Problem(code, f"tensor {entry.name!r}", message),))


def view_of(place: Place, buffer: memoryview) -> torch.Tensor:
    """A tensor over its piece of the buffer; a piece that is not aligned to its elements is copied."""
    dtype, shape = place.layout
    if place.start == place.end:
        return empty(dtype, shape)
    element = torch_dtype(dtype)
    piece = buffer[place.start : place.end]
    if place.start % element.itemsize:
        piece = memoryview(bytearray(piece))
    return torch.frombuffer(piece, dtype=element).reshape(shape)
