"""The GNU cross compilers, where they are installed: the same program gives the same results as zig's."""

import shutil
from pathlib import Path

import pytest

from nadoo_hardware.emulator import CORES, compile_program, emulate

PROGRAM = """
#include <stdint.h>
int32_t result[4];
volatile int32_t seven = 7;
volatile float half = 0.5f;
uint8_t bytes[64];
void entry(void) {
    for (int i = 0; i < 64; i++) bytes[i] = 3;
    result[0] = 1000 * seven + bytes[9];
    result[1] = 1000 / seven;
    result[2] = (int32_t)(half * 9.0f);
    result[3] = (int32_t)(((int64_t)seven * 123456789012LL) >> 20);
}
"""


@pytest.mark.parametrize("core", CORES)
def test_what_a_gnu_compiler_links_runs_and_computes_the_same(core: str, tmp_path: Path) -> None:
    gnu = CORES[core].gcc
    if shutil.which(gnu) is None:
        pytest.skip(f"{gnu} is not installed")
    source = tmp_path / "program.c"
    source.write_text(PROGRAM, encoding="utf-8")
    results: dict[str, bytes] = {}
    for compiler in ("zig", gnu):
        image = compile_program([source], core, entry="entry", compiler=compiler)
        found = emulate(image.elf, core, "entry", symbols=["result"], kernels=["entry"])
        results[compiler] = found.memory["result"]
        assert found.kernels["entry"].instructions == found.instructions
        assert ("GCC" in found.compiler) == (compiler == gnu)
    assert len(set(results.values())) == 1
