"""A number format in words: its levels, its width in flash, and whether a pruned weight stays zero in it."""

from typing import Any

import click

from nadoo_core.command_line.output import print_facts
from nadoo_graphs.formats import Format

MOST_LEVELS = 32
WIDEST_WEIGHTS = 16


def format_document(row: Format) -> dict[str, Any]:
    """The format for programs; levels of floating point, and of what cannot be encoded, are not listed."""
    levels = row.levels() if row.codec is not None else None
    return {
        "kind": "format",
        "name": row.name,
        "aliases": list(row.aliases),
        "doc": row.summary,
        "bits": float(row.bits),
        "codes": row.carrier,
        "has_zero": row.has_zero,
        "levels": None if levels is None else [float(level) for level in levels],
        "offers": list(row.offers),
    }


def show_format(document: dict[str, Any]) -> None:
    """The format for people, ending with the lines that put it into a recipe."""
    click.echo(f"{document['name']}  (number format)\n\n    {document['doc']}\n")
    print_facts(
        {
            "also called": ", ".join(document["aliases"]) or None,
            "bits a weight": f"{document['bits']:g}",
            "codes held as": document["codes"],
            "a zero": "yes" if document["has_zero"] else "no: weights that are zero, as after pruning, do not stay so",
            "levels": levels_text(document["levels"]),
            "can": ", ".join(document["offers"]),
        }
    )
    if "encode" in document["offers"] and document["bits"] <= WIDEST_WEIGHTS:
        click.echo(f'\nIn a recipe:\n\n    [[step]]\n    pass = "quantize"\n    weights = "{document["name"]}"')


def levels_text(levels: list[float] | None) -> str | None:
    """The levels at scale 1, or the ends of many."""
    if levels is None:
        return None
    if len(levels) > MOST_LEVELS:
        return f"{levels[0]:g}, {levels[1]:g}, … {levels[-1]:g} ({len(levels)} of them)"
    return ", ".join(f"{level:.4g}" for level in levels)
