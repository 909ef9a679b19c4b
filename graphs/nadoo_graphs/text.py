"""The graph as text: one line a node, in order of execution, the same text for the same graph."""

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Attribute, Node

COLUMNS = ("node", "op", "operands", "output", "attributes and tensors")


def text(graph: ModelGraph) -> str:
    """A table of all nodes under a line that sums the graph up."""
    rows = [COLUMNS, *(cells(graph, node) for node in graph.nodes())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([summary(graph), *lines, *remarks(graph)])


def summary(graph: ModelGraph) -> str:
    """Name, size and parameters in one line."""
    parameters = sum(record.value.numel() for record in graph.tensors.values() if record.role == "parameter")
    count = f"{parameters:,} parameter" + ("" if parameters == 1 else "s")
    return f"{graph.name}: {len(graph)} nodes, {count} in {len(graph.tensors)} tensors"


def cells(graph: ModelGraph, node: Node) -> tuple[str, ...]:
    """One line of the table."""
    operands = ", ".join(str(value) for value in graph.operands(node))
    outputs = ", ".join(str(item) for item in node.outputs)
    return (
        node.name,
        node.op,
        operands,
        outputs,
        ", ".join([*attribute_texts(graph, node), *tensor_texts(graph, node)]),
    )


def attribute_texts(graph: ModelGraph, node: Node) -> list[str]:
    """The attributes that differ from the row's defaults."""
    row = graph.ops.by_name.get(node.op)
    defaults = {} if row is None else {item.name: item.default for item in row.attributes}
    return [f"{name}={show(value)}" for name, value in node.attributes.items() if defaults.get(name, ...) != value]


def tensor_texts(graph: ModelGraph, node: Node) -> list[str]:
    """The tensors with their shapes; one that is called as its node is named by its role alone."""
    return [
        f"{role if name == f'{node.name}.{role}' else f'{role}={name}'}{shape_text(graph, name)}"
        for role, name in node.tensors.items()
    ]


def shape_text(graph: ModelGraph, name: str) -> str:
    """The shape of a tensor, or that it is missing."""
    return str(list(graph.tensors[name].value.shape)) if name in graph.tensors else " (missing)"


def show(value: Attribute) -> str:
    """An attribute as a person writes it."""
    return f"({', '.join(show(item) for item in value)})" if isinstance(value, tuple) else str(value)


def remarks(graph: ModelGraph) -> list[str]:
    """Tied names and what the capture had to say."""
    tied = [f"tied: {alias} is {holder}" for alias, holder in graph.aliases.items()]
    return [*tied, *(f"note: {line}" for line in graph.contract.report.lines())]
