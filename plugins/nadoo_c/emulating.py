"""The exported C on the target's own instruction set: the same samples, the same bits, and what they cost."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nadoo_c.errors import unequal, unexported
from nadoo_c.folder import Folder, read_folder
from nadoo_c.printing.data import rows
from nadoo_c.verifying import same_bits

ENTRY = "nadoo_emulated"
RESULT = f"{ENTRY}_out"


def emulate_folder(path: Path, core: str, samples: int = 2) -> dict[str, Any]:
    """Run the first samples of a folder on a core; gives counts for one sample, or names the first difference."""
    folder = read_folder(path)
    count = max(1, min(samples, len(folder.inputs[0]) if folder.inputs else 1))
    try:
        emulator: Any = import_module("nadoo_hardware.emulator")
    except ImportError as error:
        message = f"the emulator cannot be loaded ({error}); install nadoo[emulator]"
        raise unexported(f"core {core!r}", message) from error
    with tempfile.TemporaryDirectory(prefix="nadoo-emulate-") as name:
        entry = Path(name) / "entry.c"
        entry.write_text(entry_text(folder, count), encoding="utf-8")
        sources = [path / "model.c", path / "weights.c", entry]
        flags = ("-O3", "-std=c99", "-ffp-contract=off", "-fno-strict-aliasing")
        image = emulator.compile_program(sources, core, entry=ENTRY, include=[path], flags=flags)
        found = emulator.emulate(getattr(image, "elf", image), core, ENTRY, symbols=[RESULT])
    require_equal_bytes(folder, count, core, found.memory[RESULT])
    return {
        "samples": count,
        "instructions": round(found.instructions / count),
        "cycles": None if found.cycles is None else round(found.cycles / count),
        "stack_bytes": found.stack_bytes,
    }


def entry_text(folder: Folder, count: int) -> str:
    """A program without arguments that runs the model on samples of its own."""
    unit, lines = folder.unit, ['#include "model.h"', ""]
    arguments: list[str] = []
    size = sum(buffer.bytes for buffer in unit.outputs)
    offset = 0
    arrays = [*folder.inputs]
    for name, buffer, written in unit.parameters():
        if written:
            lines.append(f"static {buffer.kind.c} result_{name}[{buffer.length}];")
            arguments.append(f"result_{name}")
            continue
        lines.append(f"static const {buffer.kind.c} given_{name}[{count}][{buffer.length}] = {{")
        for sample in arrays.pop(0)[:count]:
            lines += ["    {", *rows(sample, buffer.kind), "    },"]
        lines.append("};")
        arguments.append(f"given_{name}[i]")
    lines += [f"uint8_t {RESULT}[{size * count}];", "", f"void {ENTRY}(void) {{"]
    lines += [f"    for (int i = 0; i < {count}; i++) {{", f"        {unit.name}_run({', '.join(arguments)});"]
    for name, buffer, written in unit.parameters():
        if written:
            lines.append(f"        for (int32_t k = 0; k < {buffer.bytes}; k++) {{")
            source = f"((const uint8_t *)(const void *)result_{name})[k]"
            lines += [f"            {RESULT}[i * {size} + {offset} + k] = {source};", "        }"]
            offset += buffer.bytes
    return "\n".join([*lines, "    }", "}", ""])


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
