"""Which class an instruction belongs to, from its mnemonic: the classes of device files, and the fewer of reports."""

import re
from collections.abc import Mapping

from attrs import frozen

CLASSES = (
    "load", "store", "alu", "multiply", "divide", "branch_taken", "branch_not_taken", "call", "other",
)  # fmt: skip
COARSE: Mapping[str, str] = {
    "shift": "alu",
    "simd": "alu",
    "multiply_long": "multiply",
    "multiply_high": "multiply",
    "jump": "branch_taken",
    "return": "branch_taken",
    "float": "other",
    "float_multiply": "other",
    "float_divide": "other",
}
CONDITIONAL = "conditional"
"""A branch of which only the run says whether it is taken."""

ARM = (
    ("call", r"blx?"),
    (CONDITIONAL, r"cbn?z"),
    ("jump", r"bx|b|tb[bh]"),
    ("load", r"ldr\w*|ldm\w*|pop|vldr|vldm\w*|vpop"),
    ("store", r"str\w*|stm\w*|push|vstr|vstm\w*|vpush"),
    ("divide", r"[us]div"),
    ("multiply_long", r"[us]mull|[us]mlal\w*|umaal|smlsld\w*"),
    ("multiply_high", r"smm(ul|la|ls)r?"),
    ("multiply", r"muls?|mla|mls|smul\w*|smla\w*|smua\w*|smus\w*|smls\w*"),
    ("simd", r"[us]?[qh]?(add|sub|asx|sax)(8|16)|[qu]asx|[qu]sax|usada?8|sel|pkh(bt|tb)|[us]xta?b16|[us]sat16"),
    ("float_divide", r"vdiv|vsqrt"),
    ("float_multiply", r"vn?mul|vf?n?m[la][as]?|vfn?m[as]"),
    ("float", r"v\w+"),
    ("shift", r"(lsl|lsr|asr|ror|rrx)s?"),
    ("other", r"it\w*|nop\w*|bkpt|svc|cps\w*|dmb|dsb|isb|m[rs][sr]|wf[ei]|sev|yield|udf|hint|pld\w*"),
)
RISCV = (
    ("call", r"jal|jalr"),
    (CONDITIONAL, r"b(eq|ne|lt|ge|gt|le)(u|z)?"),
    ("return", r"ret"),
    ("jump", r"j|jr"),
    ("load", r"l(b|h|w|bu|hu|wsp)|fl[wd](sp)?|lr\.w"),
    ("store", r"s(b|h|w|wsp)|fs[wd](sp)?|sc\.w"),
    ("multiply_high", r"mulh(u|su)?"),
    ("multiply", r"mul"),
    ("divide", r"(div|rem)u?"),
    ("shift", r"s(ll|rl|ra)i?(64)?"),
    ("other", r"nop|unimp|ecall|ebreak|fence\S*|csr\w+|rd\w+|[msu]ret|wfi"),
    ("float_divide", r"f(div|sqrt)\S*"),
    ("float_multiply", r"f(mul|n?madd|n?msub)\S*"),
    ("float", r"f\S+"),
)
TABLES = {
    "arm": tuple((name, re.compile(rf"(?:{pattern})")) for name, pattern in ARM),
    "riscv": tuple((name, re.compile(rf"(?:{pattern})")) for name, pattern in RISCV),
}


@frozen
class Instruction:
    """One instruction as it counts."""

    address: int
    size: int
    text: str
    kind: str
    """A class of device files, or "conditional"."""
    transfers: int = 1
    """Words that it moves: those of a list of registers are more than one."""


def kind_of(architecture: str, name: str, operands: str, *, conditional: bool) -> str:
    """The class of one instruction; everything that no pattern names is arithmetic."""
    found = next((kind for kind, pattern in TABLES[architecture] if pattern.fullmatch(name)), "alu")
    if architecture == "arm":
        return arm_kind(found, name, operands, conditional=conditional)
    return riscv_kind(found, name, operands)


def arm_kind(found: str, name: str, operands: str, *, conditional: bool) -> str:
    """Branches by condition, and returns by what they branch to."""
    leaves = found == "jump" or (found == "load" and re.search(r"\bpc\b(?![^\[]*\])", operands) is not None)
    if name == "mov" and operands.startswith("pc,"):
        leaves = True
    if not leaves:
        return found
    if conditional:
        return CONDITIONAL
    return "return" if found == "load" or (name == "bx" and operands == "lr") else "jump"


def riscv_kind(found: str, name: str, operands: str) -> str:
    """Calls keep where to return to; the same instructions without that are jumps."""
    registers = [part.strip() for part in operands.split(",")]
    if name == "jr" and registers[0] == "ra":
        return "return"
    if name in {"jal", "jalr"} and registers[0] in {"zero", "x0"}:
        return "return" if name == "jalr" and "ra" in operands else "jump"
    return found
