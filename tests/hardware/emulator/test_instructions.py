"""The class of instructions, one by one."""

import pytest

from nadoo_core.cost.device import Device
from nadoo_hardware.emulator.cycles import cycles_of, line_bytes
from nadoo_hardware.emulator.disassembly import transfers
from nadoo_hardware.emulator.instructions import CLASSES, COARSE, kind_of


@pytest.mark.parametrize(
    ("architecture", "name", "operands", "kind"),
    [
        ("arm", "ldrsb", "r0, [r1]", "load"),
        ("arm", "ldr", "r0, [pc, #4]", "load"),
        ("arm", "ldr", "pc, [r0]", "return"),
        ("arm", "pop", "{r4, pc}", "return"),
        ("arm", "pop", "{r4, r5}", "load"),
        ("arm", "strd", "r0, r1, [sp]", "store"),
        ("arm", "smlad", "r0, r1, r2, r3", "multiply"),
        ("arm", "smull", "r0, r1, r2, r3", "multiply_long"),
        ("arm", "smmla", "r0, r1, r2, r3", "multiply_high"),
        ("arm", "udiv", "r0, r1, r2", "divide"),
        ("arm", "uadd8", "r0, r1, r2", "simd"),
        ("arm", "sub", "r0, r1, r2", "alu"),
        ("arm", "lsl", "r0, r1, #2", "shift"),
        ("arm", "vmla", "s0, s1, s2", "float_multiply"),
        ("arm", "vldr", "s0, [r0]", "load"),
        ("arm", "vdiv", "s0, s1, s2", "float_divide"),
        ("arm", "vcvt", "s0, s0", "float"),
        ("arm", "bx", "lr", "return"),
        ("arm", "bx", "r3", "jump"),
        ("arm", "bl", "#16", "call"),
        ("arm", "bic", "r0, r1, r2", "alu"),
        ("arm", "cbnz", "r0, #16", "conditional"),
        ("riscv", "lbu", "a0, 0(a1)", "load"),
        ("riscv", "lui", "a0, 1", "alu"),
        ("riscv", "swsp", "ra, 4(sp)", "store"),
        ("riscv", "sub", "a0, a0, a1", "alu"),
        ("riscv", "srai", "a0, a0, 1", "shift"),
        ("riscv", "mulhu", "a0, a0, a1", "multiply_high"),
        ("riscv", "remu", "a0, a0, a1", "divide"),
        ("riscv", "bgeu", "a0, a1, 8", "conditional"),
        ("riscv", "jr", "ra", "return"),
        ("riscv", "jr", "a5", "jump"),
        ("riscv", "jal", "16", "call"),
        ("riscv", "jal", "zero, 16", "jump"),
        ("riscv", "ebreak", "", "other"),
    ],
)
def test_each_instruction_has_its_class(architecture: str, name: str, operands: str, kind: str) -> None:
    assert kind_of(architecture, name, operands, conditional=False) == kind


def test_a_branch_with_a_condition_waits_for_the_run() -> None:
    assert kind_of("arm", "b", "#8", conditional=True) == "conditional"
    assert kind_of("arm", "pop", "{pc}", conditional=True) == "conditional"
    assert kind_of("arm", "ldr", "r0, [r1]", conditional=True) == "load"


def test_finer_classes_belong_to_coarser_ones() -> None:
    assert set(COARSE.values()) <= set(CLASSES)
    assert not set(COARSE) & set(CLASSES)


@pytest.mark.parametrize(
    ("name", "operands", "words"),
    [
        ("push", "{r4, r5, lr}", 3),
        ("ldm", "r0!, {r1-r4}", 4),
        ("vpop", "{d8-d10}", 3),
        ("ldrd", "r0, r1, [r2]", 2),
        ("ldr", "r0, [r1]", 1),
    ],
)
def test_lists_move_many_words(name: str, operands: str, words: int) -> None:
    assert transfers(name, operands) == words


def test_cycles_are_unknown_with_a_reason() -> None:
    assert cycles_of({"alu": 1}, 0, 1, None).unknown == "unknown because no device was named"
    device = Device.from_mapping({"name": "mine", "placement": "flash", "cycles": {"alu": 1}})
    assert "does not say its wait states" in cycles_of({"alu": 1}, 0, 1, device).unknown
    assert line_bytes(device) == 4
