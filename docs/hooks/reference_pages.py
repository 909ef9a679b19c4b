"""The reference pages, made from what is registered whenever the documentation is built: they cannot be stale."""

from collections.abc import Iterable, Sequence
from typing import Any

from nadoo_graphs.errors import Code
from nadoo_graphs.formats import Format, standard_formats
from nadoo_graphs.ops import AttributeRow, Op, standard_ops
from nadoo_graphs.ops.op import Required


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those that mkdocs has found."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> dict[str, str]:
    """Every reference page by its path."""
    return {
        "reference/passes.md": passes_page(),
        "reference/operators.md": operators_page(),
        "reference/formats.md": formats_page(),
        "reference/clip_rules.md": clip_rules_page(),
        "reference/datasets.md": datasets_page(),
        "reference/devices.md": devices_page(),
        "reference/errors.md": errors_page(),
    }


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(cell(item) for item in row) + " |" for row in rows)])


def cell(item: object) -> str:
    """A text that cannot break out of its cell."""
    return str(item).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def code(text: object) -> str:
    """A text set as code."""
    return f"`{text}`"


def operators_page() -> str:
    """The table of operators."""
    rows = ((code(row.name), row.summary, attributes_of(row), aliases_of(row)) for row in standard_ops())
    heads = ("operator", "what it does", "attributes and defaults", "layer names")
    return f"# Operators\n\nOne row an operator; plugins add rows of the same kind.\n\n{table(heads, rows)}\n"


def attributes_of(row: Op) -> str:
    """The attributes of a row with their defaults."""
    return ", ".join(code(attribute_text(item)) for item in row.attributes)


def attribute_text(item: AttributeRow) -> str:
    """An attribute with its default, if it has one."""
    return item.name if isinstance(item.default, Required) else f"{item.name}={item.default}"


def aliases_of(row: Op) -> str:
    """The names of a row in exchange documents."""
    return ", ".join(code(alias) for alias in row.aliases)


def formats_page() -> str:
    """The table of number formats."""
    rows = (format_row(item) for item in standard_formats())
    heads = ("format", "what it is", "bits", "held as", "aliases", "offers")
    return f"# Number formats\n\nNames are found whatever their case.\n\n{table(heads, rows)}\n"


def format_row(item: Format) -> tuple[object, ...]:
    """A format as one line of its table."""
    aliases, offers = ", ".join(map(code, item.aliases)), ", ".join(item.offers)
    return (code(item.name), item.summary, float(item.bits), code(item.carrier), aliases, offers)


def errors_page() -> str:
    """The codes of graph errors, and those of runs and recipes."""
    from nadoo_core.errors import CoreCode

    graph = ((code(item.value), item.meaning) for item in Code)
    core = ((code(item.value), item.meaning) for item in CoreCode)
    heads = ("code", "what is wrong")
    text = "# Errors\n\nEvery error carries all problems that were found; codes are stable, messages are not."
    return f"{text}\n\n## Graphs\n\n{table(heads, graph)}\n\n## Passes, recipes and runs\n\n{table(heads, core)}\n"


def clip_rules_page() -> str:
    """The clip rules and range estimators, each with its options."""
    from nadoo_core.quantizing import ESTIMATORS

    how = "How `quantize`, `train` and `heal` find the magnitude at the end of a code book: `clip` names a rule."
    rules = [section(name, value) for name, value in registered("clip_rules")]
    ranges = [section(name, value) for name, value in ESTIMATORS.items()]
    where = "How `calibrate` and `quantize` find the range of an activation: `estimator` and `ranges` name one."
    return "\n\n".join(["# Clip rules", how, *rules, "# Range estimators", where, *ranges]) + "\n"


def datasets_page() -> str:
    """The data sets, each with its options."""
    return "# Data sets\n\n" + "\n\n".join(section(name, value) for name, value in registered("datasets"))


def devices_page() -> str:
    """Every device with its facts and their sources, after a table of what a fact is."""
    from nadoo_core.cost import all_devices
    from nadoo_core.cost.fact import MEANINGS
    from nadoo_core.registry import Registry

    marks = table(("quality", "what it means"), ((code(name), text) for name, text in MEANINGS.items()))
    sections = [device_section(device) for device in all_devices(Registry.of(installed=True))]
    how = (
        "A fact that is not publicly known is absent, and a cost that needs it is unknown. A device of your own is a "
        "TOML file of the same form, given by its path: `nadoo devices mine.toml` checks and shows it."
    )
    facts = ("## The facts that a device can have", device_fields())
    return "\n\n".join(["# Devices", how, marks, *facts, "## Calibrations", calibration_terms(), *sections])


def calibration_terms() -> str:
    """What a calibration of a device may have coefficients for."""
    from nadoo_core.cost.terms import CODE_TERMS, LATENCY_TERMS

    how = (
        "`nadoo calibrate` fits costs to measurements and writes them with the device. `calibration` is a table in the "
        "device file, or the path of a file beside it that several devices share: the coefficients of the work below, "
        "and the models left out with what was measured and predicted, from which ranges are computed."
    )
    rows = [("latency", code(name), text) for name, text in LATENCY_TERMS.items()]
    rows += [("code", code(name), text) for name, text in CODE_TERMS.items()]
    return f"{how}\n\n{table(('cost', 'work', 'what is counted'), rows)}"


def device_fields() -> str:
    """What may stand in a device file."""
    from nadoo_core.cost import Device
    from nadoo_core.options import option_fields

    return table(("key", "what it is"), ((code(item.key), item.help) for item in option_fields(Device)))


def device_section(device: Any) -> str:
    """One device: what it is, its facts, and what is not known of it."""
    rows = (
        (code(path), fact.value, fact.quality, f"{fact.source}: {fact.note}" if fact.note else fact.source)
        for path, fact in device.facts().items()
    )
    aliases = f"Also called {', '.join(map(code, device.aliases))}. " if device.aliases else ""
    unknown = f"Not known: {', '.join(map(code, device.unknown()))}."
    about = f"{device.title}. {aliases}{device.summary}"
    facts = table(("fact", "value", "quality", "source"), rows)
    return f"## {device.name}\n\n{about}\n\n{facts}\n\n{unknown}"


def passes_page() -> str:
    """The passes of all installed plugins, each with its options."""
    return "# Passes\n\n" + "\n\n".join(section(name, value) for name, value in registered("passes"))


def registered(kind: str) -> list[tuple[str, Any]]:
    """What is registered of one kind, by name."""
    from nadoo_core.registry import Registry

    registry = Registry.of(installed=True)
    return [(name, registry.load(kind, name)) for name in registry.names(kind)]


def section(name: str, value: Any) -> str:
    """One registered class: what it says of itself, and its options."""
    documentation = (value.__doc__ or "").strip()
    return f"## {name}\n\n{documentation}\n\n{options_of(value)}"


def options_of(value: Any) -> str:
    """The options of a class, from the same schema that editors use."""
    from nadoo_core.options import json_schema

    properties: dict[str, Any] = json_schema(value).get("properties", {})
    rows = ((code(key), entry.get("description", ""), default_of(entry)) for key, entry in properties.items())
    return table(("option", "what it does", "default"), rows) if properties else "It has no options."


def default_of(entry: dict[str, Any]) -> str:
    """The default of an option, or that it must be given."""
    return code(entry["default"]) if "default" in entry else "required"
