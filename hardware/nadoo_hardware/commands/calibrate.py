"""`nadoo calibrate`: fit what a device takes to measurements, so that estimates have ranges that were seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import evolve

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import load_model
from nadoo_core.command_line.output import answer, print_facts, print_table
from nadoo_core.command_line.progress import observer_for
from nadoo_core.command_line.session import Session
from nadoo_core.cost import Device, find_device
from nadoo_core.cost.calibrated import Calibrated, CalibratedCost, CostUnit
from nadoo_core.cost.reading import write_device
from nadoo_core.errors import CoreCode, DeviceError, Problem
from nadoo_core.options import Share, structure_value
from nadoo_hardware.host_device import NAME as HOST

if TYPE_CHECKING:
    from nadoo_core.cost.calibration import Calibration

SUFFIX = ".toml"
NETWORKS, FEWEST = 56, 14
PRECISIONS = ("float32", "float64", "float16", "bfloat16")
WORST_HERE = 0.25
"""torch takes another kernel for another size, which no sum of work follows; a board's kernels are always the same."""
MOST_UNREST = 0.3
MOST_ROWS = 8


@command("calibrate", short_help="Fit the latency of a device to measurements.")
@click.argument("device")
@click.option("--write", "target", type=click.Path(path_type=Path), metavar="FILE", help="Write the device with it.")
@click.option("--measurements", "file", type=click.Path(path_type=Path), metavar="FILE", help="What models took there.")
@click.option(
    "--networks", type=click.IntRange(min=FEWEST), default=NETWORKS, show_default=True, help="How many are run here."
)
@click.option("--precision", "precisions", type=click.Choice(PRECISIONS), multiple=True, help="Precisions to run in.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which networks are drawn.")
@click.option("--worst", metavar="SHARE", help="The mean error on models left out that is allowed: 15 %, here 25 %.")
@click.pass_obj
def calibrate_command(
    session: Session, device: str, target: Path | None, file: Path | None, networks: int,
    precisions: tuple[str, ...], seed: int, worst: str | None,
) -> None:  # fmt: skip
    """Calibrate DEVICE, by its name or file: 'host' is this machine, on which drawn networks are run for a minute.

    For any other device --measurements is a TOML file with the models that were run there. Every model is left out
    once and predicted by the fit to all others: the range of estimates is what nine in ten of those predictions were
    off by. --write writes the device with its calibration as a file that --device and recipes take.
    """
    found = find_device(device, session.registry())
    allowed = allowed_error(worst, here=file is None)
    refuse_bad_request(found, target, file)
    if file is None:
        fit, unit, source = fit_here(session, networks, seed, precisions or PRECISIONS[:1])
    else:
        fit, unit, source = fit_elsewhere(session, file)
    fit.accept(allowed)
    name = found.name if target is None else target.stem
    made = f"nadoo calibrate {device}: {len(fit.residuals)} measurements, each model left out once"
    cost = CalibratedCost.of(fit, unit, source)
    calibrated = evolve(found, name=name, aliases=(), calibration=Calibrated(name=name, made=made, latency=cost))
    if target is not None:
        write_device(target, calibrated)
    document = {"device": found.name, "unit": unit, "source": source, **fit.document(), "held_out": rows_of(fit)}
    answer(session, {**document, "file": None if target is None else str(target)}, lambda: show(fit, cost, target))


def allowed_error(worst: str | None, *, here: bool) -> float:
    """The mean error on models left out above which nothing is kept."""
    from nadoo_core.cost.calibration import WORST_ERROR

    if worst is None:
        return WORST_HERE if here else WORST_ERROR
    said: float = structure_value(Share, worst, "--worst")
    return said


def refuse_bad_request(device: Device, target: Path | None, file: Path | None) -> None:
    """A device that cannot be measured here, and a file that would not be found as a device."""
    problems: list[Problem] = []
    if file is None and device.name != HOST:
        message = f"cannot be run on this machine; give --measurements with what models took there, or take {HOST!r}"
        problems.append(Problem(CoreCode.DEVICE, f"device {device.name!r}", message))
    if target is not None and target.suffix != SUFFIX:
        problems.append(Problem(CoreCode.OPTION, f"--write {target}", f"is no {SUFFIX} file; end its name so"))
    if target is not None and not target.parent.is_dir():
        message = f"there is no folder {str(target.parent)!r}; make it first"
        problems.append(Problem(CoreCode.OPTION, f"--write {target}", message))
    if problems:
        raise DeviceError(problems)


def fit_here(
    session: Session, networks: int, seed: int, precisions: tuple[str, ...]
) -> "tuple[Calibration, CostUnit, str]":
    """Run networks on this machine and fit their times."""
    import torch

    from nadoo_core.cost.calibration import calibrate
    from nadoo_hardware.calibrating.measuring import PASSES, measured_networks
    from nadoo_hardware.estimators.host import REPEATS, threads_text

    observer = observer_for(session)
    observer.run_started("calibrate", ("measure",))
    observer.step_started("measure", 1, 1)
    try:
        found = measured_networks(
            networks, seed, precisions, lambda done, total, what: observer.progress("calibrate", done, total, what)
        )
    finally:
        observer.close()
    if found.unrest > MOST_UNREST:
        text = f"passes over the same networks differ by {found.unrest:.0%}; stop other programs and calibrate again"
        more = ", or with OMP_NUM_THREADS=1, which other programs disturb less" if torch.get_num_threads() > 1 else ""
        click.echo(f"note: {text}{more}", err=True)
    source = (
        f"torch {torch.__version__} with {threads_text()}: medians of up to {REPEATS} runs, the least of {PASSES} "
        f"passes that differ by {found.unrest:.1%}; the middle half of runs spans {found.spread:.1%}"
    )
    return calibrate(found.samples), "seconds", source


def fit_elsewhere(session: Session, file: Path) -> "tuple[Calibration, CostUnit, str]":
    """Fit the times of a file to the work of its models."""
    from nadoo_core.cost.calibration import calibrate
    from nadoo_hardware.calibrating.measurements import read_measurements, samples_of

    given = read_measurements(file)
    samples = samples_of(given, file.parent, lambda text: load_model(text, session))
    return calibrate(samples), given.unit, given.source


def rows_of(fit: "Calibration") -> list[dict[str, Any]]:
    """Every model left out, for programs."""
    return [
        {"model": item.model, "measured": item.measured, "predicted": item.predicted, "error": item.error}
        for item in fit.held_out
    ]


def show(fit: "Calibration", cost: CalibratedCost, target: Path | None) -> None:
    """Coefficients, what models left out say, and the largest errors among them."""
    unit = cost.unit.removesuffix("s")
    rows = [(name, f"{value:.3g}", "weak" if name in fit.weak else "") for name, value in cost.coefficients.items()]
    print_table(("work", f"{unit}s each", ""), rows, numbers=f"{unit}s each")
    found, interval = cost.hold_out, cost.interval
    order = found.rank_correlation
    click.echo()
    print_facts(
        {
            "models left out": f"{len(cost.held_out)}, each predicted by all others",
            "errors": f"mean {found.mean_error:.1%}, median {found.median_error:.1%}, worst {found.worst_error:.1%}",
            "nine in ten": f"between {interval.below:.2f} and {interval.above:.2f} times the prediction",
            "inside": f"{found.coverage:.1%} of models, each by the range of the others",
            "rank correlation": "unknown" if order is None else f"{order:.3f}",
            "condition": f"{fit.condition:.3g}",
            "measured": cost.source,
        }
    )
    largest = sorted(cost.held_out, key=lambda item: -abs(item.predicted / item.measured - 1))[:MOST_ROWS]
    table = [(item.model, f"{item.measured:.4g}", f"{item.predicted:.4g}",
              f"{item.predicted / item.measured - 1:+.0%}") for item in largest]  # fmt: skip
    click.echo("\nthe largest errors")
    print_table(("model", "measured", "predicted", "error"), table, numbers="measured predicted error")
    if target is None:
        click.echo("\nnothing is written; give --write FILE to keep it as a device")
    else:
        click.echo(f"\nwritten: {target}; use it as --device {target}, or as device in the [target] of a recipe")


COMMAND = calibrate_command
