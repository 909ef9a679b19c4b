"""`nadoo init`: a first recipe for somebody's model, with every choice explained."""

from pathlib import Path

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.models import GRAPH_FILE, RUN_GRAPH
from nadoo_core.command_line.output import answer, program
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, Problem, RecipeError
from nadoo_core.recipe import starter_recipe


@command("init", short_help="Write a recipe for a model, with every choice explained.")
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default="recipe.toml", help="What to write.")
@click.option("--name", help="What the recipe is called; unset: like the model.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_obj
def init(session: Session, model: str, out: Path, name: str | None, force: bool) -> None:
    """Write a recipe for MODEL, which is not loaded yet.

    MODEL is package.module:function, models.py:function, the folder of a saved graph or of a run, or the name of a
    model that a plugin offers.
    """
    registry = session.registry()
    source = registry.source("models", model).value if model in registry.names("models") else beside(model, out)
    text = starter_recipe(source, registry=registry, name=name)
    if out.exists() and not force:
        message = "is there already; give another --out, or --force to write over it"
        raise RecipeError(Problem(CoreCode.RECIPE, f"file {str(out)!r}", message))
    out.write_text(text, encoding="utf-8")
    answer(
        session,
        {"recipe": str(out)},
        lambda: click.echo(f"{out} is written; edit it, then type: {program()} plan {out}"),
    )


def beside(model: str, out: Path) -> str:
    """MODEL as the recipe has to write it: a path from its own folder, out of which no recipe may lead."""
    file, colon, function = model.rpartition(":") if ".py:" in model else (model, "", "")
    path = Path(file)
    if not path.exists():
        return model
    if (path / RUN_GRAPH / GRAPH_FILE).is_file():
        path = path / RUN_GRAPH
    home = out.resolve().parent
    if not path.resolve().is_relative_to(home):
        message = f"lies outside of the folder of {out.name}; put the recipe there: --out {path.parent / out.name}"
        raise RecipeError(Problem(CoreCode.RECIPE, f"MODEL {model!r}", message))
    return f"{path.resolve().relative_to(home).as_posix()}{colon}{function}"


COMMAND = init
