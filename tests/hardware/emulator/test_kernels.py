"""Kernels: functions with all that they call, told apart from what their callers do."""

from pathlib import Path

import pytest

from nadoo_core.cost import all_devices, find_device
from nadoo_core.registry import Registry
from nadoo_hardware.emulator import CORES, EmulationError, core_of, emulate
from tests.core.command_line.calling import call
from tests.hardware.emulator.programs import ARM, LOOP, assembled, built

NESTED = f"""{ARM}
.text
.macro function name
.global \\name
.type \\name, %function
.thumb_func
\\name:
.endm
function entry
    push {{r4, lr}}
    bl first
    nop
    bl second
    bl first
    pop {{r4, pc}}
.size entry, . - entry
function first
    push {{r4, lr}}
    bl shared
    pop {{r4, pc}}
.size first, . - first
function second
    push {{r4, lr}}
    movs r0, #1
    bl shared
    bl shared
    pop {{r4, pc}}
.size second, . - second
function shared
    nop
    bx lr
.size shared, . - shared
"""


@pytest.mark.parametrize("core", CORES)
def test_a_kernel_is_its_function_from_call_to_return(core: str, tmp_path: Path) -> None:
    architecture = CORES[core].architecture
    found = emulate(assembled(tmp_path, core, LOOP[architecture]).elf, core, "entry", kernels=["leaf"])
    assert {name: one.instructions for name, one in found.kernels.items()} == {"leaf": found.functions["leaf"]}
    assert found.instructions == sum(found.functions.values()) == {"arm": 83, "riscv": 98}[architecture]


def test_what_kernels_share_counts_for_whoever_called_it(tmp_path: Path) -> None:
    device = find_device("stm32f446", Registry.of())
    elf = assembled(tmp_path, "m4", NESTED).elf
    found = emulate(elf, "m4", "entry", kernels=["first", "second"], device=device)
    assert found.functions == {"shared": 8, "first": 6, "entry": 6, "second": 5}
    assert {name: one.instructions for name, one in found.kernels.items()} == {"first": 6 + 4, "second": 5 + 4}
    inside = sum(one.priced.value or 0 for one in found.kernels.values())
    assert found.cycles is not None
    assert 0 < inside < found.cycles
    whole = emulate(elf, "m4", "entry", kernels=["entry"], device=device)
    assert whole.kernels["entry"].priced == whole.priced


def test_a_kernel_that_another_calls_counts_for_both(tmp_path: Path) -> None:
    found = emulate(assembled(tmp_path, "m4", NESTED).elf, "m4", "entry", kernels=["*"])
    assert {name: one.instructions for name, one in found.kernels.items()} == {
        "entry": 25, "first": 10, "shared": 8, "second": 9,
    }  # fmt: skip


def test_a_loop_at_the_start_of_a_kernel_is_no_call(tmp_path: Path) -> None:
    head = f"{ARM}.text\n.global entry\n.type entry, %function\n.thumb_func\nentry:\npush {{r4, lr}}\nmovs r0, #100\n"
    loop = "bl spin\npop {r4, pc}\n.type spin, %function\n.thumb_func\nspin:\nsubs r0, #1\nbne spin\nbx lr\n"
    found = emulate(assembled(tmp_path, "m4", head + loop).elf, "m4", "entry", kernels=["spin"])
    assert found.kernels["spin"].instructions == found.functions["spin"] == 201


def test_patterns_name_kernels_and_must_name_one(tmp_path: Path) -> None:
    elf = assembled(tmp_path, "m4", NESTED).elf
    assert list(emulate(elf, "m4", "entry", kernels=["s*"]).kernels) == ["shared", "second"]  # as they ran first
    with pytest.raises(EmulationError, match=r"no function 'thirst'.*first"):
        emulate(elf, "m4", "entry", kernels=["thirst"])


def test_the_command_gives_kernels_too(tmp_path: Path) -> None:
    arguments = ("emulate", str(assembled(tmp_path, "m4", NESTED).elf), "--core", "m4", "--entry", "entry")
    document = call(*arguments, "--kernel", "first", "--json").document
    assert document["kernels"] == {"first": {"instructions": 10, "cycles": None}}
    assert call(*arguments, "--json").document["kernels"] == {}
    assert "first" in call(*arguments, "--kernel", "f*", "--device", "stm32f401").text


SIZES = """
const volatile int table[64] = {1};
volatile int started = 5, zeroed[16];
void entry(void) { for (int i = 0; i < 16; i++) zeroed[i] = table[i * 4] + started; }
"""


def test_the_memory_that_a_program_takes_is_that_of_its_sections(tmp_path: Path) -> None:
    found = emulate(built(tmp_path, "m4", SIZES).elf, "m4", "entry")
    sizes = {section.name: section.size for section in found.sections}
    assert sizes[".rodata"] == 256
    assert (sizes[".data"], sizes[".bss"]) == (4, 64)
    assert found.flash_bytes == sizes[".text"] + 256 + 4
    assert found.static_bytes == 68
    assert not any("exidx" in name or "eh_frame" in name for name in sizes)


def test_devices_are_emulated_where_a_core_stands_for_theirs() -> None:
    devices = {device.name: device for device in all_devices(Registry.of())}
    names = {name: core.name if (core := core_of(device)) else None for name, device in devices.items()}
    assert names["stm32f401"] == "m4"
    assert names["rp2040"] == "m0"
    assert names["stm32u585"] == "m33"
    assert names["ch32v003"] == "rv32ec"
    assert names["ch32v203"] == names["esp32c3"] == "rv32imc"
    assert names["esp32"] is names["alif-e3"] is names["gap8"] is names["a100"] is None
