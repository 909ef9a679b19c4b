"""How large the code of a network is on a core, kernel by kernel: compiled and linked, but not run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from elftools.elf.elffile import ELFFile

from benchmarks.calibration_networks import Network
from nadoo_c.emulating import ENTRY, FLAGS, TEST_CODE, TEST_DATA, entry_text
from nadoo_c.exporting import Options, compile_unit, report_of, zero_outputs
from nadoo_c.folder import Folder, write_folder
from nadoo_c.kernels import KernelTable
from nadoo_c.vectors import Vectors, vectors_for
from nadoo_c.verifying import Verified
from nadoo_core.cost.calibration import Sample
from nadoo_hardware.emulator import compile_program

Document = dict[str, Any]
MODEL = "model"
ALLOCATED, WRITABLE = 2, 1
"""Flags of a section in an ELF."""


def sized(given: Network, core: str, table: KernelTable) -> Document:
    """The bytes in flash of a network on a core, and those of each function of its kernels."""
    with tempfile.TemporaryDirectory(prefix="nadoo-sizes-") as name:
        folder = written(given, Path(name), table)
        entry = folder.path / "entry.c"
        entry.write_text(entry_text(folder, 1), encoding="utf-8")
        sources = [folder.path / "model.c", folder.path / "weights.c", entry]
        image = compile_program(sources, core, entry=ENTRY, include=[folder.path], flags=FLAGS)
        kernels = [kernel.name for kernel in folder.unit.program.kernels]
        found = sizes_of(image.elf, kernels)
    image.elf.unlink()
    return found


def written(given: Network, path: Path, table: KernelTable) -> Folder:
    """A network as a folder of C with one sample, as the exporter does by default, but not verified."""
    options = Options(name=MODEL)
    unit = compile_unit(given.graph, options, table)
    inputs = vectors_for(given.graph, unit, ()).inputs
    drawn = Vectors(tuple(np.ascontiguousarray(array[-1:]) for array in inputs), ())
    report = report_of(unit, options, Verified(drawn.samples, 0, ()))
    folder = Folder(path, unit, drawn.inputs, zero_outputs(unit, drawn), report)
    write_folder(path, unit, drawn, folder.outputs, report)
    return folder


def sizes_of(elf: Path, kernels: list[str]) -> Document:
    """The sizes in a linked program, without what only tests it."""
    with elf.open("rb") as file:
        program: Any = ELFFile(file)
        parts = [part for part in program.iter_sections() if part["sh_flags"] & (ALLOCATED | WRITABLE) == ALLOCATED]
        table = program.get_section_by_name(".symtab")
        symbols: dict[str, int] = {symbol.name: symbol["st_size"] for symbol in table.iter_symbols()}
        return {
            "flash": sum(part["sh_size"] for part in parts if part.name not in (TEST_CODE, TEST_DATA)),
            "entry": sum(size for name, size in symbols.items() if name.startswith(f"{MODEL}_run")),
            "kernels": {name: symbols[name] for name in kernels if symbols.get(name)},
        }


@frozen
class Kept:
    """A network with its work and what was found of it on one core."""

    name: str
    net: Document
    found: Document

    @property
    def held(self) -> bool:
        """Whether it is in no fit."""
        return self.name.startswith("held-")


@frozen
class Sizes(Kept):
    """A network with the terms of its program and what it takes in flash."""

    @property
    def flash(self) -> float:
        """All that lies in flash."""
        return float(self.found["flash"])

    @property
    def code(self) -> float:
        """All but the constants that the program is known to have."""
        return self.flash - float(self.net["constants"])

    def samples(self) -> Iterator[Sample]:
        """Each kernel and what runs them as probes, and the network as a model."""
        yield Sample(self.name, float(self.found["entry"]), self.net["entry"], probe=True)
        for name, terms in self.net["parts"].items():
            size = self.size(name)
            if size:
                yield Sample(self.name, size, terms, probe=True)
        yield Sample(self.name, self.code, self.net["printed"])

    def size(self, kernel: str) -> float:
        """The bytes of a kernel, with functions that the exporter has made of its parts."""
        functions: dict[str, int] = self.found["kernels"]
        if kernel not in functions:
            return 0.0
        parts = [name for name in functions if name.startswith(f"{kernel}_") and name not in self.net["parts"]]
        return float(functions[kernel] + sum(functions[name] for name in parts))
