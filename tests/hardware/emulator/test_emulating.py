"""Hand-counted programs on every core; C with its library; faults in words."""

import struct
from pathlib import Path

import pytest

from nadoo_core.cost import find_device
from nadoo_core.cost.fact import Fact
from nadoo_core.registry import Registry
from nadoo_hardware.emulator import CORES, EmulationError, compile_program, compiling, emulate
from tests.hardware.emulator.programs import ARM, LOOP, assembled, built

ARM_CORES = [name for name, core in CORES.items() if core.architecture == "arm"]
RISCV_CORES = [name for name, core in CORES.items() if core.architecture == "riscv"]


@pytest.mark.parametrize("core", ARM_CORES)
def test_every_instruction_of_a_loop_is_counted_on_arm(core: str, tmp_path: Path) -> None:
    found = emulate(assembled(tmp_path, core, LOOP["arm"]).elf, core, "entry", symbols=["value"])
    assert found.functions == {"leaf": 50, "entry": 33}
    assert found.instructions == 83
    assert found.classes == {
        "load": 20,  # the address from the pool, and the value
        "store": 11,
        "alu": 11,
        "multiply": 10,
        "divide": 0,
        "branch_taken": 20,  # nine times round, ten returns of leaf, one of entry
        "branch_not_taken": 1,
        "call": 10,
        "other": 0,
    }
    assert found.stack_bytes == 8
    assert int.from_bytes(found.memory["value"], "little") == pow(3, 1024, 1 << 32)


@pytest.mark.parametrize("core", RISCV_CORES)
def test_every_instruction_of_a_loop_is_counted_on_riscv(core: str, tmp_path: Path) -> None:
    found = emulate(assembled(tmp_path, core, LOOP["riscv"]).elf, core, "entry", symbols=["value"])
    assert found.functions == {"leaf": 60, "entry": 38}
    assert found.classes == {
        "load": 12,
        "store": 12,
        "alu": 43,
        "multiply": 0,
        "divide": 0,
        "branch_taken": 20,
        "branch_not_taken": 1,
        "call": 10,
        "other": 0,
    }
    assert found.stack_bytes == 8
    assert int.from_bytes(found.memory["value"], "little") == 3 * 1024


@pytest.mark.parametrize("core", list(CORES))
def test_doubles_and_floats_run_on_every_core(core: str, tmp_path: Path) -> None:
    source = """
    #include <stdint.h>
    volatile int32_t three = -3;
    volatile double quarter = 0.25;
    volatile float half = 0.5f;
    double product;
    float sum;
    void entry(void) {
        product = (double)three * quarter;
        sum = (float)product + half * half;
    }
    """
    found = emulate(built(tmp_path, core, source).elf, core, "entry", symbols=["product", "sum"])
    assert struct.unpack("<d", found.memory["product"]) == (-0.75,)
    assert struct.unpack("<f", found.memory["sum"]) == (-0.5,)


PROGRAM = """
int result[4];
volatile int seven = 7;
volatile float half = 0.5f;
void entry(void) {
    volatile char frame[200];
    for (int i = 0; i < 200; i++) frame[i] = (char)i;
    result[0] = 1000 * seven + frame[9];
    result[1] = 1000 / seven;
    result[2] = (int)(half * 9.0f);
    result[3] = (int)(((long long)seven * 123456789012LL) >> 20);
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_c_finds_division_and_floats_of_its_library_on_every_core(core: str, tmp_path: Path) -> None:
    found = emulate(built(tmp_path, core, PROGRAM).elf, core, "entry", symbols=["result"])
    values = [int.from_bytes(found.memory["result"][i : i + 4], "little", signed=True) for i in range(0, 16, 4)]
    product = (7 * 123456789012 >> 20) & 0xFFFFFFFF
    assert values == [7009, 142, 4, product - (product >> 31 << 32)]
    assert 200 <= found.stack_bytes < 400
    assert sum(found.classes.values()) == found.instructions == sum(found.functions.values())
    assert (found.classes["multiply"] == 0) == (core == "rv32ec")
    assert any(kind.startswith("float") for kind in found.kinds) == (core in {"m4", "m7", "m33"})


def arm(body: str, tmp_path: Path, core: str = "m4") -> Path:
    """One function of Arm."""
    text = f"{ARM}.text\n.global entry\n.type entry, %function\n.thumb_func\nentry:\n{body}\n"
    return assembled(tmp_path, core, text).elf


def test_a_conditional_return_is_taken_or_not_as_it_runs(tmp_path: Path) -> None:
    body = "movs r0, #1\ncmp r0, #0\nit eq\nbxeq lr\ncmp r0, #1\nit eq\nbxeq lr\nnop"
    found = emulate(arm(body, tmp_path), "m4", "entry")
    assert (found.classes["branch_not_taken"], found.classes["branch_taken"]) == (1, 1)
    assert found.instructions == 7


def test_words_of_a_list_and_waiting_for_flash_are_priced(tmp_path: Path) -> None:
    from attrs import evolve

    device = find_device("stm32f446", Registry.of())
    elf = arm("push {r4-r7, lr}\nmovs r0, #3\npop {r4-r7, pc}", tmp_path)
    found = emulate(elf, "m4", "entry", device=device)
    assert found.stack_bytes == 20
    assert found.priced.waiting == 5  # one line of sixteen bytes
    assert found.cycles == (1 + 4) + 1 + (3 + 4) + 5
    assert not found.priced.verified
    checked = {kind: evolve(fact, verified=True, quality="measured") for kind, fact in device.cycles.items()}
    assert emulate(elf, "m4", "entry", device=evolve(device, cycles=checked)).priced.verified
    other = evolve(device, cycles={"alu": Fact(1.0, "nobody", "stated")})
    missing = emulate(elf, "m4", "entry", device=other)
    assert missing.cycles is None
    assert "does not say the cycles of return, store" in missing.priced.unknown


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1: b 1b", "did not return within 1,000 instructions; it was in 'entry'"),
        ("movs r0, #0\nldr r0, [r0]\nbx lr", "entry at 0x8000002: address 0x00000000 is read"),
        ("adr r0, entry\nstr r0, [r0]\nbx lr", "is written, where the program has no such memory"),
        ("1: push {r0-r7}\nb 1b", "the stack overflows"),
        ("udf #1", "an instruction that Arm Cortex-M4F does not have, or a trap"),
    ],
)
def test_faults_say_what_and_where(body: str, message: str, tmp_path: Path) -> None:
    limit = 1000 if "within" in message else 10**9
    with pytest.raises(EmulationError) as caught:
        emulate(arm(f"{body}\n.align 2", tmp_path), "m4", "entry", limit=limit)
    assert message in str(caught.value)


def test_the_limit_counts_instructions_exactly(tmp_path: Path) -> None:
    elf = assembled(tmp_path, "m3", LOOP["arm"]).elf
    assert emulate(elf, "m3", "entry", limit=83).instructions == 83
    with pytest.raises(EmulationError, match="did not return within 82"):
        emulate(elf, "m3", "entry", limit=82)


@pytest.mark.parametrize(
    ("core", "line", "part"),
    [
        ("rv32ec", "mul a0, a0, a0", "the instruction mul"),
        ("rv32ec", "mv a0, s2", "the register s2"),
        ("rv32emc", "div a0, a0, a0", "the instruction div"),
        ("rv32emc", "add t3, a0, a0", "the register t3"),
    ],
)
def test_small_cores_refuse_what_only_the_emulator_has(core: str, line: str, part: str, tmp_path: Path) -> None:
    text = f".text\n.global entry\n.type entry, @function\nentry:\n{line}\nret\n"
    elf = assembled(tmp_path, "rv32imc", text).elf
    with pytest.raises(EmulationError, match=part):
        emulate(elf, core, "entry")
    assert emulate(elf, "rv32imc", "entry").instructions == 2


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("movw r0, #5", "an instruction of 32 bits that Arm Cortex-M0 does not have"),
        ("cbz r0, 1f\nnop\n1:", "the instruction cbz"),
        ("udiv r0, r0, r0", "the instruction udiv"),
    ],
)
def test_the_smallest_core_of_arm_refuses_what_larger_ones_have(line: str, part: str, tmp_path: Path) -> None:
    elf = arm(f"{line}\nbx lr", tmp_path)
    with pytest.raises(EmulationError, match=part):
        emulate(elf, "m0", "entry")
    assert emulate(arm("dmb\nbx lr", tmp_path, "m0"), "m0", "entry").instructions == 2
    assert emulate(elf, "m4", "entry").instructions == 2


def test_names_and_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    elf = assembled(tmp_path, "m3", LOOP["arm"]).elf
    with pytest.raises(EmulationError, match="'m5' is no core"):
        emulate(elf, "m5", "entry")
    with pytest.raises(EmulationError, match=r"no function 'entri'.*entry"):
        emulate(elf, "m3", "entri")
    with pytest.raises(EmulationError, match=r"no variable 'valve'.*value"):
        emulate(elf, "m3", "entry", symbols=["valve"])
    with pytest.raises(EmulationError, match="is a program for 32 bits, little endian, EM_ARM"):
        emulate(elf, "rv32ec", "entry")
    with pytest.raises(EmulationError, match="there is no such file"):
        emulate(tmp_path / "nothing.elf", "m3", "entry")
    with pytest.raises(EmulationError, match="cannot be read as an ELF"):
        emulate(tmp_path / "program.s", "m3", "entry")
    with pytest.raises(EmulationError, match="limit: is 0"):
        emulate(elf, "m3", "entry", limit=0)


def test_compilers_that_do_not_fit_or_are_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmulationError, match="apt install gcc-arm-none-eabi"):
        compile_program([], "m4", entry="entry", compiler="arm-none-eabi-gcc")
    with pytest.raises(EmulationError, match="apt install gcc-riscv64-unknown-elf"):
        compile_program([], "rv32ec", entry="entry", compiler="riscv64-unknown-elf-gcc")
    with pytest.raises(EmulationError, match="does not compile for m4; use zig or arm-none-eabi-gcc"):
        compile_program([], "m4", entry="entry", compiler="riscv64-unknown-elf-gcc")
    with pytest.raises(EmulationError, match="'gcc' is no compiler"):
        compile_program([], "m4", entry="entry", compiler="gcc")


def test_a_gnu_compiler_gets_the_core_and_its_libraries_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script in the place of the compiler says how it was called."""
    fake = tmp_path / "arm-none-eabi-gcc"
    fake.write_text('#!/bin/sh\necho "$@" >&2\nexit 1\n', encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EmulationError) as caught:
        compile_program([tmp_path / "a.c"], "m4", entry="entry", compiler="arm-none-eabi-gcc", include=[tmp_path])
    said = str(caught.value).split()
    assert {"-mcpu=cortex-m4", "-mthumb", "-O3", f"-I{tmp_path}", "-Wl,-e,entry"} <= set(said)
    assert said.index("-lgcc") > said.index(str(tmp_path / "a.c"))


MEMORY = """
void *memcpy(void *, const void *, unsigned);
void *memmove(void *, const void *, unsigned);
void *memset(void *, int, unsigned);
int memcmp(const void *, const void *, unsigned);
unsigned char text[12] = "abcdefgh";
int order;
void entry(void) {
    memmove(text + 1, text, 4);
    memmove(text + 4, text + 5, 3);
    memset(text + 8, 'z', 2);
    memcpy(text + 10, "q", 1);
    order = memcmp(text, text + 1, 3);
}
"""


def test_the_memory_functions_for_gnu_compilers_move_set_and_compare(tmp_path: Path) -> None:
    source = tmp_path / "program.c"
    source.write_text(MEMORY, encoding="utf-8")
    image = compile_program([source, compiling.MEMORY], "m3", entry="entry", flags=("-O1", "-nostdlib", "-fno-builtin"))
    found = emulate(image.elf, "m3", "entry", symbols=["text", "order"])
    assert found.memory["text"] == b"aabcfghhzzq\0"
    assert int.from_bytes(found.memory["order"], "little", signed=True) < 0


def test_what_a_compiler_says_is_the_message(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match=r"(?s)compiling for m4: the compiler refuses:.*unknown_thing"):
        built(tmp_path, "m4", "void entry(void) { unknown_thing; }", "entry", "c", "-nostdlib")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elf = assembled(tmp_path, "m3", LOOP["arm"]).elf
    monkeypatch.setitem(__import__("sys").modules, "unicorn", None)
    with pytest.raises(EmulationError, match=r"pip install 'nadoo\[emulator\]'"):
        emulate(elf, "m3", "entry")
