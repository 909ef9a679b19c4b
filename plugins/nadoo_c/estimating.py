"""The estimator `emulated`: a graph is exported, compiled and run on the emulated core of a device, and counted."""

import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import field, frozen

from nadoo_c.emulating import COMPILER, FLAGS, SAMPLES, Target, counts_of, device_target, run_samples
from nadoo_c.kernels import KernelTable
from nadoo_core.cost import Cost, CostNumber, NodeCost
from nadoo_core.errors import NadooError
from nadoo_core.registry import Registry
from nadoo_core.store import code_digest, default_store, our_digest
from nadoo_core.store.files import digest_value
from nadoo_hardware.estimators.assumptions import assumptions
from nadoo_hardware.estimators.energy import by_time
from nadoo_hardware.estimators.work import graph_work

if TYPE_CHECKING:
    from nadoo_c.folder import Folder
    from nadoo_core.cost import Device
    from nadoo_graphs.graph import ModelGraph
    from nadoo_hardware.emulator import Emulation

Counts = dict[str, Any]
TOOLS = ("ziglang", "unicorn", "capstone")
MEASURED = ("flash_bytes", "peak_ram_bytes", "latency_s", "energy_j")


@frozen
class Emulated:
    """What the C of a graph takes; counts are kept under the fingerprint of the graph, as they take seconds."""

    on_request: ClassVar[bool] = True
    registry: Registry = field(factory=Registry.of)
    known: dict[str, Counts] = field(factory=dict[str, Counts], init=False)

    def __call__(self, graph: "ModelGraph", device: "Device") -> Cost:
        """The cost of a graph on a device; where it cannot be compiled or run, every number says why."""
        macs = {"macs": CostNumber.exact(graph_work(graph).macs)}
        try:
            counts = self.counts(graph, device_target(device))
        except NadooError as error:
            reasons = [f"{problem.where}: {problem.message}" for problem in error.problems]
            return Cost(device=device.name, totals={**macs, **dict.fromkeys(MEASURED, CostNumber.unknown(*reasons))})
        return cost_of(graph, device, counts, macs)

    def counts(self, graph: "ModelGraph", target: Target) -> Counts:
        """What was counted before, else what is counted now."""
        key = self.key(graph, target)
        notes = default_store().notes
        found = self.known.get(key) or notes.find(key)
        if found is None:
            found = emulated_counts(graph, target, KernelTable.of(self.registry))
            notes.keep(key, found)
        self.known[key] = found
        return found

    def key(self, graph: "ModelGraph", target: Target) -> str:
        """All that counts depend on: the graph, the device, the code that exports, and the tools."""
        from nadoo_graphs.fingerprint import fingerprint

        kernels = [(offer.name, offer.distribution, offer.version) for offer in self.registry.offers("kernels")]
        return digest_value(
            {
                "kind": "emulated",
                "graph": fingerprint(graph),
                "core": target.core,
                "device": target.device.fingerprint() if target.device else "",
                "kernels": kernels,
                "sources": [our_digest(), code_digest(Emulated), code_digest(run_samples), code_digest(by_time)],
                "tools": [tool_version(name) for name in TOOLS],
            }
        )


def tool_version(name: str) -> str:
    """The version of a package; nothing where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def emulated_counts(graph: "ModelGraph", target: Target, table: KernelTable) -> Counts:
    """What a graph takes, as it is kept."""
    folder, found = emulated_graph(graph, target, table, SAMPLES)
    operators = [one.operator for one in folder.unit.program.kernels]
    return {**counts_of(folder, found, SAMPLES), "operators": operators}


def emulated_graph(graph: "ModelGraph", target: Target, table: KernelTable, count: int) -> "tuple[Folder, Emulation]":
    """Export without verification, compile, and run on random numbers; the folder itself is gone afterwards."""
    import numpy as np

    from nadoo_c.exporting import Options, compile_unit, report_of, zero_outputs
    from nadoo_c.folder import Folder, write_folder
    from nadoo_c.vectors import Vectors, vectors_for
    from nadoo_c.verifying import Verified

    options = Options(name="model")
    unit = compile_unit(graph, options, table)
    inputs = vectors_for(graph, unit, ()).inputs
    drawn = Vectors(tuple(np.ascontiguousarray(array[-count:]) for array in inputs), ())
    report = report_of(unit, options, Verified(drawn.samples, 0, ()))
    with tempfile.TemporaryDirectory(prefix="nadoo-estimate-") as name:
        folder = Folder(Path(name), unit, drawn.inputs, zero_outputs(unit, drawn), report)
        write_folder(folder.path, unit, drawn, folder.outputs, report)
        return folder, run_samples(folder, target, count, COMPILER, FLAGS)


# --- counts as a cost -------------------------------------------------------------------------------------------------


def cost_of(graph: "ModelGraph", device: "Device", counts: Counts, macs: Mapping[str, CostNumber]) -> Cost:
    """Counts as a cost: memory as it was linked and run, time as far as the device says what instructions take."""
    latency = seconds(counts["cycles"], counts["cycles_waiting"], counts["cycles_unknown"], device, counts["verified"])
    totals = {
        **macs,
        "flash_bytes": CostNumber.exact(counts["flash_bytes"]),
        "peak_ram_bytes": CostNumber.exact(counts["ram_bytes"]),
        "latency_s": latency,
        "energy_j": by_time(latency, device) or CostNumber.unknown("the power while it computes is not known"),
    }
    said = (
        f"emulated: {counts['instructions']:,} instructions on {counts['core']}, {COMPILER} {FLAGS[0]}, random inputs"
    )
    memory = f"RAM has {counts['stack_bytes']:,} bytes of stack in it, flash {counts['code_bytes']:,} bytes of code"
    linked = "as linked and run, exact for this compiler"
    checked = "checked against published cycles" if counts["verified"] else "not checked against published cycles"
    waiting = f", {counts['cycles_waiting']:,} cycles of it waiting for flash if nothing is fetched ahead"
    timed = (
        f"instructions counted, cycles by the device's table, {checked}{waiting if counts['cycles_waiting'] else ''}"
    )
    ranges = {"macs": "counted", "flash_bytes": linked, "peak_ram_bytes": linked, "latency_s": timed}
    return Cost(
        device=device.name, totals=totals, nodes=tuple(node_costs(graph, device, counts)), notes=(said, memory),
        ranges={**ranges, "energy_j": f"assumed for power, times latency: {timed}"},
    )  # fmt: skip


def seconds(cycles: int | None, waiting: int, unknown: str | None, device: "Device", checked: bool) -> CostNumber:
    """Cycles at the device's clock, between none of the waiting for flash and all of it."""
    if cycles is None:
        return CostNumber.unknown(unknown or "cycles are not known")
    if device.clock_hz is None:
        return CostNumber.unknown("clock_hz is not known")
    clock, spread = device.clock_hz.value, assumptions().range("cycles")
    if checked:
        return CostNumber.exact(cycles / clock)
    return CostNumber(cycles / clock, (cycles - waiting) * spread.below / clock, cycles * spread.above / clock)


def node_costs(graph: "ModelGraph", device: "Device", counts: Counts) -> list[NodeCost]:
    """The time of each kernel, at the first of the nodes that it computes."""
    found: dict[str, NodeCost] = {}
    for kernel, operator in zip(counts["kernels"], counts["operators"], strict=True):
        name = next((part for part in kernel["layer"].split(" ") if part in graph), kernel["name"])
        op = graph[name].op if name in graph else operator
        time = seconds(kernel["cycles"], 0, counts["cycles_unknown"], device, counts["verified"])
        before = found[name].costs["latency_s"] if name in found else CostNumber.exact(0.0)
        found[name] = NodeCost(name, op, {"latency_s": before.plus(time)})
    return list(found.values())
