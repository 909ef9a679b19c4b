"""A lowered program: buffers, kernels that read and write slices of them, and the functions that kernels call."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.lowered.errors import refused
from nadoo_graphs.lowered.expressions import Call, Expression
from nadoo_graphs.lowered.statements import Statement, Store, all_parts, walk
from nadoo_graphs.lowered.types import Kind
from nadoo_graphs.node import frozen_mapping

FLASH = "flash"
ARENA = "arena"
INPUT = "input"
OUTPUT = "output"
STORAGES = (FLASH, ARENA, INPUT, OUTPUT)


@frozen(eq=False)
class Buffer:
    """An array: constants in flash, a value in the arena, or an argument or result of the program.

    `format` is the number format of its codes, if they have one; `scale` and `zero_point` are for whoever calls.
    """

    name: str
    storage: str
    kind: Kind
    length: int
    data: np.ndarray[Any, Any] | None = None
    format: str | None = None
    comment: str = ""
    scale: float | None = None
    zero_point: int = 0
    shape: tuple[int, ...] = ()

    @property
    def constants(self) -> np.ndarray[Any, Any]:
        """The data of a buffer in flash."""
        if self.data is None:
            raise refused(Code.DATA, f"buffer {self.name!r}", "lies in flash and has no data; give an array")
        return self.data

    @property
    def bytes(self) -> int:
        """The memory that it takes."""
        return self.length * self.kind.bytes


@frozen
class Slice:
    """A part of a buffer, in elements."""

    buffer: str
    offset: int
    length: int


@frozen
class Function:
    """A function of numbers that kernels call; its body ends by giving `result`."""

    name: str
    parameters: tuple[tuple[str, Kind], ...]
    body: tuple[Statement, ...]
    result: Expression
    comment: str = ""
    uses: tuple["Function", ...] = ()

    @property
    def kind(self) -> Kind:
        """What a call gives."""
        return self.result.kind

    def closure(self) -> dict[str, "Function"]:
        """The function and all that it calls, called ones first."""
        found: dict[str, Function] = {}
        for other in self.uses:
            found |= other.closure()
        return {**found, self.name: self}


@frozen(eq=False)
class Kernel:
    """One call: which operator of the graph it is, what its roles stand for, and the loops that define it.

    `operator`, `format` and `attributes` are what other kernels are chosen by; `integers` are the weights of a
    quantized layer as plain numbers, before packing, for kernels that pack in their own way; `starts` is what its sums
    begin with when the zero point is taken off each input, None where all begin with 0.
    """

    name: str
    operator: str
    format: str
    roles: Mapping[str, Slice] = field(converter=frozen_mapping)
    body: tuple[Statement, ...]
    attributes: Mapping[str, Any] = field(factory=dict[str, Any], converter=frozen_mapping)
    layer: str = ""
    comment: str = ""
    integers: np.ndarray[Any, Any] | None = None
    starts: np.ndarray[Any, Any] | None = None

    @property
    def whole(self) -> bool:
        """Whether the kernel is to stay as it is, because its C comes from elsewhere than from its loops."""
        return bool(self.attributes.get("whole"))

    @property
    def written(self) -> tuple[str, ...]:
        """The roles that the kernel writes."""
        found = {statement.role for statement in walk(self.body) if isinstance(statement, Store)}
        return tuple(role for role in self.roles if role in found)

    @property
    def read(self) -> tuple[str, ...]:
        """The roles that the kernel reads."""
        found = {getattr(part, "role", None) for part in all_parts(self.body)}
        return tuple(role for role in self.roles if role in found)

    def called(self) -> frozenset[str]:
        """The functions that the kernel calls itself."""
        return frozenset(part.function for part in all_parts(self.body) if isinstance(part, Call))


@frozen(eq=False)
class Program:
    """All of it, in the order of execution. Offsets place the buffers of the arena, once they are planned."""

    name: str
    buffers: Mapping[str, Buffer] = field(converter=frozen_mapping)
    kernels: tuple[Kernel, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    functions: Mapping[str, Function] = field(factory=dict[str, Function], converter=frozen_mapping)
    offsets: Mapping[str, int] = field(factory=dict[str, int], converter=frozen_mapping)
    arena_bytes: int = 0

    def buffer_of(self, kernel: Kernel, role: str) -> Buffer:
        """The buffer behind a role."""
        name = kernel.roles[role].buffer
        if name not in self.buffers:
            raise refused(
                Code.NAME, f"kernel {kernel.name!r}", f"role {role!r} stands for {name!r}, which is no buffer"
            )
        return self.buffers[name]

    def buffers_in(self, storage: str) -> tuple[Buffer, ...]:
        """The buffers of one storage, in the order in which they were made."""
        return tuple(buffer for buffer in self.buffers.values() if buffer.storage == storage)

    @property
    def flash_bytes(self) -> int:
        """The constants, without the code."""
        return sum(buffer.bytes for buffer in self.buffers_in(FLASH))

    def with_kernels(self, kernels: tuple[Kernel, ...]) -> "Program":
        """The same program with other kernels; a plan that was made for the old ones is let go."""
        return evolve(self, kernels=kernels, offsets={}, arena_bytes=0)

    def with_buffers(self, buffers: Mapping[str, Buffer]) -> "Program":
        """The same program with other buffers."""
        return evolve(self, buffers=buffers, offsets={}, arena_bytes=0)

    def __str__(self) -> str:
        from nadoo_graphs.lowered.text import text

        return text(self, data=False)
