"""The work of a lowered program under the names that calibrated costs have coefficients for."""

from collections import Counter

from nadoo_core.cost.terms import LAYERS
from nadoo_graphs.lowered import Kernel, Program
from nadoo_graphs.lowered.executing import executed
from nadoo_hardware.estimators.unrolled import RESCALE, unrolled

PREFIXES = ("quantized_", "computed_", "encoded_")
FLOAT, BYTE = "float32", "int8"
WIDE = ("f64", "i64")
SELECT = ("min.i32", "max.i32", "select.i32")
MEMORY = ("load", "store")
PER_MAC = 2
"""The operations of a multiply-accumulate in float32."""
LISTED_OPERATOR = "quantized_linear"
LISTED_BITS = {
    **dict.fromkeys(("4bitsym", "4bit", "4bitoffset", "int4", "uint4", "dorefa4"), 4),
    **dict.fromkeys(("2bitsym", "int2", "uint2", "dorefa2"), 2),
}
"""The formats of linear layers whose kernels list the inputs that are not zero, and the bits of a weight."""
LISTED_GROUP, MOST_LISTED, FEWEST_LISTED, START_BYTES = 8, 1024, 4, 4
"""The outputs that such a kernel computes together, its most inputs, its fewest outputs, and what a sum begins with."""
LIBRARIES = {
    "library.wide": ("wide", "listed.wide"),
    "library.floats": ("float_operations", "float_compares"),
    "library.divisions": ("float_divisions",),
}
"""Functions of the compiler that come once with what needs them, where the core has no instruction for it."""


def layer_kind(kernel: Kernel) -> str | None:
    """Which sort of layer a kernel is; None for what multiplies no weights."""
    operator = kernel.operator
    for prefix in PREFIXES:
        operator = operator.removeprefix(prefix)
    return next((kind for kind in LAYERS if operator.startswith(kind)), None)


def executed_terms(kernel: Kernel) -> dict[str, float]:
    """What a kernel executes."""
    counts, kind = executed(kernel), layer_kind(kernel)
    form = kernel.format or FLOAT
    macs = 0.0 if kind is None else counts.get("mul.f32" if form == FLOAT else "mul.i32", 0.0)
    called = {name: many for name, many in counts.items() if name.startswith("call.")}
    rescaled = sum(many for name, many in called.items() if name.startswith(f"call.{RESCALE}"))
    floats = sum(many for name, many in counts.items() if name.endswith(".f32") and not name.startswith(MEMORY))
    found = {
        "floats": max(0.0, floats - (PER_MAC * macs if form == FLOAT else 0.0)),
        "wide": sum(many for name, many in counts.items() if name.endswith(WIDE) and not name.startswith(MEMORY)),
        "rescale": rescaled,
        "functions": sum(called.values()) - rescaled,
        "turns": counts.get("turns.outer", 0.0) + (counts.get("turns.inner", 0.0) if kind is None else 0.0),
        "starts": counts.get("loops", 0.0),
        "compare": counts.get("compare", 0.0),
        "select": sum(counts.get(name, 0.0) for name in SELECT),
        "kernels": 1.0,
    }
    if kind is not None:
        found[f"{kind}.{form}"] = macs
        found["inputs"] = listed_inputs(kernel) if kind == "linear" and form not in (FLOAT, BYTE) else 0.0
    return {name: float(many) for name, many in found.items() if many}


def listed_inputs(kernel: Kernel) -> float:
    """The inputs of a linear layer, which kernels that skip zeros look through."""
    return float(kernel.attributes.get("features", 0)) * float(kernel.attributes.get("rows", 1))


def printed_terms(program: Program) -> dict[str, float]:
    """What the code of a program is made of: what is left of each kernel, and the functions that come with it once."""
    parts = [listed_terms(kernel) if is_listed(kernel) else unrolled(kernel) for kernel in program.kernels]
    found: Counter[str] = Counter({"kernels": len(parts), **entry_terms(program)})
    for part in parts:
        found.update(part)
    for name, work in LIBRARIES.items():
        found[name] = int(any(part.get(other) for part in parts for other in work))
    return {name: float(many) for name, many in found.items() if many}


def kernel_terms(kernel: Kernel) -> dict[str, float]:
    """What the function of a kernel is made of by itself."""
    found = listed_terms(kernel) if is_listed(kernel) else unrolled(kernel)
    return {"kernels": 1.0, **{name: float(many) for name, many in found.items() if many and name != "listed.bytes"}}


def entry_terms(program: Program) -> dict[str, float]:
    """What the function that runs all kernels is made of."""
    return {"program": 1.0, "runs": float(len(program.kernels))}


def is_listed(kernel: Kernel) -> bool:
    """Whether kernels that skip zeros are written for a layer, which are no plain loops."""
    facts = kernel.attributes
    if "features" not in facts or kernel.operator != LISTED_OPERATOR or kernel.format not in LISTED_BITS:
        return False
    return facts["features"] <= MOST_LISTED and facts["outputs"] >= FEWEST_LISTED


def listed_terms(kernel: Kernel) -> Counter[str]:
    """What a kernel that skips zeros takes; its weights are those of whole groups of outputs."""
    facts, plain = kernel.attributes, unrolled(kernel)
    outputs = int(facts["outputs"])
    padded = (-outputs % LISTED_GROUP) * int(facts["features"]) * LISTED_BITS[kernel.format] // 8
    return Counter(
        {
            "listed": 1,
            "listed.wide": int("wide" in plain),
            "rescale": int("rescale" in plain),
            "listed.bytes": padded + START_BYTES * outputs,
        }
    )
