"""The work of a lowered program under the names that calibrated costs have coefficients for."""

from collections import Counter

from nadoo_core.cost.terms import LAYERS
from nadoo_graphs.lowered import Kernel, Program
from nadoo_graphs.lowered.executing import executed
from nadoo_graphs.lowered.expressions import Call, Expression, Load, Operation
from nadoo_graphs.lowered.statements import For, If, Statement, all_parts, walk

PREFIXES = ("quantized_", "computed_", "encoded_")
FLOAT, BYTE = "float32", "int8"
RESCALE = "nadoo_scale"
"""How the names of functions begin that rescale accumulators."""
WIDE = ("f64", "i64")
SELECT = ("min.i32", "max.i32", "select.i32")
MEMORY = ("load", "store")
PER_MAC = 2
"""The operations of a multiply-accumulate in float32."""


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
    """What the code of a program is made of."""
    found: Counter[str] = Counter({"program": 1, "kernels": len(program.kernels)})
    for kernel in program.kernels:
        found.update(statement_terms(kernel.body))
    found["floats"] = int(any(layer_kind(kernel) and kernel.format in ("", FLOAT) for kernel in program.kernels))
    return {name: float(many) for name, many in found.items() if many}


def statement_terms(body: tuple[Statement, ...]) -> Counter[str]:
    """The statements and expressions of a body, each once."""
    statements, expressions = list(walk(body)), list(all_parts(body))
    called = [part.function for part in expressions if isinstance(part, Call)]
    rescaled = sum(name.startswith(RESCALE) for name in called)
    return Counter(
        loops=sum(isinstance(item, For) for item in statements),
        conditions=sum(isinstance(item, If) for item in statements),
        operations=sum(is_work(part) for part in expressions),
        calls=len(called) - rescaled,
        rescale=rescaled,
    )


def is_work(expression: Expression) -> bool:
    """Whether an expression is an instruction or more."""
    return isinstance(expression, Operation | Load)
