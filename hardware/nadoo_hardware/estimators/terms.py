"""Terms: the work of a graph under the names that calibrated costs have coefficients for."""

from collections import Counter
from collections.abc import Mapping, Sequence

from nadoo_core.cost.terms import (
    BYTES,
    CALLS,
    CALLS_OF,
    ELEMENTS,
    GATHERED,
    KERNELS,
    MATMUL,
    NORM,
    OTHER,
    PROGRAM,
    VIEWS,
    WEIGHTS,
)
from nadoo_graphs.counting import BORDER
from nadoo_hardware.estimators.work import GraphWork, NodeWork

GENERIC = (ELEMENTS, BYTES, CALLS)
"""The terms beside multiply-accumulates that a fit has unless it is told others."""
BY_KIND = (ELEMENTS, BYTES, VIEWS, GATHERED, f"{WEIGHTS}.conv", *CALLS_OF)
"""The terms of a fit that tells the calls of each kind apart, which takes measurements of many networks."""


def mac_terms(node: NodeWork) -> tuple[str, ...]:
    """The names that the multiply-accumulates of a node go by, the most telling one first."""
    name = f"{node.kind}.{node.weights}"
    return (name,) if node.activations == node.weights else (f"{name}.{node.activations}", name)


def node_terms(node: NodeWork) -> dict[str, float]:
    """All that a node does beside multiplying."""
    if node.moves_only:
        return {} if node.op in BORDER else {VIEWS: 1.0}
    elements = 0.0 if node.macs else float(node.elementary)
    moved = float(node.weight_bytes + node.value_bytes)
    counted = {ELEMENTS: elements, BYTES: moved, CALLS: 1.0, f"{CALLS}.{called_kind(node)}": 1.0}
    return {**counted, GATHERED: float(node.gathered), f"{WEIGHTS}.{node.kind}": float(node.weight_bytes)}


def called_kind(node: NodeWork) -> str:
    """The kind of a node by what calling it costs."""
    if node.kind != OTHER:
        return node.kind
    if node.op.endswith(f"_{NORM}"):
        return NORM
    return MATMUL if node.macs else OTHER


def latency_terms(work: GraphWork, generic: Sequence[str] = GENERIC, *, apart: bool = False) -> dict[str, float]:
    """What takes the time of a graph: multiply-accumulates by kind and precision, and the generic terms asked for.

    `apart` tells layers by the precision of their activations too.
    """
    found: Counter[str] = Counter()
    for node in work.nodes:
        if node.macs:
            found[mac_terms(node)[0 if apart else -1]] += node.macs
        terms = node_terms(node)
        found.update({name: terms[name] for name in generic if terms.get(name)})
    return {name: float(many) for name, many in found.items()}


def node_time(node: NodeWork, coefficients: Mapping[str, float]) -> float | None:
    """What a node takes by a calibration; None where its multiply-accumulates have no coefficient."""
    names = mac_terms(node) if node.macs else ()
    name = next((name for name in names if name in coefficients), None)
    if names and name is None:
        return None
    spent = node.macs * coefficients[name] if name is not None else 0.0
    return spent + sum(coefficients.get(term, 0.0) * many for term, many in node_terms(node).items())


def code_terms(nodes: Sequence[NodeWork]) -> dict[str, float]:
    """What the code of a program is made of: itself, each distinct kernel once, and each call."""
    calls = [node for node in nodes if not node.moves_only]
    kernels = {(node.op, node.weights, node.activations) for node in calls}
    return {PROGRAM: 1.0, KERNELS: float(len(kernels)), CALLS: float(len(calls))}
