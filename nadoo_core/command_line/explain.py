"""`nadoo explain`: what a pass, data set, clip rule or number format is, its options, and what error codes mean."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import click

from nadoo_core.command_line.command import command
from nadoo_core.command_line.output import answer, print_facts, print_indented, print_table
from nadoo_core.command_line.session import Session
from nadoo_core.errors import CoreCode, PluginError, Problem
from nadoo_core.options import OptionField, Options, Place, did_you_mean, option_fields, unstructure
from nadoo_core.options.describing import described
from nadoo_core.passes import Effect, Pass
from nadoo_core.recipe.starter import literal
from nadoo_core.registry import Registry
from nadoo_graphs.errors import Code

CODES = {code.value: code for code in (*Code, *CoreCode)}


OFFERS = {
    "datasets": ("dataset", "data set", '[data]\ndataset = "{}"'),
    "clip_rules": ("clip rule", "clip rule", '[[step]]\npass = "quantize"\nclip = "{}"'),
}
"""What is explained by its options alone: its kind for programs and for people, and the lines that name it."""


@command("explain", short_help="Explain a pass, data set, clip rule, number format or the code of an error.")
@click.argument("name", metavar="PASS|DATASET|CLIP_RULE|FORMAT|CODE")
@click.pass_obj
def explain(session: Session, name: str) -> None:
    """Explain a pass, a data set, a clip rule or a number format by its name, or the code of an error, such as N05."""
    if name.upper() in CODES:
        explain_code(session, CODES[name.upper()])
        return
    registry = session.registry()
    kinds = [kind for kind in OFFERS if name in registry.names(kind)]
    if name in registry.names("passes"):
        explain_pass(session, registry, name)
    elif kinds:
        explain_offer(session, registry, kinds[0], name)
    else:
        explain_format(session, registry, name)


def explain_code(session: Session, code: Code | CoreCode) -> None:
    """What a code of an error means."""
    document = {"code": code.value, "name": code.name.lower(), "meaning": code.meaning}
    answer(session, document, lambda: click.echo(f"{code.value} {code.name.lower()}: {code.meaning}"))


def explain_format(session: Session, registry: Registry, name: str) -> None:
    """A number format: what its codes are, and what they take; a name that is nothing at all ends here."""
    from nadoo_core.command_line.format_text import format_document, show_format
    from nadoo_core.registry import ops_of

    formats = ops_of(registry).formats
    if name not in formats:
        raise PluginError(Problem(CoreCode.UNKNOWN_NAME, repr(name), unknown_name(registry, name, formats.names)))
    document = format_document(formats[name])
    answer(session, document, lambda: show_format(document))


def unknown_name(registry: Registry, name: str, formats: Iterable[str]) -> str:
    """What to do about a name that nothing has."""
    known = {*registry.names("passes"), *(name for kind in OFFERS for name in registry.names(kind)), *formats}
    near = did_you_mean(name, known)
    what = "is no pass, data set, clip rule, number format or code of an error"
    return f"{what}; {near if near.startswith('did') else registry.advice('passes', name)}"


def explain_pass(session: Session, registry: Registry, name: str) -> None:
    """A pass: its doc, promise, properties and options."""
    cls, offer = registry.pass_class(name), registry.source("passes", name)
    document = {
        "kind": "pass",
        "name": name,
        "plugin": offer.plugin,
        "distribution": offer.distribution,
        "doc": inspect.getdoc(cls) or "",
        "effect": type(cls.effect).__name__.lower(),
        "promise": promise_text(cls.effect),
        "needs": [item.name for item in cls.needs],
        "establishes": [item.name for item in cls.establishes],
        "breaks": [item.name for item in cls.breaks],
        "options": option_documents(cls),
    }
    answer(session, document, lambda: show_pass(cls, document))


def promise_text(effect: Effect) -> str:
    """What a kind of effect means, with its limits where it has some."""
    limits = {"float64": effect.double, "float32": effect.single}
    shown = [f"{limit:g} in {name}" for name, limit in limits.items() if limit is not None]
    meaning = (inspect.getdoc(type(effect)) or "").rstrip(".")
    return f"{meaning} (checked: at most {', '.join(shown)})" if shown else meaning


def show_pass(cls: type[Pass], document: dict[str, Any]) -> None:
    """A pass for people, ending with the lines that put it into a recipe."""
    click.echo(f"{document['name']}  (pass of {document['plugin']})\n")
    print_indented(document["doc"])
    click.echo()
    properties = {word: ", ".join(document[word]) or None for word in ("needs", "establishes", "breaks")}
    print_facts({"effect": f"{document['effect']}: {document['promise']}", **properties})
    show_options(document["options"])
    click.echo("\nIn a recipe:\n")
    print_indented("\n".join(("[[step]]", f'pass = "{document["name"]}"', *example_lines(option_fields(cls)))))


def example_lines(fields: Iterable[OptionField]) -> list[str]:
    """Options that must be given, to be filled in."""
    return [f"{item.key} = …    # {item.help}" for item in fields if item.required]


def explain_offer(session: Session, registry: Registry, kind: str, name: str) -> None:
    """A data set or a clip rule: its doc, its options and the lines that put it into a recipe."""
    offered, plugin = registry.load(kind, name), registry.source(kind, name).plugin
    options = option_documents(offered) if hasattr(offered, "__attrs_attrs__") else []
    called, noun, lines = OFFERS[kind]
    doc = inspect.getdoc(offered) or ""
    document = {"kind": called, "name": name, "plugin": plugin, "doc": doc, "options": options}
    answer(session, document, lambda: show_offer(document, noun, lines.format(name)))


def show_offer(document: dict[str, Any], noun: str, lines: str) -> None:
    """The same for people."""
    click.echo(f"{document['name']}  ({noun} of {document['plugin']})\n")
    print_indented(document["doc"])
    show_options(document["options"])
    click.echo("\nIn a recipe:\n")
    print_indented(lines)


def option_documents(cls: type) -> list[dict[str, Any]]:
    """The options of a class and of the tables in it: key, what is allowed, default, help."""
    return [line for item in option_fields(cls) for line in option_lines(item)]


def option_lines(item: OptionField, prefix: str = "") -> Iterator[dict[str, Any]]:
    """One option for programs, and below it those of its table; what must be given has no default."""
    default = {} if item.required else {"default": unstructure(item.default_value())}
    allowed = described(item.annotation, Place("", bounds=item.bounds))
    yield {"name": f"{prefix}{item.key}", "allowed": allowed, "required": item.required, **default, "help": item.help}
    for table in tables_in(item.annotation):
        for inner in option_fields(table):
            yield from option_lines(inner, f"{prefix}{item.key}.")


def tables_in(annotation: Any) -> Iterator[type]:
    """The classes of options that an annotation admits, but those with a short form of their own."""
    for kind in get_args(annotation) or (annotation,):
        if isinstance(kind, type) and issubclass(kind, Options):
            yield kind


def show_options(options: list[dict[str, Any]]) -> None:
    """A table of options, or a line that there are none."""
    if not options:
        click.echo("\nIt has no options.")
        return
    click.echo()
    rows = [(item["name"], item["allowed"], default_text(item), item["help"]) for item in options]
    print_table(("option", "allowed", "default", "what it decides"), rows)


def default_text(item: dict[str, Any]) -> str:
    """The default as a recipe would write it."""
    if item["required"]:
        return "must be given"
    return "unset" if item["default"] is None else literal(item["default"])


COMMAND = explain
