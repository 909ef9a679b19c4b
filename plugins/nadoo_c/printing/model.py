"""model.c and model.h: one function a kernel, and the two that run the model."""

from collections.abc import Iterator, Mapping, Sequence
from string import Template

from attrs import field, frozen

from nadoo_c.kernels import WrittenKernel
from nadoo_c.printing.statements import StatementPrinter, function_lines, helper_lines
from nadoo_graphs.lowered import Buffer, Function, Kernel, Kind, Program
from nadoo_graphs.lowered.program import FLASH
from nadoo_graphs.node import frozen_mapping

INDENT = "    "


@frozen
class Unit:
    """A program that is about to be printed: planned, named, with the kernels that rows have written."""

    program: Program
    name: str
    written: Mapping[str, WrittenKernel] = field(factory=dict[str, WrittenKernel], converter=frozen_mapping)

    @property
    def flash(self) -> tuple[Buffer, ...]:
        """The constants that are printed: those that some kernel reads."""
        used: dict[str, Buffer] = {}
        for kernel in self.program.kernels:
            if kernel.name in self.written:
                used |= {buffer.name: buffer for buffer in self.written[kernel.name].flash.values()}
            for role in self.constant_roles(kernel):
                buffer = self.program.buffer_of(kernel, role)
                used[buffer.name] = buffer
        return tuple(used.values())

    def constant_roles(self, kernel: Kernel) -> list[str]:
        """The roles in flash that the C of a kernel reads."""
        written = self.written.get(kernel.name)
        if written is None:
            return [role for role in kernel.read if self.program.buffer_of(kernel, role).storage == FLASH]
        return [
            role
            for role in kernel.roles
            if self.program.buffer_of(kernel, role).storage == FLASH
            and (written.mentions(role) or written.mentions(self.constant(kernel, role)))
        ]

    def constant(self, kernel: Kernel, role: str) -> str:
        """The name of the array behind a role."""
        return f"{self.name}_{kernel.roles[role].buffer}"

    @property
    def inputs(self) -> tuple[Buffer, ...]:
        """What the caller gives."""
        return tuple(self.program.buffers[name] for name in self.program.inputs)

    @property
    def outputs(self) -> tuple[Buffer, ...]:
        """What the caller gets."""
        return tuple(self.program.buffers[name] for name in self.program.outputs)

    @property
    def word(self) -> Kind:
        """The kind whose alignment the arena has."""
        wide = any(buffer.kind is Kind.I64 for buffer in self.program.buffers.values() if self.is_placed(buffer))
        return Kind.I64 if wide else Kind.I32

    def is_placed(self, buffer: Buffer) -> bool:
        """Whether the arena has room for a buffer, which may be one of the caller's."""
        return buffer.storage == "arena" or buffer.name in self.program.offsets

    @property
    def holds_border(self) -> bool:
        """Whether callers may keep inputs and outputs in the arena."""
        return any(self.is_placed(buffer) for _, buffer, _ in self.parameters())

    def parameters(self) -> list[tuple[str, Buffer, bool]]:
        """The parameters of the model: name, buffer, and whether it is written."""
        given = [(port("in", self.inputs, index), buffer, False) for index, buffer in enumerate(self.inputs)]
        return given + [(port("out", self.outputs, index), buffer, True) for index, buffer in enumerate(self.outputs)]


def port(name: str, buffers: Sequence[Buffer], index: int) -> str:
    """The name of a parameter: numbered only where there are several."""
    return name if len(buffers) == 1 else f"{name}{index}"


def parameter_text(name: str, buffer: Buffer, *, written: bool) -> str:
    """The declaration of a parameter."""
    return f"{buffer.kind.c} *{name}" if written else f"const {buffer.kind.c} *{name}"


def arguments(unit: Unit) -> str:
    """The parameters of the model as C declares them."""
    return ", ".join(parameter_text(name, buffer, written=written) for name, buffer, written in unit.parameters())


def in_comment(words: str) -> str:
    """Words as a comment may hold them: layers have any name, and one such as `*/` would end it."""
    return words.replace("*/", "* /").replace("/*", "/ *").strip()


def shape_text(buffer: Buffer) -> str:
    """A buffer's kind and shape, for comments."""
    shape = " x ".join(map(str, buffer.shape)) or str(buffer.length)
    return f"{buffer.kind.c}[{buffer.length}], {shape}"


HEADER = Template("""\
/* $title */
#ifndef ${guard}_H
#define ${guard}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

$macros

/* Runs the model once on the arena of this file. Gives 0, or 1 if a pointer is null. Not reentrant. */
int ${name}_run($arguments);

/* Runs the model once on an arena of the caller's: ${upper}_ARENA_BYTES bytes on a boundary of $alignment.
   Gives 0, or 1 if a pointer is null or the arena lies on no such boundary. Reentrant. */
int ${name}_run_in(void *arena, $arguments);
$places
#ifdef __cplusplus
}
#endif

#endif
""")


def header_text(unit: Unit) -> str:
    """model.h."""
    upper = unit.name.upper()
    return HEADER.substitute(
        title=f"{unit.name}: generated by nadoo, do not edit",
        guard=upper,
        upper=upper,
        name=unit.name,
        macros="\n".join(macro_lines(unit)),
        arguments=arguments(unit),
        alignment=unit.word.bytes,
        places="\n".join(place_lines(unit)),
    )


def place_lines(unit: Unit) -> Iterator[str]:
    """The functions that say where in the static arena callers may keep inputs and outputs."""
    if not unit.holds_border:
        return
    yield ""
    yield "/* Places in the arena of this file for inputs and outputs: pass them to the first function, and no memory"
    yield "   beside the arena is needed. Inputs are overwritten. In an arena of the caller's they lie at the offsets"
    yield "   above. */"
    for name, buffer, _ in unit.parameters():
        yield f"{buffer.kind.c} *{unit.name}_place_of_{name}(void);"
    yield ""


def macro_lines(unit: Unit) -> Iterator[str]:
    """Sizes and scales of the arena and of everything at the border."""
    upper = unit.name.upper()
    yield f"#define {upper}_ARENA_BYTES {unit.program.arena_bytes}"
    for side, buffers in (("INPUT", unit.inputs), ("OUTPUT", unit.outputs)):
        for index, buffer in enumerate(buffers):
            prefix = f"{upper}_{port(side, buffers, index) if len(buffers) == 1 else f'{side}_{index}'}"
            yield f"/* {side.lower()} {buffer.name}: {shape_text(buffer)} */"
            yield f"#define {prefix}_LENGTH {buffer.length}"
            yield f"typedef {buffer.kind.c} {prefix.lower()}_t;"
            if unit.holds_border:
                yield f"#define {prefix}_OFFSET {unit.program.offsets[buffer.name]}"
            if buffer.scale is not None:
                yield f"/* real value = (code - {prefix}_ZERO_POINT) * {prefix}_SCALE */"
                yield f"#define {prefix}_SCALE {buffer.scale!r}"
                yield f"#define {prefix}_ZERO_POINT ({buffer.zero_point})"


KERNEL = """\
/* A kernel stays a function: profiles show layers, and the frames of all do not add up to one. */
#ifndef NADOO_KERNEL
#if defined(__clang__)
#define NADOO_KERNEL static __attribute__((noinline))
#elif defined(__GNUC__)
#define NADOO_KERNEL static __attribute__((noinline, noclone))
#else
#define NADOO_KERNEL static
#endif
#endif"""


def model_text(unit: Unit) -> str:
    """model.c."""
    kernels, helpers = list[str](), set[str]()
    for kernel in unit.program.kernels:
        kernels += [*kernel_lines(unit, kernel, helpers), ""]
    functions: list[str] = []
    for function in used_functions(unit):
        functions += [*function_lines(function, helpers), ""]
    lines = [
        f"/* {unit.name}: generated by nadoo, do not edit. C99, no library, no allocation.",
        "   Compile with -ffp-contract=off (floats keep their bits) and -fno-strict-aliasing (the arena is shared). */",
        '#include "model.h"',
        "",
        "/* Called after each kernel with its number and what it wrote; define it to trace or to measure. */",
        "#ifndef NADOO_AFTER",
        "#define NADOO_AFTER(kernel, result, bytes)",
        "#endif",
        "",
        KERNEL,
        "",
        *(f"extern const {buffer.kind.c} {unit.name}_{buffer.name}[{buffer.length}];" for buffer in unit.flash),
        "",
        *helper_lines(helpers),
        *functions,
        *row_helpers(unit),
        *kernels,
        *run_lines(unit),
    ]
    return "\n".join(lines) + "\n"


def used_functions(unit: Unit) -> list[Function]:
    """The functions that plain kernels call, in an order in which each is known before it is called."""
    called = {name for kernel in unit.program.kernels if kernel.name not in unit.written for name in kernel.called()}
    called |= {name for written in unit.written.values() for name in written.calls}
    needed = {
        found for name in called if name in unit.program.functions for found in unit.program.functions[name].closure()
    }
    return [function for name, function in unit.program.functions.items() if name in needed]


def row_helpers(unit: Unit) -> Iterator[str]:
    """The helpers of written kernels, each once."""
    found: dict[str, str] = {}
    for written in unit.written.values():
        found |= written.helpers
    for text in found.values():
        yield from (text.rstrip("\n"), "")


def local_roles(unit: Unit, kernel: Kernel) -> list[str]:
    """The roles that become parameters: those that do not lie in flash."""
    if kernel.name in unit.written:
        roles = list(kernel.roles)
    else:
        roles = [role for role in kernel.roles if role in kernel.read or role in kernel.written]
    return [role for role in roles if unit.program.buffer_of(kernel, role).storage != "flash"]


def kernel_lines(unit: Unit, kernel: Kernel, helpers: set[str]) -> Iterator[str]:
    """The function of one kernel."""
    parameters: list[str] = []
    restrict = "" if overlapping(unit, kernel) else "restrict "
    for role in local_roles(unit, kernel):
        buffer = unit.program.buffer_of(kernel, role)
        constant = "" if role in kernel.written else "const "
        parameters.append(f"{constant}{buffer.kind.c} *{restrict}{role}")
    written = unit.written.get(kernel.name)
    if written is not None and written.scratch:
        parameters.append("uint8_t *restrict scratch")
    yield f"/* {in_comment(kernel.comment)} */"
    yield f"NADOO_KERNEL void {kernel.name}({', '.join(parameters)}) {{"
    if written is not None:
        yield from constant_lines(unit, kernel, written)
        yield from (f"{INDENT}{line}" if line.strip() else "" for line in written.body.rstrip("\n").split("\n"))
    else:
        yield from plain_lines(unit, kernel, helpers)
    yield "}"


def constant_lines(unit: Unit, kernel: Kernel, written: WrittenKernel) -> Iterator[str]:
    """The constants of a written kernel as locals under the names that its body knows them by."""
    for role in unit.constant_roles(kernel):
        if written.mentions(role):
            buffer = unit.program.buffer_of(kernel, role)
            yield f"{INDENT}const {buffer.kind.c} *const {role} = {pointer_text(unit, kernel, role)};"
    for name, buffer in written.flash.items():
        if written.mentions(name):
            yield f"{INDENT}const {buffer.kind.c} *const {name} = {unit.name}_{buffer.name};"


def plain_lines(unit: Unit, kernel: Kernel, helpers: set[str]) -> Iterator[str]:
    """The loops of a kernel as C; flash roles are the arrays themselves."""
    names: dict[str, str] = {}
    for role, part in kernel.roles.items():
        if unit.program.buffers[part.buffer].storage == "flash":
            name = f"{unit.name}_{part.buffer}"
            names[role] = name if not part.offset else f"({name} + {part.offset})"
    printer = StatementPrinter(names)
    lines = list(printer.lines(kernel.body))
    helpers |= printer.expressions.helpers
    yield from lines


def overlapping(unit: Unit, kernel: Kernel) -> bool:
    """Whether two parameters share bytes, as in a kernel that works in place."""
    spans: list[tuple[str, int, int]] = []
    for role in local_roles(unit, kernel):
        part, buffer = kernel.roles[role], unit.program.buffer_of(kernel, role)
        home = "arena" if unit.is_placed(buffer) else buffer.name
        start = unit.program.offsets.get(buffer.name, 0) + part.offset * buffer.kind.bytes
        spans.append((home, start, start + part.length * buffer.kind.bytes))
    return any(
        one[0] == two[0] and one[1] < two[2] and two[1] < one[2]
        for index, one in enumerate(spans)
        for two in spans[index + 1 :]
    )


def run_lines(unit: Unit) -> Iterator[str]:
    """The two functions that run the model."""
    yield f"int {unit.name}_run_in(void *arena, {arguments(unit)}) {{"
    yield from guard_lines(unit)
    for index, kernel in enumerate(unit.program.kernels):
        yield f"{INDENT}{kernel.name}({', '.join(call_arguments(unit, kernel))});"
        role = kernel.written[0]
        size = kernel.roles[role].length * unit.program.buffer_of(kernel, role).kind.bytes
        yield f"{INDENT}NADOO_AFTER({index}, {pointer_text(unit, kernel, role)}, {size});"
    yield f"{INDENT}return 0;"
    yield "}"
    yield ""
    yield from static_lines(unit)


def guard_lines(unit: Unit) -> Iterator[str]:
    """What is asked of the pointers before anything runs."""
    pointers = [name for name, _, _ in unit.parameters()]
    if unit.program.arena_bytes:
        yield f"{INDENT}uint8_t *const memory = (uint8_t *)arena;"
        pointers.append("arena")
        yield f"{INDENT}if ((uintptr_t)arena % {unit.word.bytes}u != 0) {{"
        yield f"{INDENT * 2}return 1;"
        yield f"{INDENT}}}"
    else:
        yield f"{INDENT}(void)arena;"
    yield f"{INDENT}if ({' || '.join(f'{pointer} == 0' for pointer in pointers)}) {{"
    yield f"{INDENT * 2}return 1;"
    yield f"{INDENT}}}"


def static_lines(unit: Unit) -> Iterator[str]:
    """The arena of the file, as large as planned, and the function that uses it."""
    size = unit.program.arena_bytes
    if size:
        yield f"static u{unit.word.c} {unit.name}_arena[{-(-size // unit.word.bytes)}];"
        yield ""
    arena = f"{unit.name}_arena" if size else "0"
    yield f"int {unit.name}_run({arguments(unit)}) {{"
    yield f"{INDENT}return {unit.name}_run_in({arena}, {', '.join(name for name, _, _ in unit.parameters())});"
    yield "}"
    for name, buffer, _ in unit.parameters() if unit.holds_border else ():
        yield ""
        yield f"{buffer.kind.c} *{unit.name}_place_of_{name}(void) {{"
        offset = unit.program.offsets[buffer.name]
        yield f"{INDENT}return ({buffer.kind.c} *)(void *)((uint8_t *){arena} + {offset});"
        yield "}"


def call_arguments(unit: Unit, kernel: Kernel) -> Iterator[str]:
    """What a kernel is called with."""
    for role in local_roles(unit, kernel):
        yield pointer_text(unit, kernel, role)
    written = unit.written.get(kernel.name)
    if written is not None and written.scratch:
        yield f"memory + {unit.program.offsets[scratch_name(kernel)]}"


def scratch_name(kernel: Kernel) -> str:
    """The buffer that is a written kernel's scratch."""
    return f"{kernel.name}_scratch"


def pointer_text(unit: Unit, kernel: Kernel, role: str) -> str:
    """Where a role's slice begins."""
    part, buffer = kernel.roles[role], unit.program.buffer_of(kernel, role)
    if buffer.storage == "arena":
        offset = unit.program.offsets[buffer.name] + part.offset * buffer.kind.bytes
        constant = "" if role in kernel.written else "const "
        return f"({constant}{buffer.kind.c} *)(void *)(memory + {offset})"
    if buffer.storage == "flash":
        return f"{unit.name}_{buffer.name} + {part.offset}"
    name = next(name for name, other, _ in unit.parameters() if other.name == buffer.name)
    return f"{name} + {part.offset}" if part.offset else name
