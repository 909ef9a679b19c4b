"""Small programs whose instructions can be counted by hand."""

from pathlib import Path

from nadoo_hardware.emulator import Image, compile_program

ARM = ".syntax unified\n.thumb\n"
LOOP = {
    "arm": f"""{ARM}
.text
.global entry
.type entry, %function
.thumb_func
entry:
    push {{r4, lr}}
    movs r4, #10
1:  bl leaf
    subs r4, r4, #1
    bne 1b
    pop {{r4, pc}}
.size entry, . - entry
.type leaf, %function
.thumb_func
leaf:
    ldr r0, =value
    ldr r1, [r0]
    muls r1, r1, r1
    str r1, [r0]
    bx lr
.ltorg
.size leaf, . - leaf
.data
.global value
.type value, %object
.size value, 4
.align 2
value: .word 3
""",
    "riscv": """
.text
.global entry
.type entry, @function
entry:
    addi sp, sp, -8
    sw ra, 0(sp)
    sw s0, 4(sp)
    li s0, 10
1:  jal ra, leaf
    addi s0, s0, -1
    bnez s0, 1b
    lw ra, 0(sp)
    lw s0, 4(sp)
    addi sp, sp, 8
    ret
.size entry, . - entry
.type leaf, @function
leaf:
    lui a0, %hi(value)
    addi a0, a0, %lo(value)
    lw a1, 0(a0)
    add a1, a1, a1
    sw a1, 0(a0)
    ret
.size leaf, . - leaf
.data
.global value
.type value, @object
.size value, 4
.align 2
value: .word 3
""",
}


def assembled(folder: Path, core: str, text: str, entry: str = "entry") -> Image:
    """Hand-written code; nothing of a compiler's library is linked."""
    return built(folder, core, text, entry, "s", "-nostdlib")


def built(folder: Path, core: str, text: str, entry: str = "entry", suffix: str = "c", *flags: str) -> Image:
    """A program from one text."""
    source = folder / f"program.{suffix}"
    source.write_text(text, encoding="utf-8")
    return compile_program([source], core, entry=entry, flags=("-O2", *flags))
