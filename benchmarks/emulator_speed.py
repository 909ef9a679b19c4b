"""How many instructions a second the emulator runs and counts, core by core, and what a layer takes there.

python -m benchmarks.emulator_speed [--cores NAME,…] [--repeats N] [--record]

The program is an int8 linear layer of 256 inputs and 64 outputs, run again and again: short blocks, hence the worst
case, as each block is counted in Python. Seconds are of this process, so that a busy machine does not count.
"""

import argparse
import json
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import RESULTS
from nadoo_hardware.emulator import CORES, compile_program, emulate

WANTED = 5e6
MACS = 64 * 256
SOURCE = """#include <stdint.h>
int8_t weight[64 * 256], x[256];
int32_t out[64];
__attribute__((noinline)) void layer(void) {
    for (int o = 0; o < 64; o++) {
        int32_t sum = 0;
        for (int i = 0; i < 256; i++) sum += weight[o * 256 + i] * x[i];
        out[o] = sum;
    }
}
void entry(void) {
    for (int n = 0; n < REPEATS; n++) layer();
}
"""


def measured(core: str, repeats: int, folder: Path) -> dict[str, Any]:
    """Instructions of the layer, and how fast they were counted."""
    source = folder / "layer.c"
    source.write_text(SOURCE, encoding="utf-8")
    image = compile_program([source], core, entry="entry", flags=("-O3", f"-DREPEATS={repeats}"))
    started = time.process_time()
    found = emulate(image.elf, core, "entry")
    seconds = time.process_time() - started
    return {
        "core": core,
        "instructions": found.instructions,
        "instructions_per_mac": round(found.instructions / repeats / MACS, 3),
        "per_second": round(found.instructions / seconds),
        "fast_enough": found.instructions / seconds >= WANTED,
    }


def main() -> None:
    """Print a line a core, and record them if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for core in chosen.cores.split(","):
            rows.append(measured(core, chosen.repeats, Path(folder)))
            row = rows[-1]
            print(f"{core:8} {row['per_second'] / 1e6:6.1f} M/s  {row['instructions_per_mac']:7.3f} instructions a MAC")
    if chosen.record:
        names = ("unicorn", "capstone", "ziglang")
        document = {
            "command": " ".join(["python -m benchmarks.emulator_speed", *sys.argv[1:]]),
            "seed": None,
            "versions": {name: version(name) for name in names},
            "rows": rows,
        }
        (RESULTS / "emulator_speed.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
