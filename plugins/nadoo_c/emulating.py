"""The exported C on the target's own instruction set: the same samples, the same bits, and what they cost."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from nadoo_c.errors import unequal, unexported
from nadoo_c.folder import Folder, read_folder
from nadoo_c.printing.data import rows
from nadoo_c.verifying import same_bits
from nadoo_core.errors import DeviceError
from nadoo_hardware.emulator import CORES, Emulation, compile_program, core_of, emulate, find_core

if TYPE_CHECKING:
    from nadoo_core.cost import Device
    from nadoo_core.registry import Registry

ENTRY = "nadoo_emulated"
RESULT = f"{ENTRY}_out"
TEST_CODE, TEST_DATA = ".nadoo_test_code", ".nadoo_test_data"
FLAGS = ("-O3", "-std=c99", "-ffp-contract=off", "-fno-strict-aliasing")
COMPILER = "zig"
SAMPLES = 2


@frozen
class Target:
    """Where C is emulated: a core, and the device whose table says what its instructions take."""

    name: str
    core: str
    device: "Device | None" = None


def target_of(name: "str | Target", registry: "Registry | None" = None) -> Target:
    """The target of a core's name or of a device's."""
    if isinstance(name, Target):
        return name
    if name in CORES or registry is None:
        return Target(name, find_core(name).name)
    from nadoo_core.cost import find_device

    try:
        return device_target(find_device(name, registry))
    except DeviceError as error:
        message = f"{name!r} is neither a core ({', '.join(CORES)}) nor a device ({error.problems[0].message})"
        raise unexported("emulation", message) from error


def device_target(device: "Device") -> Target:
    """A device as a target; one that the emulator has no core for is refused."""
    core = core_of(device)
    if core is None:
        message = f"has {device.core or device.isa or 'a core that is not known'}, which is not emulated"
        raise unexported(f"device {device.name!r}", f"{message}; there are {', '.join(CORES)}")
    return Target(device.name, core.name, device)


def emulate_folder(
    path: Path, core: str | Target, samples: int = SAMPLES, *, compiler: str = COMPILER, flags: tuple[str, ...] = FLAGS
) -> dict[str, Any]:
    """Run the first samples of a folder on a core; gives counts for one sample, or names the first difference."""
    target, folder = target_of(core), read_folder(path)
    count = max(1, min(samples, len(folder.inputs[0]) if folder.inputs else 1))
    found = run_samples(folder, target, count, compiler, flags)
    require_equal_bytes(folder, count, target.name, found.memory[RESULT])
    return {"compiler": compiler, "flags": list(flags), **counts_of(folder, found, count)}


def run_samples(folder: Folder, target: Target, count: int, compiler: str, flags: tuple[str, ...]) -> Emulation:
    """Compile a folder with an entry of its own, and call that."""
    with tempfile.TemporaryDirectory(prefix="nadoo-emulate-") as name:
        entry = Path(name) / "entry.c"
        entry.write_text(entry_text(folder, count), encoding="utf-8")
        sources = [folder.path / "model.c", folder.path / "weights.c", entry]
        image = compile_program(
            sources, target.core, entry=ENTRY, include=[folder.path], flags=flags, compiler=compiler
        )
        kernels = [kernel.name for kernel in folder.unit.program.kernels]
        return emulate(image.elf, target.core, ENTRY, symbols=[RESULT], kernels=kernels, device=target.device)


def counts_of(folder: Folder, found: Emulation, count: int) -> dict[str, Any]:
    """The counts of one sample, and the memory that the model takes."""
    flash = sum(part.size for part in found.sections if part.in_flash and part.name not in (TEST_CODE, TEST_DATA))
    memory = folder.report["memory"]
    constants = int(memory["constants_bytes"])
    return {
        "samples": count,
        "core": found.core,
        "instructions": round(found.instructions / count),
        "cycles": None if found.cycles is None else round(found.cycles / count),
        "cycles_waiting": round(found.priced.waiting / count),
        "cycles_unknown": found.priced.unknown or None,
        "verified": found.priced.verified,
        "stack_bytes": found.stack_bytes,
        "ram_bytes": int(memory["ram_bytes"]) + found.stack_bytes,
        "flash_bytes": flash,
        "code_bytes": flash - constants,
        "functions": each(found.functions, count),
        "classes": each(found.classes, count),
        "kernels": kernel_counts(folder, found, count),
    }


def each(counts: Mapping[str, int], count: int) -> dict[str, int]:
    """Counts of one sample."""
    return {name: round(number / count) for name, number in counts.items()}


def kernel_counts(folder: Folder, found: Emulation, count: int) -> list[dict[str, Any]]:
    """Kernel by kernel in the order in which they run, each with all that it calls."""
    return [
        {
            "name": kernel.name,
            "layer": kernel.layer,
            "instructions": round(found.kernels[kernel.name].instructions / count),
            "cycles": None if (cycles := found.kernels[kernel.name].priced.value) is None else round(cycles / count),
        }
        for kernel in folder.unit.program.kernels
    ]


def entry_text(folder: Folder, count: int) -> str:
    """A program without arguments that runs the model on samples of its own, in sections that are not the model's."""
    unit, arrays = folder.unit, list(folder.inputs)
    size = sum(buffer.bytes for buffer in unit.outputs)
    lines, copies, arguments = ['#include "model.h"', ""], list[str](), list[str]()
    for name, buffer, written in unit.parameters():
        if written:
            lines.append(f"static {buffer.kind.c} result_{name}[{buffer.length}];")
            arguments.append(f"result_{name}")
            copies += copy_lines(f"result_{name}", buffer.bytes)
            continue
        kind = f"const {buffer.kind.c} given_{name}[{count}][{buffer.length}]"
        lines.append(f'__attribute__((section("{TEST_DATA}"))) static {kind} = {{')
        for sample in arrays.pop(0)[:count]:
            lines += ["    {", *rows(sample, buffer.kind), "    },"]
        lines.append("};")
        arguments.append(f"given_{name}[i]")
    return "\n".join([
        *lines, f"uint8_t {RESULT}[{size * count}];", "",
        f'__attribute__((section("{TEST_CODE}"))) void {ENTRY}(void) {{',
        f"    uint8_t *to = {RESULT};", f"    for (int i = 0; i < {count}; i++) {{",
        f"        {unit.name}_run({', '.join(arguments)});", *copies, "    }", "}", "",
    ])  # fmt: skip


def copy_lines(name: str, size: int) -> list[str]:
    """Keep a result, byte by byte, behind those before it."""
    source = f"((const uint8_t *)(const void *){name})[k]"
    return [f"        for (int32_t k = 0; k < {size}; k++) {{", f"            *to++ = {source};", "        }"]


def require_equal_bytes(folder: Folder, count: int, core: str, raw: bytes) -> None:
    """Refuse results that are not those of this machine."""
    size = sum(buffer.bytes for buffer in folder.unit.outputs)
    matrix = np.frombuffer(raw[: size * count], np.uint8).reshape(count, size)
    offset = 0
    for buffer, wanted in zip(folder.unit.outputs, folder.outputs, strict=True):
        part = np.ascontiguousarray(matrix[:, offset : offset + buffer.bytes]).view(buffer.kind.numpy)
        wrong = ~same_bits(wanted[:count], part)
        if wrong.any():
            sample, place = (int(number) for number in np.argwhere(wrong)[0])
            message = f"element {place} of sample {sample} is {part[sample, place]}, here {wanted[sample, place]}"
            raise unequal(f"output {buffer.name!r} on {core}", f"{message}; the C is not to be used on this core")
        offset += buffer.bytes
