"""Blocks of machine code as instructions with classes, each block looked at once."""

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from nadoo_hardware.emulator.cores import Core
from nadoo_hardware.emulator.errors import failed, tool
from nadoo_hardware.emulator.instructions import Instruction, kind_of

LISTS = ("push", "pop", "ldm", "stm", "vpush", "vpop", "vldm", "vstm")
NARROW = 2
DOUBLES = ("ldrd", "strd")
RANGE = re.compile(r"\b([rsd])(\d+)-[rsd](\d+)")


@frozen
class Disassembler:
    """capstone, told which core it reads."""

    core: Core
    engine: Any

    @classmethod
    def of(cls, core: Core) -> "Disassembler":
        """The disassembler of a core."""
        capstone = tool("capstone")
        if core.architecture == "arm":
            mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
            mode |= capstone.CS_MODE_V8 if core.name == "m33" else 0
            engine = capstone.Cs(capstone.CS_ARCH_ARM, mode)
        else:
            engine = capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC)
        engine.detail = True
        return cls(core, engine)

    def block(self, code: bytes, address: int) -> tuple[Instruction, ...]:
        """All instructions of a block, or an error that says where one cannot be read."""
        found = tuple(self.instruction(one) for one in self.engine.disasm(code, address))
        end = found[-1].address + found[-1].size if found else address
        if end != address + len(code):
            rest = code[end - address :][:4].hex(" ")
            raise failed(f"{end:#x}", f"holds {rest}, which is no instruction of {self.core.title}")
        return found

    def instruction(self, one: Any) -> Instruction:
        """One instruction, refused where the core does not have it."""
        arm = self.core.architecture == "arm"
        always = 14 if arm else 0
        conditional = arm and one.cc not in (0, always, always + 1)
        name = one.insn_name() if arm else one.mnemonic.removeprefix("c.")
        text = f"{one.mnemonic} {one.op_str}".strip()
        self.require(name, one.op_str, text, one.address)
        self.require_width(name, one.size, text, one.address)
        kind = kind_of(self.core.architecture, name, one.op_str, conditional=conditional)
        moved = transfers(name, one.op_str) if arm else 1
        return Instruction(one.address, one.size, text, kind, moved)

    def require(self, name: str, operands: str, text: str, address: int) -> None:
        """Refuse what the emulator would run and the core would not."""
        patterns: Mapping[str, tuple[str | None, str]] = {
            "register": (self.core.refused_registers, operands),
            "instruction": (self.core.refused_instructions, name),
        }
        for what, (pattern, given) in patterns.items():
            found = re.search(pattern, given) if pattern else None
            if found:
                message = f"{text!r} uses the {what} {found.group()}, which {self.core.title} does not have"
                raise failed(f"{address:#x}", f"{message}; compile for this core")

    def require_width(self, name: str, size: int, text: str, address: int) -> None:
        """Refuse instructions of 32 bits on a core that has but a few of them."""
        known = self.core.wide_instructions
        if known and size > NARROW and not re.search(known, name):
            message = f"{text!r} is an instruction of 32 bits that {self.core.title} does not have"
            raise failed(f"{address:#x}", f"{message}; compile for this core")


def transfers(name: str, operands: str) -> int:
    """How many words an instruction of Arm moves."""
    if name in DOUBLES:
        return 2
    if not name.startswith(LISTS) or "{" not in operands:
        return 1
    listed = operands[operands.index("{") :]
    spans = sum(int(last) - int(first) for _, first, last in RANGE.findall(listed))
    return listed.count(",") + 1 + spans
