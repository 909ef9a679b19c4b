"""Programs for microcontrollers, compiled and run without the microcontroller; every instruction is counted."""

from nadoo_hardware.emulator.compiling import COMPILERS, Image, compile_program
from nadoo_hardware.emulator.cores import CORES, Core, core_of, find_core
from nadoo_hardware.emulator.counting import Emulation, KernelCount
from nadoo_hardware.emulator.emulating import INSTRUCTION_LIMIT, emulate
from nadoo_hardware.emulator.errors import EmulationError

__all__ = [
    "COMPILERS",
    "CORES",
    "INSTRUCTION_LIMIT",
    "Core",
    "Emulation",
    "EmulationError",
    "Image",
    "KernelCount",
    "compile_program",
    "core_of",
    "emulate",
    "find_core",
]
