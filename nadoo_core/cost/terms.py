"""Terms: the names of the work that a calibrated cost is a sum of, so that a misspelt one is refused."""

from collections.abc import Mapping
from typing import get_args

from nadoo_core.cost.device import Kind
from nadoo_core.options import did_you_mean

KINDS: tuple[str, ...] = get_args(Kind)
ELEMENTS, BYTES, VIEWS, CALLS, PROGRAM, KERNELS = "elements", "bytes", "views", "calls", "program", "kernels"
MATMUL, NORM, OTHER = "matmul", "norm", "other"
"""Parts of what is other: what multiplies without weights, such as attention, and what scales by statistics."""
CALLS_OF = tuple(f"{CALLS}.{kind}" for kind in (*KINDS, MATMUL, NORM))
LATENCY_TERMS: Mapping[str, str] = {
    "KIND.PRECISION": f"multiply-accumulates of one kind ({', '.join(KINDS)}) at a precision, such as conv.int8",
    "KIND.PRECISION.ACTIVATIONS": "the same, where activations have another precision than weights",
    ELEMENTS: "elementary operations of what is no layer, such as one for each element of a relu",
    BYTES: "bytes of weights and values that are read and written",
    CALLS: "operators that are executed, without views",
    f"{CALLS}.KIND": f"operators of a kind; {MATMUL} multiplies values, {NORM} scales by statistics, {OTHER} neither",
    VIEWS: "operators that only look at a value in another shape",
}
CODE_TERMS: Mapping[str, str] = {
    PROGRAM: "what every program has: start and border",
    KERNELS: "distinct operators with their precisions",
    CALLS: "operators that are executed",
}
MOST_PARTS = 3


def latency_problem(name: str) -> str | None:
    """Why a name is no work that takes time; None for one that is."""
    kind, _, precision = name.partition(".")
    if name in (ELEMENTS, BYTES, VIEWS, CALLS, *CALLS_OF):
        return None
    if kind in KINDS and precision and name.count(".") < MOST_PARTS and all(name.split(".")):
        return None
    known = (ELEMENTS, BYTES, VIEWS, CALLS, *CALLS_OF, *(f"{kind}.int8" for kind in KINDS))
    return f"is no work of a model; {did_you_mean(name, known)}"


def code_problem(name: str) -> str | None:
    """Why a name is nothing that code is made of; None for one that is."""
    return None if name in CODE_TERMS else f"is no part of a program; {did_you_mean(name, CODE_TERMS)}"
