"""The cores that programs are compiled for and run on: one row each."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from nadoo_core.errors import CoreCode
from nadoo_core.options import did_you_mean
from nadoo_hardware.emulator.errors import failed

if TYPE_CHECKING:
    from nadoo_core.cost import Device

FLASH, RAM = 0x0800_0000, 0x2000_0000
REGION_BYTES = 64 * 1024 * 1024
STACK_BYTES = 1024 * 1024
UPPER_REGISTERS = r"\b(a6|a7|s[2-9]|s1[01]|t[3-6])\b"
FLOATING = r"^v(?!ector)\w+"


@frozen
class Core:
    """How one core is compiled for, disassembled and run, and what its programs may not contain."""

    name: str
    title: str
    architecture: str
    """"arm" or "riscv": which half of the emulator and of the disassembler."""
    zig_target: str
    zig_flags: tuple[str, ...]
    gcc: str
    """The compiler of the GNU toolchain for it."""
    gcc_flags: tuple[str, ...]
    library_flags: tuple[str, ...] = ()
    """The flags of the library that is linked with it, where the GNU toolchain has none for its own."""
    model: str | None = None
    """unicorn's name of the CPU; None is its default of the architecture."""
    refused_registers: str | None = None
    """A pattern of registers that the core does not have, though the emulator does."""
    refused_instructions: str | None = None
    """A pattern of instructions that the core does not have, though the emulator may."""
    wide_instructions: str | None = None
    """A pattern of the only instructions of 32 bits that the core has; None is all."""
    runs: tuple[str, ...] = ()
    """The cores and instruction sets of devices whose programs it stands for."""
    flash: int = FLASH
    ram: int = RAM
    region_bytes: int = REGION_BYTES
    stack_bytes: int = STACK_BYTES


def cortex(
    name: str, title: str, *gcc_flags: str, runs: tuple[str, ...], fpu: str = "", refused: str | None = None,
    wide: str | None = None,
) -> Core:  # fmt: skip
    """A core of Arm's M profile, of which unicorn and zig know the model."""
    return Core(
        name=name,
        title=title,
        architecture="arm",
        zig_target=f"thumb-freestanding-eabi{'hf' if fpu else ''}",
        zig_flags=(f"-mcpu=cortex_{name}{fpu}",),
        gcc="arm-none-eabi-gcc",
        gcc_flags=(f"-mcpu=cortex-{name}", "-mthumb", *gcc_flags),
        model=f"UC_CPU_ARM_CORTEX_{name.upper()}",
        refused_instructions=refused,
        wide_instructions=wide,
        runs=runs,
    )


def embedded(name: str, title: str, extensions: str, gcc_arch: str, refused: str) -> Core:
    """A RISC-V core with sixteen registers; unicorn runs all thirty-two, so that its programs are looked through."""
    return Core(
        name=name,
        title=title,
        architecture="riscv",
        zig_target="riscv32-freestanding-none",
        zig_flags=(f"-mcpu=generic_rv32{extensions}", "-mabi=ilp32e"),
        gcc="riscv64-unknown-elf-gcc",
        gcc_flags=(f"-march={gcc_arch}", "-mabi=ilp32e"),
        library_flags=("-march=rv32ec", "-mabi=ilp32e"),
        refused_registers=UPPER_REGISTERS,
        refused_instructions=refused,
        runs=(name,),
    )


SOFTFP = ("-mfloat-abi=softfp",)
"""Units of single precision, that of the M7 too: doubles are functions, since the emulator has no such M7."""
ROWS = (
    cortex(
        "m0",
        "Arm Cortex-M0",
        runs=("Cortex-M0", "Cortex-M0+"),
        refused=rf"{FLOATING}|^(udiv|sdiv|umull|smull|umlal|smlal|mla|mls|tbb|tbh|cbn?z|it\w*)$",
        wide=r"^(bl|mrs|msr|dmb|dsb|isb|udf)$",
    ),
    cortex(
        "m3",
        "Arm Cortex-M3",
        runs=("Cortex-M3",),
        refused=rf"{FLOATING}|^(smlad|smuad|smlabb|smulbb|sxtb16|uxtb16|sadd16|uadd8)\w*$",
    ),
    cortex("m4", "Arm Cortex-M4F", "-mfpu=fpv4-sp-d16", *SOFTFP, runs=("Cortex-M4F",), fpu="+vfp4d16sp"),
    cortex("m7", "Arm Cortex-M7", "-mfpu=fpv5-sp-d16", *SOFTFP, runs=("Cortex-M7",), fpu="+fp_armv8d16sp"),
    cortex("m33", "Arm Cortex-M33", "-mfpu=fpv5-sp-d16", *SOFTFP, runs=("Cortex-M33",), fpu="+fp_armv8d16sp"),
    Core(
        name="rv32imc",
        title="RISC-V RV32IMC",
        architecture="riscv",
        zig_target="riscv32-freestanding-none",
        zig_flags=("-mcpu=generic_rv32+m+c",),
        gcc="riscv64-unknown-elf-gcc",
        gcc_flags=("-march=rv32imc", "-mabi=ilp32"),
        refused_instructions=r"^(f(?!ence)|amo|lr\.|sc\.)",
        runs=("rv32imc", "rv32imac"),
    ),
    embedded("rv32emc", "RISC-V RV32EC with Zmmul", "+e+c+zmmul-i-m", "rv32ec_zmmul", r"^(div|rem)u?$"),
    embedded("rv32ec", "RISC-V RV32EC", "+e+c-i-m", "rv32ec", r"^(mul(h|hu|hsu)?|(div|rem)u?)$"),
)
CORES: Mapping[str, Core] = {row.name: row for row in ROWS}


def find_core(name: str) -> Core:
    """The row of a core."""
    found = CORES.get(name)
    if found is None:
        raise failed("core", f"{name!r} is no core; {did_you_mean(name, CORES)}", CoreCode.UNKNOWN_NAME)
    return found


def core_of(device: "Device") -> Core | None:
    """The core that stands for the one of a device; None where the emulator has none."""
    return next((core for core in ROWS if device.core in core.runs or device.isa in core.runs), None)
