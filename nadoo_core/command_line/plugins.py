"""`nadoo plugins`: who offers what, and which plugin could not be loaded."""

from typing import Any

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.registry import KINDS, Registry


@command("plugins", short_help="List what the installed plugins offer.")
@click.option("--kind", type=click.Choice(KINDS), help="Only one kind of thing.")
@click.pass_obj
def plugins(session: Session, kind: str | None) -> None:
    """List the plugins in use and all that they offer: passes, data sets, models, recipes and the rest.

    `nadoo explain NAME` says what one of them does.
    """
    registry = session.registry()
    kinds = (kind,) if kind else KINDS
    answer(session, as_document(registry, kinds), lambda: show(registry, kinds))


def as_document(registry: Registry, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Plugins, offers and failures for programs."""
    return {
        "plugins": [
            {"name": plugin.name, "distribution": plugin.distribution, "version": plugin.version}
            for plugin in registry.plugins
        ],
        "offers": {kind: {offer.name: offer.plugin for offer in registry.offers(kind)} for kind in kinds},
        "failures": [
            {"name": failure.name, "distribution": failure.distribution, "error": failure.text}
            for failure in registry.failures
        ],
        "without": list(registry.without),
    }


def show(registry: Registry, kinds: tuple[str, ...]) -> None:
    """A table of plugins, then one of what they offer."""
    if not registry.plugins:
        click.echo("no plugin is in use; without plugins there are no passes")
    else:
        print_table(
            ("plugin", "distribution", "version"),
            [(plugin.name, plugin.distribution, plugin.version[:12]) for plugin in registry.plugins],
        )
    offers = [offer for kind in kinds for offer in registry.offers(kind)]
    if offers:
        click.echo()
        print_table(("kind", "name", "plugin"), [(offer.kind, offer.name, offer.plugin) for offer in offers])
    for failure in registry.failures:
        click.echo(f"\nnot loaded: {failure.name} ({failure.distribution}): {failure.text}", err=True)


COMMAND = plugins
