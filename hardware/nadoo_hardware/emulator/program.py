"""An ELF as the emulator needs it: what lies where, and which function an address belongs to."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from attrs import frozen

from nadoo_core.errors import CoreCode
from nadoo_core.options import did_you_mean
from nadoo_hardware.emulator.cores import Core
from nadoo_hardware.emulator.errors import failed, tool

MACHINES = {"EM_ARM": "arm", "EM_RISCV": "riscv"}
UNNAMED = "?"
EXECUTABLE, WRITABLE = 1, 2
SECTION_WRITABLE, SECTION_LOADED = 1, 2


@frozen
class Segment:
    """Bytes at an address; zeros follow up to the size."""

    address: int
    data: bytes
    size: int
    writable: bool


@frozen
class Symbol:
    """A named place."""

    name: str
    address: int
    size: int


@frozen
class Section:
    """A part of a program as it takes memory: in flash, in RAM, or in both where it is copied at the start."""

    name: str
    size: int
    in_flash: bool
    in_ram: bool


@frozen
class Program:
    """A linked program."""

    path: Path
    sections: tuple[Section, ...]
    segments: tuple[Segment, ...]
    functions: tuple[Symbol, ...]
    """By address, one an address."""
    objects: Mapping[str, Symbol]
    compiler: str
    """What the file itself says it was compiled by."""

    def functions_like(self, patterns: Sequence[str]) -> dict[int, str]:
        """Address → name of the functions that some patterns name; each pattern must name one."""
        names = [symbol.name for symbol in self.functions]
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                message = f"has no function {pattern!r}; {did_you_mean(pattern, names)}"
                raise failed(str(self.path), message, CoreCode.UNKNOWN_NAME)
        return {
            symbol.address: symbol.name
            for symbol in self.functions
            if any(fnmatchcase(symbol.name, pattern) for pattern in patterns)
        }

    def function(self, name: str) -> Symbol:
        """A function by name."""
        found = {symbol.name: symbol for symbol in self.functions}
        if name not in found:
            message = f"has no function {name!r}; {did_you_mean(name, found)}"
            raise failed(str(self.path), message, CoreCode.UNKNOWN_NAME)
        return found[name]

    def object(self, name: str) -> Symbol:
        """A global variable by name."""
        if name not in self.objects:
            message = f"has no variable {name!r}; {did_you_mean(name, self.objects)}"
            raise failed(str(self.path), message, CoreCode.UNKNOWN_NAME)
        return self.objects[name]

    def name_at(self, address: int) -> str:
        """The function that an address lies in."""
        index = bisect_right(self.functions, address, key=lambda symbol: symbol.address) - 1
        if index < 0:
            return UNNAMED
        symbol = self.functions[index]
        return symbol.name if not symbol.size or address < symbol.address + symbol.size else UNNAMED


def read_program(path: Path, core: Core) -> Program:
    """Read an ELF and see that it is for the architecture of the core."""
    reader, problems = tool("elftools.elf.elffile"), tool("elftools.common.exceptions")
    if not path.is_file():
        raise failed(str(path), "there is no such file; give the path of an ELF")
    with path.open("rb") as file:
        try:
            elf = reader.ELFFile(file)
            require_architecture(path, elf, core)
            return program_of(path, elf)
        except (problems.ELFError, UnicodeDecodeError, ValueError) as error:
            raise failed(str(path), f"cannot be read as an ELF ({error}); give a linked program") from error


def require_architecture(path: Path, elf: Any, core: Core) -> None:
    """Refuse what the core cannot run."""
    machine = elf["e_machine"]
    if MACHINES.get(machine) != core.architecture or elf.elfclass != 32 or not elf.little_endian:
        said = f"{elf.elfclass} bits, {'little' if elf.little_endian else 'big'} endian, {machine}"
        raise failed(str(path), f"is a program for {said}; core {core.name} is 32 bits of {core.title}")
    if elf["e_type"] != "ET_EXEC":
        raise failed(str(path), f"is not linked to fixed addresses ({elf['e_type']}); link it as an executable")


def program_of(path: Path, elf: Any) -> Program:
    """All parts."""
    table = elf.get_section_by_name(".symtab")
    if table is None:
        raise failed(str(path), "has no symbols; link it without stripping them")
    comment = elf.get_section_by_name(".comment")
    text: str = comment.data().decode("utf-8", "replace").strip("\0") if comment else ""
    return Program(
        path=path,
        sections=tuple(sections_of(elf)),
        segments=segments_of(elf),
        functions=functions_of(elf, table),
        objects={
            symbol.name: Symbol(symbol.name, symbol["st_value"], symbol["st_size"])
            for symbol in table.iter_symbols()
            if symbol["st_info"]["type"] == "STT_OBJECT"
        },
        compiler="; ".join(dict.fromkeys(text.split("\0"))),
    )


def sections_of(elf: Any) -> Iterator[Section]:
    """The sections that take memory."""
    for section in elf.iter_sections():
        flags = section["sh_flags"]
        if flags & SECTION_LOADED and section["sh_size"]:
            stored, writable = section["sh_type"] != "SHT_NOBITS", bool(flags & SECTION_WRITABLE)
            yield Section(section.name, section["sh_size"], stored, writable)


def segments_of(elf: Any) -> tuple[Segment, ...]:
    """What is loaded where it runs, and once more where it is stored if that is elsewhere."""
    found: list[Segment] = []
    for segment in elf.iter_segments():
        if segment["p_type"] != "PT_LOAD" or not segment["p_memsz"]:
            continue
        data, writable = segment.data(), bool(segment["p_flags"] & WRITABLE)
        found.append(Segment(segment["p_vaddr"], data, segment["p_memsz"], writable))
        if segment["p_paddr"] != segment["p_vaddr"] and data:
            found.append(Segment(segment["p_paddr"], data, len(data), writable=False))
    return tuple(found)


def functions_of(elf: Any, table: Any) -> tuple[Symbol, ...]:
    """Functions, and the labels of hand-written code; the compiler's marks between code and data are none."""
    found: dict[int, Symbol] = {}
    kinds = {"STT_NOTYPE": 0, "STT_FUNC": 1}
    symbols = [symbol for symbol in table.iter_symbols() if symbol["st_info"]["type"] in kinds and symbol.name]
    for symbol in sorted(symbols, key=lambda one: kinds[one["st_info"]["type"]]):
        if symbol.name.startswith(("$", ".L")) or not in_code(elf, symbol["st_shndx"]):
            continue
        address = symbol["st_value"] & ~1
        found[address] = Symbol(symbol.name, address, symbol["st_size"])
    return tuple(found[address] for address in sorted(found))


def in_code(elf: Any, section: Any) -> bool:
    """Whether a section holds instructions."""
    return isinstance(section, int) and bool(elf.get_section(section)["sh_flags"] & 4)
