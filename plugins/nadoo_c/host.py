"""Compiling and running exported C on this machine, in a process of its own, with guards around the arena."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from nadoo_c.driver import driver_text
from nadoo_c.printing.model import Unit
from nadoo_core.errors import CoreCode, NadooError, Problem

Array = np.ndarray[Any, Any]
FLAGS = ("-std=c99", "-ffp-contract=off", "-fno-strict-aliasing")
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZERS = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all")
COMPILERS = ("cc", "gcc", "clang")
TIME_LIMIT = 600


class CompileError(NadooError):
    """A compiler is missing or refuses the C, or the compiled program stops."""


def failure(where: str, message: str) -> CompileError:
    """An error with one problem."""
    return CompileError(Problem(CoreCode.RUN, where, message))


def host_compiler() -> tuple[str, ...]:
    """The command of a C compiler of this machine: the system's, or that of the extra."""
    for name in COMPILERS:
        found = shutil.which(name)
        if found is not None:
            return (found,)
    if find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "cc")
    message = f"none of {', '.join(COMPILERS)} is installed; install one, or nadoo[emulator], which brings one"
    raise failure("C compiler", message)


@frozen
class HostProgram:
    """An exported model, compiled with a driver that feeds it samples."""

    unit: Unit
    executable: Path
    label: str

    def run(self, inputs: Sequence[Array], trace: int | None = None) -> tuple[list[Array], Array | None]:
        """The outputs of all samples, and what one kernel wrote if it was asked for; guards are checked."""
        with tempfile.TemporaryDirectory(prefix="nadoo-c-") as name:
            folder = Path(name)
            for index, (array, buffer) in enumerate(zip(inputs, self.unit.inputs, strict=True)):
                (folder / f"in{index}").write_bytes(np.ascontiguousarray(array.astype(buffer.kind.numpy)).tobytes())
            samples = len(inputs[0]) if inputs else 1
            command = [str(self.executable), str(folder), str(samples), str(-1 if trace is None else trace)]
            self.call(command)
            outputs = [
                self.read(folder / f"out{index}", buffer.kind.numpy, samples)
                for index, buffer in enumerate(self.unit.outputs)
            ]
            return outputs, None if trace is None else self.traced(folder, trace, samples)

    def call(self, command: Sequence[str]) -> None:
        """Run the driver, whose exit code says what went wrong."""
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)  # noqa: S603 — the driver that was just compiled
        except subprocess.TimeoutExpired as error:
            raise failure(f"compiled model ({self.label})", f"did not end within {TIME_LIMIT} s") from error
        if done.returncode:
            message = f"stopped with exit code {done.returncode}: {done.stderr.strip()[-2000:] or 'no message'}"
            raise failure(f"compiled model ({self.label})", message)

    def traced(self, folder: Path, trace: int, samples: int) -> Array:
        """What a kernel wrote, for each sample."""
        kernel = self.unit.program.kernels[trace]
        return self.read(folder / "trace", self.unit.program.buffer_of(kernel, kernel.written[0]).kind.numpy, samples)

    @staticmethod
    def read(path: Path, dtype: "np.dtype[np.generic]", samples: int) -> Array:
        """Elements of a file, a row for each sample."""
        return np.frombuffer(path.read_bytes(), dtype).reshape(samples, -1)


def compile_host(unit: Unit, sources: Path, build: Path, flags: Sequence[str], label: str) -> HostProgram:
    """Compile model.c and weights.c of a folder with a driver; a compiler's complaint is an error."""
    build.mkdir(parents=True, exist_ok=True)
    (build / "driver.c").write_text(driver_text(unit), encoding="utf-8")
    (build / "trace.h").write_text(TRACE, encoding="utf-8")
    executable = build / f"model-{label}"
    command = [*host_compiler(), *FLAGS, *flags, "-I", str(sources), "-include", str(build / "trace.h")]
    files = [str(sources / "model.c"), str(sources / "weights.c"), str(build / "driver.c")]
    done = subprocess.run([*command, *files, "-o", str(executable)], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise failure(f"model.c ({label})", f"the compiler refuses it: {done.stderr.strip()[:2000]}; report this")
    return HostProgram(unit, executable, label)


TRACE = """\
#ifndef NADOO_TRACE_H
#define NADOO_TRACE_H
void nadoo_after(int kernel, const void *result, unsigned long bytes);
#define NADOO_AFTER(kernel, result, bytes) nadoo_after(kernel, result, bytes)
#endif
"""
