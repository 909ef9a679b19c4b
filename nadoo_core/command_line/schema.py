"""`nadoo schema`: the JSON Schema of recipes, which an editor completes and checks recipes with."""

import json
from pathlib import Path

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import print_json
from nadoo_core.command_line.session import Session
from nadoo_core.recipe import recipe_schema


@command("schema", short_help="Print the JSON Schema of recipes, for editors.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
@click.pass_obj
def schema(session: Session, out: Path | None) -> None:
    """Print the JSON Schema of recipes, made from the passes that are installed now.

    Editors that know Taplo or Even Better TOML read it from a line "#:schema recipe.schema.json" on top of a recipe.
    """
    document = recipe_schema(session.registry())
    if out is None:
        print_json(document)
        return
    out.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if session.json:
        print_json({"file": str(out)})
    else:
        click.echo(f'{out} is written; put "#:schema {out}" on top of a recipe')


COMMAND = schema
