"""Terms: the names of the work that a calibrated cost is a sum of, so that a misspelt one is refused."""

from collections.abc import Mapping
from typing import get_args

from nadoo_core.cost.device import Kind
from nadoo_core.options import did_you_mean

KINDS: tuple[str, ...] = get_args(Kind)
ELEMENTS, BYTES, VIEWS, CALLS, PROGRAM, KERNELS = "elements", "bytes", "views", "calls", "program", "kernels"
MATMUL, NORM, OTHER = "matmul", "norm", "other"
"""Parts of what is other: what multiplies without weights, such as attention, and what scales by statistics."""
GATHERED, WEIGHTS = "gathered", "weights"
WEIGHTS_OF = tuple(f"{WEIGHTS}.{kind}" for kind in KINDS)
CALLS_OF = tuple(f"{CALLS}.{kind}" for kind in (*KINDS, MATMUL, NORM))
LATENCY_TERMS: Mapping[str, str] = {
    "KIND.PRECISION": f"multiply-accumulates of one kind ({', '.join(KINDS)}) at a precision, such as conv.int8",
    "KIND.PRECISION.ACTIVATIONS": "the same, where activations have another precision than weights",
    ELEMENTS: "elementary operations of what is no layer, such as one for each element of a relu",
    BYTES: "bytes of weights and values that are read and written",
    f"{WEIGHTS}.KIND": "bytes of weights of one kind, as a machine takes that puts them in another order first",
    GATHERED: "elements that the windows of convolutions gather for one output channel",
    CALLS: "operators that are executed, without views",
    f"{CALLS}.KIND": f"operators of a kind; {MATMUL} multiplies values, {NORM} scales by statistics, {OTHER} neither",
    VIEWS: "operators that only look at a value in another shape",
}
CODE_TERMS: Mapping[str, str] = {
    PROGRAM: "what every program has: start and border",
    KERNELS: "distinct operators with their precisions",
    CALLS: "operators that are executed",
}
LAYERS = ("conv", "linear")
EXECUTED_TERMS: Mapping[str, str] = {
    "conv.FORMAT": "multiply-accumulates of convolutions with weights of a format, margins left out: conv.int8",
    "linear.FORMAT": "the same of linear layers",
    "inputs": "inputs of linear layers with weights below 8 bits",
    "floats": "operations in float32 beside multiply-accumulates",
    "wide": "operations on 64 bits",
    "rescale": "accumulators that are rescaled to codes",
    "functions": "other functions that are called, such as exp",
    "turns": "turns of loops, those within layers left out",
    "starts": "loops that begin",
    "compare": "comparisons at margins",
    "select": "smaller or larger ones of two integers",
    "kernels": "kernels",
}
"""What the loops of a lowered program execute."""
PRINTED_TERMS: Mapping[str, str] = {
    "program": "what every program has",
    "runs": "places where kernels are run",
    "kernels": "kernels, each a function",
    "loops": "loops that are left",
    "conditions": "conditions on integers that are not known before",
    "loads": "elements that are read",
    "stores": "elements that are written",
    "addresses": "addresses that are computed",
    "sums": "additions and subtractions",
    "products": "multiplications of integers",
    "divisions": "divisions of integers and remainders",
    "bits": "shifts and operations on bits",
    "selects": "smaller or larger ones of two integers",
    "wide": "operations on 64 bits",
    "rescale": "places where accumulators are rescaled to codes",
    "calls": "places where other functions are called",
    "float_operations": "operations in float32",
    "float_compares": "comparisons, choices and conversions in float32",
    "float_divisions": "divisions in float32",
    "copied.loads": "elements that are read in copies of the bodies of loops",
    "copied.stores": "elements that are written in copies",
    "copied.sums": "additions and subtractions in copies",
    "copied.products": "multiplications of integers in copies",
    "copied.bits": "shifts and operations on bits in copies",
    "copied.float_operations": "operations in float32 in copies",
    "copied.others": "anything else in copies",
    "listed": "kernels that skip zeros",
    "listed.wide": "those of them that give floats",
    "listed.bytes": "bytes by which their constants are more than packed weights",
    "library.wide": "1 where functions for 64 bits are linked",
    "library.floats": "1 where functions for float32 are linked",
    "library.divisions": "1 where a function that divides float32 is linked",
}
"""What the code of a lowered program is made of once loops are unrolled and equal values computed once."""
PLAIN = (ELEMENTS, BYTES, VIEWS, GATHERED, CALLS, *CALLS_OF, *WEIGHTS_OF)
MOST_PARTS = 3


def latency_problem(name: str) -> str | None:
    """Why a name is no work that takes time; None for one that is."""
    kind, _, precision = name.partition(".")
    if name in PLAIN:
        return None
    if kind in KINDS and precision and name.count(".") < MOST_PARTS and all(name.split(".")):
        return None
    known = (*PLAIN, *(f"{kind}.int8" for kind in KINDS))
    return f"is no work of a model; {did_you_mean(name, known)}"


def code_problem(name: str) -> str | None:
    """Why a name is nothing that code is made of; None for one that is."""
    return None if name in CODE_TERMS else f"is no part of a program; {did_you_mean(name, CODE_TERMS)}"


def executed_problem(name: str) -> str | None:
    """Why a name is nothing that a lowered program executes; None for one that is."""
    kind, _, precision = name.partition(".")
    if name in EXECUTED_TERMS or (kind in LAYERS and precision and "." not in precision):
        return None
    known = (*(term for term in EXECUTED_TERMS if "." not in term), *(f"{kind}.int8" for kind in LAYERS))
    return f"is nothing that a program executes; {did_you_mean(name, known)}"


def printed_problem(name: str) -> str | None:
    """Why a name is nothing that a lowered program is made of; None for one that is."""
    return None if name in PRINTED_TERMS else f"is no part of a program; {did_you_mean(name, PRINTED_TERMS)}"


PROBLEMS = {
    "latency": latency_problem,
    "code": code_problem,
    "executed": executed_problem,
    "printed": printed_problem,
}
"""What is wrong with the name of a coefficient, by the calibrated cost that has it."""
