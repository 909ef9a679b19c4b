"""Kernels that are chosen instead of the plain loops: C text for one operator, format and instruction set.

A row of the table `kernels` of a plugin is named "operator/format/instruction set". A plain row is a rule that
lowers an operator; any other writes the body of a C function that must compute exactly what the plain loops do.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from nadoo_core.errors import CoreCode, PluginError, Problem
from nadoo_graphs.lowered import Buffer, Kernel, standard_rules
from nadoo_graphs.node import frozen_mapping

if TYPE_CHECKING:
    from nadoo_core.registry import Registry

PLAIN = "plain"
ANY = "any"
CORES = (PLAIN, ANY, "m0", "m3", "m4", "m7", "m33", "rv32imc", "rv32emc", "rv32ec")


@frozen(kw_only=True)
class WrittenKernel:
    """The C of a kernel: the statements of its function, and what they need.

    Parameters of the function are named as the roles that lie in the arena or at the border; `scratch` bytes are
    behind a parameter of that name. Constants that the body mentions are pointers of the same kind: roles that lie in
    flash under their role, arrays of the row's own under their key in `flash`. `calls` are the functions of the
    program that the body calls.
    """

    body: str
    flash: Mapping[str, Buffer] = field(factory=dict[str, Buffer], converter=frozen_mapping)
    helpers: Mapping[str, str] = field(factory=dict[str, str], converter=frozen_mapping)
    scratch: int = 0
    calls: tuple[str, ...] = ()

    def mentions(self, name: str) -> bool:
        """Whether the body uses an identifier."""
        return re.search(rf"\b{re.escape(name)}\b", self.body) is not None


class KernelRow(Protocol):
    """What a row that is not plain offers."""

    def fits(self, kernel: Kernel) -> bool:
        """Whether the row can write this kernel."""
        ...

    def write(self, kernel: Kernel) -> WrittenKernel:
        """The C of the kernel."""
        ...


@frozen
class Row:
    """A row of the table with its key taken apart."""

    operator: str
    format: str
    instruction_set: str
    load: Callable[[], Any]

    def concerns(self, kernel: Kernel, instruction_set: str) -> bool:
        """Whether the key fits a kernel."""
        formats = ("*", kernel.format)
        return (self.operator, self.instruction_set) == (kernel.operator, instruction_set) and self.format in formats


@frozen
class KernelTable:
    """All kernels that plugins offer."""

    rows: tuple[Row, ...] = ()

    @classmethod
    def of(cls, registry: "Registry") -> "KernelTable":
        """The rows of all plugins in use, refused where a key has a wrong form."""
        offers = registry.offers("kernels")
        problems = [wrong_key(offer.name) for offer in offers if not is_key(offer.name)]
        if problems:
            raise PluginError(problems)
        return cls(tuple(Row(*key_parts(offer.name), offer.load) for offer in offers))

    def rules(self) -> dict[str, Any]:
        """The plain rows, those that come with the graph among them: how operators are lowered."""
        return {**standard_rules(), **{row.operator: row.load() for row in self.rows if row.instruction_set == PLAIN}}

    def chosen(self, kernel: Kernel, core: str) -> KernelRow | None:
        """The row that writes a kernel for a core; none means that its plain loops are printed."""
        if kernel.attributes.get("fused"):
            return None
        wanted = {PLAIN: (), ANY: (ANY,)}.get(core, (core, ANY))
        for instruction_set in wanted:
            for row in self.rows:
                found = self.made(row) if row.concerns(kernel, instruction_set) else None
                if found is not None and found.fits(kernel):
                    return found
        return None

    @staticmethod
    def made(row: Row) -> KernelRow:
        """The object of a row; a class is called without arguments."""
        loaded = row.load()
        found: KernelRow = loaded() if isinstance(loaded, type) else loaded
        return found


def key_parts(name: str) -> tuple[str, str, str]:
    """Operator, format and instruction set of a key."""
    operator, number_format, instruction_set = name.split("/")
    return operator, number_format, instruction_set


def is_key(name: str) -> bool:
    """Whether a name is "operator/format/instruction set"."""
    parts = name.split("/")
    return len(parts) == 3 and all(parts) and parts[2] in CORES


def wrong_key(name: str) -> Problem:
    """The problem of a key that is none."""
    message = f'is no key of a kernel; write "operator/format/instruction set", the last one of {", ".join(CORES)}'
    return Problem(CoreCode.PLUGIN, f"kernel {name!r}", message)


def written_kernels(program_kernels: Iterable[Kernel], table: KernelTable, core: str) -> dict[str, WrittenKernel]:
    """The kernels that are written by a row and not by their plain loops, by name."""
    found: dict[str, WrittenKernel] = {}
    for kernel in program_kernels:
        row = table.chosen(kernel, core)
        if row is not None:
            found[kernel.name] = row.write(kernel)
    return found
