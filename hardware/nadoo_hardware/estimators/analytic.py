"""The analytic estimator: all five costs from counted work, planned memory and the facts of the device."""

from collections.abc import Mapping, Sequence

from nadoo_core.cost import Cost, CostNumber, Coverage, Device, NodeCost
from nadoo_core.cost.number import NOTHING, total
from nadoo_graphs.counting import held_bytes
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.memory import MemoryPlan, plan_memory
from nadoo_hardware.estimators.assumptions import assumptions
from nadoo_hardware.estimators.basis import ranges_of
from nadoo_hardware.estimators.conditional import expected, expected_macs
from nadoo_hardware.estimators.energy import node_energy, power_doubt
from nadoo_hardware.estimators.latency import node_times
from nadoo_hardware.estimators.program import Lowered, lowered, program_code, program_times
from nadoo_hardware.estimators.terms import code_terms
from nadoo_hardware.estimators.work import GraphWork, NodeWork, graph_work

HALF = 0.5
"""The share of multiply-accumulates that must be modelled for a sum to stand for the whole."""


def analytic(graph: ModelGraph, device: Device, formats: Mapping[str, str] | None = None) -> Cost:
    """What a graph costs; `formats` says for some nodes in which format their weights would be."""
    work = graph_work(graph, formats)
    plan = plan_memory(graph, bindings=work.sizes, weights_in_ram=is_computer(device))
    program = lowered(graph, work, device)
    code = program_code(program, device)
    times = node_times(work, graph_work(graph) if formats else work, program_times(program, device), device)
    latencies = [time.number for time in times]
    energies = [node_energy(node, latency, device) for node, latency in zip(work.nodes, latencies, strict=True)]
    living = dict(zip(plan.steps, plan.timeline.totals, strict=False))
    nodes = tuple(
        node_cost(node, living.get(node.name, 0), latency, energy)
        for node, latency, energy in zip(work.nodes, latencies, energies, strict=True)
    )
    latency, coverage = covered(work.nodes, expected(work.nodes, latencies))
    energy, _ = covered(work.nodes, expected(work.nodes, energies))
    totals = {
        "macs": CostNumber.exact(expected_macs(work)),
        "flash_bytes": flash(work, beside_tensors(graph, program), code or code_size(work.nodes, device)),
        "peak_ram_bytes": CostNumber.exact(program.found.ram_bytes if program.found else plan.arena.size),
        "latency_s": latency,
        "energy_j": energy,
    }
    left_out = tuple(node.name for node, number in zip(work.nodes, latencies, strict=True) if not number.known)
    said = ranges_of(device, times, code is not None)
    return Cost(
        device=device.name, totals=totals, nodes=nodes, coverage=coverage, unmodelled=left_out,
        notes=notes(work, memory_note(plan, program), latency, energy, device), ranges=said,
        worst=worst_case(work, latencies, energies),
    )  # fmt: skip


def worst_case(
    work: GraphWork, latencies: Sequence[CostNumber], energies: Sequence[CostNumber]
) -> dict[str, CostNumber]:
    """What a graph costs if every conditional node does its work; nothing where none is conditional."""
    if not work.conditional:
        return {}
    return {
        "macs": CostNumber.exact(work.macs),
        "latency_s": covered(work.nodes, latencies)[0],
        "energy_j": covered(work.nodes, energies)[0],
    }


def is_computer(device: Device) -> bool:
    """Whether weights lie in the same memory as values: where no flash is known and there is memory beside the chip."""
    return device.flash_bytes is None and device.dram_bytes is not None


def node_cost(work: NodeWork, living: int, latency: CostNumber, energy: CostNumber) -> NodeCost:
    """All that is said of one node; its share of flash is what its tensors take, shared ones with each user."""
    worst = {"macs": CostNumber.exact(work.macs), "latency_s": latency, "energy_j": energy}
    always = {"flash_bytes": CostNumber.exact(work.weight_bytes), "peak_ram_bytes": CostNumber.exact(living)}
    if work.share == 1:
        return NodeCost(work.name, work.op, {**worst, **always})
    mean = {name: number.times(work.share) for name, number in worst.items()}
    return NodeCost(work.name, work.op, {**mean, **always}, worst)


def flash(work: GraphWork, constants: CostNumber, code: CostNumber) -> CostNumber:
    """The packed tensors, each once, other constants, and the code as a modelled term."""
    return CostNumber.exact(sum(work.flash.values())).plus(constants).plus(code)


def beside_tensors(graph: ModelGraph, program: Lowered) -> CostNumber:
    """The constants of the program that are no tensors of the graph, such as multipliers and tables."""
    if program.found is None:
        return NOTHING
    return CostNumber.exact(program.found.constants_bytes - sum(held_bytes(graph).values()))


def code_size(nodes: Sequence[NodeWork], device: Device) -> CostNumber:
    """The bytes of code: a base, each distinct kernel once, and each call; as calibrated, or as assumed."""
    terms = code_terms(nodes)
    fitted = None if device.calibration is None else device.calibration.code
    if fitted is not None:
        return fitted.within(sum(fitted.coefficients.get(name, 0.0) * many for name, many in terms.items()))
    assumed = assumptions()
    value = sum(assumed.number("code", name) * many for name, many in terms.items())
    spread = assumed.range("code")
    return CostNumber.within(value, spread.below, spread.above)


def covered(nodes: Sequence[NodeWork], numbers: Sequence[CostNumber]) -> tuple[CostNumber, Coverage]:
    """The sum over the nodes that are modelled, and the shares that they are; too small a share is no estimate."""
    known = [number.known for number in numbers]
    coverage = Coverage(
        share([node.macs for node in nodes], known),
        share([node.weight_bytes + node.value_bytes for node in nodes], known),
    )
    reasons = tuple(dict.fromkeys(reason for number in numbers for reason in number.reasons))
    has_work = any(node.macs for node in nodes)
    if reasons and (coverage.macs if has_work else coverage.bytes) < HALF:
        return CostNumber.unknown(*reasons), coverage
    return total(number for number in numbers if number.known), coverage


def share(amounts: Sequence[int], known: Sequence[bool]) -> float:
    """The part of some amounts that is known; all of nothing."""
    whole = sum(amounts)
    return sum(amount for amount, is_known in zip(amounts, known, strict=True) if is_known) / whole if whole else 1.0


def memory_note(plan: MemoryPlan, program: Lowered) -> str:
    """What memory is made of."""
    if program.found is not None:
        arena, border = program.found.arena_bytes, program.found.border_bytes
        return f"RAM as C has it: arena {arena:,} bytes, inputs and outputs {border:,}; stack and scratch are not in it"
    reason = f" ({program.reason})" if program.reason else ""
    return f"the peak of memory is at {plan.peak_node or 'the inputs'}{reason}; stack and scratch are not in it"


def notes(work: GraphWork, memory: str, latency: CostNumber, energy: CostNumber, device: Device) -> tuple[str, ...]:
    """What a reader has to know about the numbers."""
    said = [f"one example: the open size {name} is counted as 1" for name in work.sizes]
    said.append(memory)
    doubt = power_doubt(latency, energy, device)
    return (*said, doubt) if doubt else tuple(said)
