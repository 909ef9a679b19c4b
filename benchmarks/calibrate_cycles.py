"""Calibrate analytic estimates against the emulator, and say how far off they are on networks that were not in the fit.

python -m benchmarks.calibrate_cycles measure --keep FOLDER [--cores m4,…] [--first N] [--many N]
python -m benchmarks.calibrate_cycles sizes --keep FOLDER [--cores m4,…] [--first N] [--many N]
python -m benchmarks.calibrate_cycles held-out --keep FOLDER [--cores m4,…] [--models resnet8,…]   (NADOO_DATA is set)
python -m benchmarks.calibrate_cycles fit --keep FOLDER [--write] [--record]

Random small networks are exported as the exporter does by default, compiled and emulated; what each took is kept in
FOLDER, so that measuring goes on where it was stopped; `sizes` compiles without emulation, and says anew what programs
are made of. The fit is on kernels; every network is predicted by a fit that has seen none of its kernels, and the
networks of real data by the fit that is shipped.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

from attrs import evolve, frozen

from benchmarks.calibration_networks import Network, network, quantized
from benchmarks.calibration_sizes import Document, Kept, Sizes, sized
from benchmarks.figures import RESULTS
from nadoo_c.emulating import TEST_CODE, TEST_DATA, Target
from nadoo_c.estimating import emulated_graph
from nadoo_c.kernels import KernelTable
from nadoo_core.cost import Device, all_devices
from nadoo_core.cost.calibrated import Calibrated, CalibratedCost, write_calibration
from nadoo_core.cost.calibration import WORST_ERROR, Calibration, Errors, Sample, calibrate
from nadoo_core.registry import Registry
from nadoo_graphs.lowered.sizing import footprint
from nadoo_hardware.emulator import core_of
from nadoo_hardware.emulator.cycles import cycles_of
from nadoo_hardware.estimators.program_terms import entry_terms, executed_terms, kernel_terms, printed_terms
from nadoo_hardware.plugin import DEVICES

CORES = ("m4", "m0", "m3", "m7", "m33", "rv32imc", "rv32emc", "rv32ec")
MODELS = ("keyword_mlp", "keyword_cnn", "keyword_dscnn", "resnet8")
NETWORK_SEED = 7
CALIBRATION = 64
FEWEST_INSTRUCTIONS = 5_000
"""A kernel of fewer tells more of its beginning than of its loops, and no network hangs on it."""
FIRST_NETWORKS = 60
"""The networks that the limits of unrolling were chosen by; those after them say what these are worth."""


# --- measuring --------------------------------------------------------------------------------------------------------


def measure(keep: Path, given: Network, cores: Sequence[str], table: KernelTable) -> None:
    """One network: its work once, and what it takes on every core that is not kept yet."""
    measure_sizes(keep, given, cores, table)
    for core in cores:
        path = keep / f"{given.name}.{core}.json"
        if not path.exists():
            path.write_text(json.dumps(counted(given, core, table)))
            said(f"{given.name} on {core}")


def measure_sizes(keep: Path, given: Network, cores: Sequence[str], table: KernelTable) -> None:
    """The terms of a network as they are now, and its code on every core that is not kept yet."""
    (keep / f"{given.name}.net.json").write_text(json.dumps(description(given)))
    for core in cores:
        path = keep / f"{given.name}.{core}.code.json"
        if not path.exists():
            path.write_text(json.dumps(sized(given, core, table)))
            said(f"code of {given.name} on {core}")


def said(line: str) -> None:
    """A line that is seen at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def description(given: Network) -> Document:
    """The work of a network by the terms of its program, and the memory that is known from it."""
    found = footprint(given.graph)
    return {
        "name": given.name,
        "kernels": {kernel.name: executed_terms(kernel) for kernel in found.program.kernels},
        "printed": printed_terms(found.program),
        "entry": entry_terms(found.program),
        "parts": {kernel.name: kernel_terms(kernel) for kernel in found.program.kernels},
        "constants": found.constants_bytes,
        "ram": found.ram_bytes,
    }


def counted(given: Network, core: str, table: KernelTable) -> Document:
    """What a network takes on a core; cycles follow later, for every device with that core."""
    folder, found = emulated_graph(given.graph, Target(core, core), table, 1)
    memory = folder.report["memory"]
    sections = [part for part in found.sections if part.in_flash and part.name not in (TEST_CODE, TEST_DATA)]
    return {
        "instructions": found.instructions,
        "kinds": dict(found.counts.kinds),
        "transfers": found.counts.transfers,
        "lines": dict(found.counts.lines),
        "flash": sum(part.size for part in sections),
        "constants": memory["constants_bytes"],
        "ram": memory["ram_bytes"],
        "stack": found.stack_bytes,
        "written": sorted(folder.unit.written),
        "kernels": {
            name: [kernel.layer, found.kernels[name].instructions]
            for kernel in folder.unit.program.kernels
            for name in [kernel.name]
        },
    }


def real_networks(names: Sequence[str]) -> Iterator[Network]:
    """The networks of real data, quantized to int8."""
    sys.path.insert(0, os.environ["NADOO_DATA"])
    from benchmarks.post_training import prepared

    for name in names:
        model, examples, _, _ = importlib.import_module("real_models").get(name)
        chosen = examples[:: max(1, len(examples) // CALIBRATION)][:CALIBRATION]
        yield Network(f"held-{name}", "int8", quantized(prepared(model, examples[:2]), chosen, "int8"))


# --- fitting ----------------------------------------------------------------------------------------------------------


@frozen
class Run(Kept):
    """A network with what its emulation took."""

    @property
    def plain(self) -> bool:
        """Whether all kernels are plain loops, whose memory is known to the byte."""
        return not self.found["written"]

    def cycles(self, device: Device | None) -> float | None:
        """Cycles on a device; instructions where none is named."""
        if device is None:
            return float(self.found["instructions"])
        lines = {int(length): many for length, many in self.found["lines"].items()}
        return cycles_of(self.found["kinds"], self.found["transfers"], lines, device).value

    def work(self) -> dict[str, float]:
        """All that the network executes."""
        return summed(self.net["kernels"].values())


def summed(parts: Any) -> dict[str, float]:
    """Terms added up."""
    whole: dict[str, float] = {}
    for terms in parts:
        for name, many in terms.items():
            whole[name] = whole.get(name, 0.0) + many
    return whole


def runs_of(keep: Path, core: str) -> list[Run]:
    """The networks that were measured on a core."""
    return [Run(*row) for row in rows_of(keep, f"{core}.json")]


def sizes_of(keep: Path, core: str) -> list[Sizes]:
    """The networks that were compiled for a core."""
    return [Sizes(*row) for row in rows_of(keep, f"{core}.code.json")]


def rows_of(keep: Path, ending: str) -> Iterator[tuple[str, Document, Document]]:
    """The names of networks, their work, and what is kept under an ending."""
    for path in sorted(keep.glob(f"*.{ending}")):
        name = path.name.removesuffix(f".{ending}")
        yield name, json.loads((keep / f"{name}.net.json").read_text()), json.loads(path.read_text())


def timed_samples(runs: Sequence[Run], device: Device | None) -> Iterator[Sample]:
    """Each kernel as a probe at its share of the cycles, and each network as a model."""
    for run in runs:
        cycles = run.cycles(device) or 0.0
        each = cycles / run.found["instructions"]
        for name, terms in run.net["kernels"].items():
            if name in run.found["kernels"] and run.found["kernels"][name][1] >= FEWEST_INSTRUCTIONS:
                yield Sample(run.name, run.found["kernels"][name][1] * each, terms, probe=True)
        yield Sample(run.name, cycles, run.work())


def fitted(samples: Sequence[Sample], kind: Errors = "relative") -> Calibration:
    """A fit over the terms that several models have, judged by whole networks alone."""
    models: dict[str, set[str]] = {}
    for sample in samples:
        for name in sample.work:
            models.setdefault(name, set()).add(sample.model)
    rare = {name for name, having in models.items() if len(having) < 3}
    kept = [sample for sample in samples if not rare & sample.work.keys()]
    found = calibrate(kept, kind)
    whole = {(sample.model, sample.time) for sample in kept if not sample.probe}
    return evolve(found, held_out=tuple(item for item in found.held_out if (item.model, item.measured) in whole))


def errors(cost: CalibratedCost, pairs: Mapping[str, tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """The relative error of a shipped fit on networks that are in none."""
    found: dict[str, float] = {}
    for name, (measured, work) in pairs.items():
        predicted = sum(cost.coefficients.get(term, 0.0) * many for term, many in work.items())
        found[name] = round(predicted / measured - 1, 4)
    return found


@frozen
class Fit:
    """What was fitted for one core: cycles by device, and code."""

    core: str
    runs: Sequence[Run]
    sizes: Sequence[Sizes]

    @property
    def drawn(self) -> list[Run]:
        """The networks of the fit of cycles."""
        return [run for run in self.runs if not run.held]

    def code(self) -> Calibration:
        """The fit of code: to errors in the middle, as few kernels grow far beyond what their loops say."""
        return fitted([sample for one in self.sizes if not one.held for sample in one.samples()], "middle")

    def calibrated(self, device: Device) -> Calibrated:
        """The calibration of one device."""
        many = len([one for one in self.sizes if not one.held])
        counted = f"cycles of {len(self.drawn)} networks, " if self.drawn else ""
        compiler = f"zig {version('ziglang')} -O3, unicorn"
        made = f"python -m benchmarks.calibrate_cycles, {counted}code of {many} networks, {compiler}"
        source = f"emulated {self.core}: instructions counted, cycles by the device's table, not checked on hardware"
        printed = CalibratedCost.of(self.code(), "bytes", f"linked for {self.core} by zig -O3")
        executed = None
        if self.drawn and self.drawn[0].cycles(device) is not None:
            found = fitted(list(timed_samples(self.drawn, device)))
            accepted = found.mean_error is not None and found.mean_error <= WORST_ERROR
            executed = CalibratedCost.of(found, "cycles", source) if accepted else None
        return Calibrated(name=f"{device.name}-emulated", made=made, executed=executed, printed=printed)

    def summary(self) -> Document:
        """What the fits are worth, on networks left out and on those of real data."""
        return {**(self.time_summary() if self.drawn else {}), **self.code_summary()}

    def time_summary(self) -> Document:
        """What a fit of instructions is worth."""
        time = fitted(list(timed_samples(self.drawn, None)))
        executed = CalibratedCost.of(time, "cycles", "instructions")
        held = {run.name: (run.cycles(None) or 0.0, run.work()) for run in self.runs if run.held}
        plain = [run for run in self.runs if run.plain]
        return {
            "networks": len(self.drawn),
            "instructions": worth(time),
            "ram_wrong": [run.name for run in plain if run.net["ram"] != run.found["ram"]],
            "constants_wrong": [run.name for run in plain if run.net["constants"] != run.found["constants"]],
            "real_instructions": errors(executed, held),
        }

    def code_summary(self) -> Document:
        """What the fit of code is worth; flash is code with the constants that are known."""
        code = self.code()
        flash = {one.name: one.flash for one in self.sizes}
        off = {
            item.model: abs(item.predicted - item.measured) / flash[item.model]
            for item in code.held_out
            if item.predicted is not None
        }
        first = [error for name, error in off.items() if int(name.split("-")[1]) < FIRST_NETWORKS]
        later = [error for name, error in off.items() if int(name.split("-")[1]) >= FIRST_NETWORKS]
        held = {one.name: one for one in self.sizes if one.held}
        cost = CalibratedCost.of(code, "bytes", "code")
        real = errors(cost, {name: (one.code, one.net["printed"]) for name, one in held.items()})
        return {
            "networks_compiled": len([one for one in self.sizes if not one.held]),
            "networks_predicted": len(off),
            "code": worth(code),
            "flash_median_error": middle(off.values()),
            "flash_median_error_of_first": middle(first),
            "flash_median_error_of_later": middle(later),
            "flash_mean_error": round(fmean(off.values()), 4),
            "flash_worst_error": round(max(off.values()), 4),
            "real_flash": {name: round(error * held[name].code / held[name].flash, 4) for name, error in real.items()},
        }


def middle(found: Iterable[float]) -> float | None:
    """The middle of some errors; None without any."""
    known = list(found)
    return round(median(known), 4) if known else None


def worth(fit: Calibration) -> Document:
    """Errors on networks left out."""
    found = fit.hold_out
    return {
        "median_error": round(found.median_error or 0.0, 4),
        "mean_error": round(found.mean_error or 0.0, 4),
        "worst_error": round(found.worst_error or 0.0, 4),
        "rank_correlation": round(found.rank_correlation or 0.0, 4),
        "coefficients": {name: round(value, 3) for name, value in fit.coefficients.items()},
    }


def fit_all(keep: Path, *, write: bool) -> Document:
    """Every core that was measured, and the files of the devices that have it."""
    fits = {core: Fit(core, runs_of(keep, core), sizes) for core in CORES if (sizes := sizes_of(keep, core))}
    devices = [device for device in all_devices(Registry.of()) if (core := core_of(device)) and core.name in fits]
    for device in devices if write else ():
        core = core_of(device)
        if core is not None:
            calibration = fits[core.name].calibrated(evolve(device, calibration=None))
            write_calibration(DEVICES / "calibrations" / f"{device.name}.toml", calibration)
            sys.stdout.write(f"wrote the calibration of {device.name}\n")
    return {core: fit.summary() for core, fit in fits.items()}


# --- the command ------------------------------------------------------------------------------------------------------


def main() -> int:
    """Measure or fit; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "sizes", "held-out", "fit"))
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--cores", default=",".join(CORES))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--many", type=int, default=64)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    chosen.keep.mkdir(parents=True, exist_ok=True)
    table = KernelTable.of(Registry.of())
    if chosen.what in ("measure", "sizes"):
        step = measure if chosen.what == "measure" else measure_sizes
        for place in range(chosen.first, chosen.first + chosen.many):
            step(chosen.keep, network(place, NETWORK_SEED), chosen.cores.split(","), table)
        return 0
    if chosen.what == "held-out":
        for given in real_networks(chosen.models.split(",")):
            measure(chosen.keep, given, chosen.cores.split(","), table)
        return 0
    found = fit_all(chosen.keep, write=chosen.write)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    if chosen.record:
        (RESULTS / "calibrate_cycles.json").write_text(json.dumps(recorded(found), indent=2) + "\n")
    return 0


def recorded(found: Document) -> Document:
    """The results with what they were made by."""
    command = "python -m benchmarks.calibrate_cycles measure, sizes, held-out and fit --write --record --keep FOLDER"
    versions = {name: version(name) for name in ("nadoo", "ziglang", "unicorn", "capstone")}
    return {"command": command, "seed": NETWORK_SEED, "versions": versions, "cores": found}


if __name__ == "__main__":
    sys.exit(main())
