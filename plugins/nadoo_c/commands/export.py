"""`nadoo export`: a model in another form, written whole and verified."""

import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import input_option, load_model
from nadoo_core.command_line.output import answer
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, OptionError, Problem

if TYPE_CHECKING:
    import torch

    from nadoo_graphs.graph import ModelGraph

SET_HELP = "An option of the exporter, such as border=float or emulate=m4,m0; `nadoo schema` lists them."


@command("export", short_help="Give a model out in another form, such as C for a microcontroller.")
@click.argument("model")
@input_option
@click.option("--to", "to", required=True, metavar="NAME", help="The exporter, such as c.")
@click.option("--out", "out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The new folder.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=SET_HELP)
@click.option("--dataset", "dataset", default="", metavar="NAME", help="The data set whose samples it is verified on.")
@click.option("--data", "data", multiple=True, metavar="KEY=VALUE", help="An option of the data set, such as size=16.")
@click.option("--force", is_flag=True, help="Replace the folder if it is there.")
@click.pass_obj
def export(
    session: Session,
    model: str,
    inputs: tuple[str, ...],
    to: str,
    out: Path,
    settings: tuple[str, ...],
    dataset: str,
    data: tuple[str, ...],
    force: bool,
) -> None:
    """Export MODEL into a folder; nothing is left behind if it cannot be verified.

    MODEL is a saved graph, a run, a file, the name of a model that a plugin offers, or module:function. Without a
    data set it is verified on random numbers and extremes.
    """
    refuse_existing(out, force)
    exporter = made_exporter(session, to, settings)
    graph = load_model(model, session, inputs)
    samples = samples_of(session, graph, dataset, pairs_of("--data", data))
    document = written(session, exporter, graph, out, samples)
    answer(session, document, lambda: show(out, document))


def refuse_existing(out: Path, force: bool) -> None:
    """An existing folder is somebody's, and the one that somebody is in is never replaced."""
    if Path.cwd().is_relative_to(out.resolve()):
        message = "is the folder that you are in, or holds it; give a new folder"
        raise OptionError(Problem(CoreCode.OPTION, f"--out {str(out)!r}", message))
    if out.exists() and not force:
        message = "is there already; give another folder, or --force to replace it"
        raise OptionError(Problem(CoreCode.OPTION, f"--out {str(out)!r}", message))


def made_exporter(session: Session, to: str, settings: tuple[str, ...]) -> Any:
    """The exporter with its options."""
    from nadoo_core.recipe.steps import read_export

    table: dict[str, Any] = {"to": to}
    table |= {key: setting_value(key, value) for key, value in pairs_of("--set", settings).items()}
    return read_export(table, session.registry(), "export")


def pairs_of(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    """What was given as KEY=VALUE."""
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        problems = [Problem(CoreCode.OPTION, f"{option} {text}", "is not KEY=VALUE; give one option") for text in wrong]
        raise OptionError(problems)
    return {key: value for key, _, value in (text.partition("=") for text in texts)}


def setting_value(key: str, value: str) -> Any:
    """A value as TOML would have it: a number, a truth value, a list of names, or a text."""
    if value in ("true", "false"):
        return value == "true"
    if value.lstrip("-").isdigit():
        return int(value)
    return [item for item in value.split(",") if item] if key == "emulate" else value


def written(
    session: Session, export: Any, graph: "ModelGraph", out: Path, samples: "torch.Tensor | None"
) -> dict[str, Any]:
    """Write beside the folder's name, verify, and then put it there."""
    from nadoo_core.runs.exporting import ExportContext, accepts_context

    temporary = out.with_name(f".{out.name}-{secrets.token_hex(4)}")
    known = ExportContext(session.registry(), lambda graph: samples)
    context = {"context": known} if accepts_context(export.exporter) else {}
    try:
        temporary.mkdir(parents=True)
        artifact = export.exporter(graph, temporary, **context, **export.options)
        if out.exists():
            shutil.rmtree(out)
        temporary.rename(out)
    except OSError as error:
        raise OptionError(Problem(CoreCode.OPTION, f"--out {str(out)!r}", f"cannot be written: {error}")) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return {"folder": str(out), **dict(getattr(artifact, "report", {}))}


def samples_of(session: Session, graph: "ModelGraph", dataset: str, data: dict[str, str]) -> "torch.Tensor | None":
    """The inputs of a data set's test split, if there is one and the graph takes them."""
    if not dataset:
        if data:
            raise OptionError(Problem(CoreCode.OPTION, "--data", "has no data set to be for; give --dataset NAME too"))
        return None
    from nadoo_core.options import structure

    loaded: Any = session.registry().load("datasets", dataset)
    options = {key: setting_value(key, value) for key, value in data.items()}
    made: Any = structure(cast("type[Any]", loaded), options, "--data") if isinstance(loaded, type) else loaded
    inputs: torch.Tensor = made.load("test").inputs
    given, wanted = tuple(inputs.shape[1:]), graph.inputs[0].type.shape[1:]
    if len(graph.inputs) == 1 and all(isinstance(size, int) for size in wanted) and given != tuple(wanted):
        message = f"has samples of the shape {list(given)}, the model takes {list(wanted)}"
        advice = "give --data with the options that the model was trained with, such as size=16"
        raise OptionError(Problem(CoreCode.OPTION, f"--dataset {dataset!r}", f"{message}; {advice}"))
    return inputs


def show(out: Path, document: dict[str, Any]) -> None:
    """What was written, for people."""
    memory, verified = document.get("memory"), document.get("verified")
    click.echo(f"written to {out}")
    if memory:
        click.echo(f"  constants {memory['constants_bytes']:,} bytes, arena {memory['arena_bytes']:,} bytes")
    if verified:
        levels = " and ".join(verified["compiled"])
        click.echo(f"  verified bit for bit on {verified['samples']} samples, compiled at {levels}")
    for core, counts in document.get("emulated", {}).items():
        click.echo(f"  {emulated_text(core, counts)}")
        for kernel in counts["kernels"]:
            click.echo(f"    {kernel['layer'] or kernel['name']}: {kernel['instructions']:,} instructions")


def emulated_text(name: str, counts: Mapping[str, Any]) -> str:
    """What one sample took on an emulated core, in a line."""
    cycles = "" if counts["cycles"] is None else f" in {counts['cycles']:,} cycles"
    said = f"{counts['instructions']:,} instructions{cycles}, {counts['flash_bytes']:,} bytes of flash"
    return f"{name}: {said}, {counts['stack_bytes']:,} bytes of stack"


COMMAND = export
