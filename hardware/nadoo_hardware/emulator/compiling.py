"""C into an ELF for a core: by zig, which pip brings, or by a GNU compiler that the user has."""

import atexit
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen

from nadoo_core.errors import CoreCode
from nadoo_core.options import did_you_mean
from nadoo_hardware.emulator.cores import Core, find_core
from nadoo_hardware.emulator.errors import failed, tool

COMPILERS = ("zig", "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc")
PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf",
}
MEMORY = Path(__file__).parent / "memory.c"
TIME_LIMIT = 600
MOST_TEXT = 4_000
FREESTANDING = ("-ffreestanding", "-ffunction-sections", "-fdata-sections")
SCRIPT = """ENTRY({entry})
MEMORY {{ flash (rx) : ORIGIN = {flash:#x}, LENGTH = {size}  ram (rwx) : ORIGIN = {ram:#x}, LENGTH = {size} }}
SECTIONS {{
    .text : {{ *(.text .text.*) }} > flash
    .rodata : {{ *(.rodata .rodata.* .srodata .srodata.*) }} > flash
    .data : {{ *(.data .data.* .sdata .sdata.*) }} > ram
    .bss (NOLOAD) : {{ *(.bss .bss.* .sbss .sbss.* COMMON) }} > ram
    /DISCARD/ : {{ *(.ARM.exidx .ARM.exidx.* .ARM.extab .ARM.extab.* .eh_frame .eh_frame_hdr) }}
}}
"""


@frozen
class Image:
    """A linked program, with what it was made by; its file lasts until this process ends."""

    elf: Path
    core: str
    entry: str
    compiler: str
    flags: tuple[str, ...]


def kept_folder() -> Path:
    """A folder that lasts until this process ends."""
    path = Path(tempfile.mkdtemp(prefix="nadoo-image-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def compile_program(
    sources: Sequence[Path], core: str, *, entry: str, include: Sequence[Path] = (), flags: Sequence[str] = ("-O3",),
    compiler: str = "zig",
) -> Image:  # fmt: skip
    """Compile and link C or assembly that needs no operating system; `entry` and all that it reaches are kept."""
    row, folder = find_core(core), kept_folder()
    command = command_of(compiler, row)
    script, elf = folder / "link.ld", folder / "program.elf"
    text = SCRIPT.format(entry=entry, flash=row.flash, ram=row.ram, size=row.region_bytes)
    script.write_text(text, encoding="utf-8")
    included = [f"-I{path}" for path in include]
    linked = [
        f"-Wl,-T,{script}" if compiler != "zig" else f"-T{script}",
        "-Wl,--gc-sections",
        f"-Wl,-e,{entry}",
    ]
    given = [*flags, *included, *linked, *map(str, sources), *library_of(compiler, row)]
    run_compiler([*command, *FREESTANDING, *given, "-o", str(elf)], row)
    return Image(elf=elf, core=core, entry=entry, compiler=compiler, flags=tuple(flags))


def command_of(compiler: str, core: Core) -> list[str]:
    """The command and the flags of the core; libraries of a compiler give what the core lacks, such as division."""
    if compiler == "zig":
        tool("ziglang")
        start = [sys.executable, "-m", "ziglang", "cc", "-target", core.zig_target]
        return [*start, *core.zig_flags, "-fno-sanitize=all"]
    if compiler not in COMPILERS:
        message = f"{compiler!r} is no compiler; {did_you_mean(compiler, COMPILERS)}"
        raise failed("compiler", message, CoreCode.UNKNOWN_NAME)
    if compiler != core.gcc:
        raise failed("compiler", f"{compiler} does not compile for {core.name}; use zig or {core.gcc}")
    if shutil.which(compiler) is None:
        message = f"{compiler} is not installed; on Debian and Ubuntu: apt install {PACKAGES[compiler]}, or use zig"
        raise failed("compiler", message)
    return [compiler, *core.gcc_flags, "-nostartfiles", "-nostdlib"]


def library_of(compiler: str, core: Core) -> tuple[str, ...]:
    """What is linked after the program: zig brings it all, a GNU compiler its arithmetic but no C library."""
    if compiler == "zig":
        return ()
    if not core.library_flags:
        return (str(MEMORY), "-lgcc")
    command = [compiler, *core.library_flags, "-print-libgcc-file-name"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)  # noqa: S603
    return (str(MEMORY), found.stdout.strip() or "-lgcc")


def run_compiler(command: list[str], core: Core) -> None:
    """Run it; what it says is the message."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise failed(f"compiling for {core.name}", f"took longer than {TIME_LIMIT} s; compile less at once") from error
    if done.returncode != 0:
        text = (done.stderr or done.stdout).strip()[:MOST_TEXT]
        raise failed(f"compiling for {core.name}", f"the compiler refuses:\n{text}")
