"""The program around an exported model on this machine: it reads samples from files and guards the arena."""

from string import Template

from nadoo_c.printing.model import Unit

DRIVER = Template("""\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

enum { GUARD = 64, PATTERN = 0xA5 };
static int traced;
static FILE *trace;

void nadoo_after(int kernel, const void *result, unsigned long bytes) {
    if (kernel == traced && trace) {
        fwrite(result, 1, bytes, trace);
    }
}

static FILE *opened(const char *folder, const char *name, const char *mode) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, mode);
}

static unsigned char *guarded(size_t bytes) {
    unsigned char *memory = (unsigned char *)malloc(bytes + 2 * GUARD);
    if (memory) {
        memset(memory, PATTERN, bytes + 2 * GUARD);
    }
    return memory;
}

static int broken(const unsigned char *memory, size_t bytes) {
    for (size_t i = 0; i < GUARD; i++) {
        if (memory[i] != PATTERN || memory[GUARD + bytes + i] != PATTERN) {
            return 1;
        }
    }
    return 0;
}

int main(int count, char **words) {
    if (count < 4) {
        return 2;
    }
    const long samples = atol(words[2]);
    traced = atoi(words[3]);
    trace = traced >= 0 ? opened(words[1], "trace", "wb") : 0;
$open
    unsigned char *arena = guarded(${upper}_ARENA_BYTES);
    if (!arena) {
        return 3;
    }
    for (long sample = 0; sample < samples; sample++) {
$read
        if (${name}_run_in(arena + GUARD, $arguments) != 0) {
            fputs("the model refuses its pointers\\n", stderr);
            return 4;
        }
        if (broken(arena, ${upper}_ARENA_BYTES)$broken) {
            fputs("the model wrote beside its arena or an array of the caller's\\n", stderr);
            return 5;
        }
$write$inside
        if (sample == 0) {
$again
        }
    }
$close
    free(arena);
    if (trace) {
        fclose(trace);
    }
    return 0;
}
""")


def driver_text(unit: Unit) -> str:
    """The driver of one model."""
    upper, pad = unit.name.upper(), "    "
    opens, reads, writes, again = list[str](), list[str](), list[str](), list[str]()
    broken, names, closes = list[str](), list[str](), list[str]()
    for index, (name, buffer, written) in enumerate(unit.parameters()):
        number = index - len(unit.inputs) if written else index
        file, mode = (f"out{number}", "wb") if written else (f"in{number}", "rb")
        size = f"{buffer.length} * sizeof({buffer.kind.c})"
        opens.append(f'{pad}FILE *file_{name} = opened(words[1], "{file}", "{mode}");')
        opens.append(f"{pad}unsigned char *{name} = guarded({size});")
        opens.append(f"{pad}if (!file_{name} || !{name}) {{ return 3; }}")
        closes += [f"{pad}fclose(file_{name});", f"{pad}free({name});"]
        broken.append(f" || broken({name}, {size})")
        names.append(f"({'' if written else 'const '}{buffer.kind.c} *)(void *)({name} + GUARD)")
        if written:
            writes.append(f"{pad * 2}fwrite({name} + GUARD, 1, {size}, file_{name});")
            again.append(f"{pad * 3}unsigned char *again_{name} = guarded({size});")
            again.append(f"{pad * 3}if (!again_{name}) {{ return 3; }}")
        else:
            reads.append(f"{pad * 2}if (fread({name} + GUARD, 1, {size}, file_{name}) != {size}) {{ return 3; }}")
    again += static_call(unit, pad * 3)
    inside = "\n" + "\n".join(inside_lines(unit, pad * 2)) if unit.holds_border else ""
    return DRIVER.substitute(
        name=unit.name, upper=upper, open="\n".join(opens), read="\n".join(reads), write="\n".join(writes),
        again="\n".join(again), close="\n".join(closes), broken="".join(broken), arguments=", ".join(names),
        inside=inside,
    )  # fmt: skip


def static_call(unit: Unit, pad: str) -> list[str]:
    """The same sample on the static arena, which must give the same."""
    arguments, lines = list[str](), [f"{pad}const int before = traced;", f"{pad}traced = -1;"]
    for name, buffer, written in unit.parameters():
        source = f"again_{name}" if written else name
        arguments.append(f"({'' if written else 'const '}{buffer.kind.c} *)(void *)({source} + GUARD)")
    lines.append(f"{pad}if ({unit.name}_run({', '.join(arguments)}) != 0) {{ return 4; }}")
    for name, buffer, written in unit.parameters():
        if written:
            size = f"{buffer.length} * sizeof({buffer.kind.c})"
            lines.append(f"{pad}if (memcmp({name} + GUARD, again_{name} + GUARD, {size}) != 0) {{")
            lines.append(f'{pad}    fputs("the static arena gives another result\\n", stderr);')
            lines.append(f"{pad}    return 6;")
            lines.append(f"{pad}}}")
            lines.append(f"{pad}free(again_{name});")
    return [*lines, f"{pad}traced = before;"]


def inside_lines(unit: Unit, pad: str) -> list[str]:
    """The same sample with inputs and outputs in the arena, which must give the same."""
    arguments, before, after = list[str](), list[str](), list[str]()
    for name, buffer, written in unit.parameters():
        place = f"(arena + GUARD + {unit.program.offsets[buffer.name]})"
        size = f"{buffer.length} * sizeof({buffer.kind.c})"
        arguments.append(f"({'' if written else 'const '}{buffer.kind.c} *)(void *){place}")
        if written:
            after.append(f"{pad}if (memcmp({place}, {name} + GUARD, {size}) != 0) {{")
            after.append(f'{pad}    fputs("inputs and outputs in the arena give another result\\n", stderr);')
            after.append(f"{pad}    return 7;")
            after.append(f"{pad}}}")
        else:
            before.append(f"{pad}memcpy({place}, {name} + GUARD, {size});")
    run = f"{unit.name}_run_in(arena + GUARD, {', '.join(arguments)})"
    held = [f"{pad}const int kept = traced;", f"{pad}traced = -1;"]
    return [*before, *held, f"{pad}if ({run} != 0) {{ return 4; }}", *after, f"{pad}traced = kept;"]
