"""The graph as a picture: SVG that any notebook shows, in light and dark, without a program that lays graphs out.

Boxes bring their own background and everything between them is of a middle grey, so no theme has to be known.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias
from xml.sax.saxutils import escape, quoteattr

from attrs import frozen

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.layout import Layout, laid_out
from nadoo_graphs.node import OUTPUT, Node
from nadoo_graphs.palette import Paint, paints_of
from nadoo_graphs.text import attribute_texts, show, summary, tensor_texts
from nadoo_graphs.values import Value

Point: TypeAlias = tuple[float, float]

ROW_HEIGHT = 34.0
ROW_GAP = 24.0
MARGIN = 16.0
LINE = 20.0
NARROWEST, WIDEST = 76.0, 248.0
NAME_WIDTH, DETAIL_WIDTH = 6.7, 5.5
LEAST_WIDTH = 520.0
STYLE = (
    ".nadoo{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;max-width:100%;height:auto}"
    ".nadoo .name{font-size:11px;font-weight:600;fill:#1b1f24}"
    ".nadoo .detail{font-size:9px;fill:#3d444d}"
    ".nadoo .caption{font-size:12px;fill:#808488}"
    ".nadoo .edge{fill:none;stroke:#8b9198;stroke-width:1.3}"
    ".nadoo .long{stroke:#d9822b;stroke-width:1.6}"
    ".nadoo .node:hover rect{stroke-width:2.5}"
)
ARROW = (
    '<defs><marker id="nadoo-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5L8 4L0 7.5z" fill="#8b9198"/></marker></defs>'
)


@frozen
class Box:
    """What is written into the box of a node, cut to fit, and how wide that makes it."""

    name: str
    op: str
    types: str

    @property
    def width(self) -> float:
        """The width of the box."""
        detail = (len(self.op) + len(self.types) + 2) * DETAIL_WIDTH
        return min(max(NARROWEST, len(self.name) * NAME_WIDTH + 14, detail + 14), WIDEST)


def draw(graph: ModelGraph) -> str:
    """The graph as the text of an SVG document; the same graph gives the same text."""
    nodes = graph.nodes()
    boxes = {node.name: box_of(node) for node in nodes}
    edges = [(value.node, node.name) for node in nodes for value in graph.operands(node)]
    layout = laid_out([node.name for node in nodes], edges, {name: box.width for name, box in boxes.items()})
    paints = paints_of(nodes)
    width = max(layout.right - layout.left, LEAST_WIDTH)
    legend, top = legend_of(paints.values(), width)
    picture = Picture(graph, layout, (width - layout.right - layout.left) / 2 + MARGIN, top)
    lines = [picture.line(value, node, index) for node in nodes for index, value in enumerate(graph.operands(node))]
    drawn = [picture.box(node, boxes[node.name], paints[node.name]) for node in nodes]
    caption = element("text", safe(summary(graph)), x=MARGIN, y=MARGIN + 10, class_="caption")
    height = top + len(layout.rows) * (ROW_HEIGHT + ROW_GAP) - ROW_GAP + MARGIN
    parts = [f"<style>{STYLE}</style>", ARROW, caption, *legend, *lines, *drawn]
    return document("\n".join(parts), width + 2 * MARGIN, height, f"model graph {graph.name}")


def document(content: str, width: float, height: float, label: str) -> str:
    """The outermost element, no wider than the page that shows it."""
    size = f"{width:.0f} {max(height, 1):.0f}"
    return element(
        "svg",
        f"\n{content}\n",
        xmlns="http://www.w3.org/2000/svg",
        class_="nadoo",
        role="img",
        aria_label=label,
        width=f"{width:.0f}",
        height=f"{max(height, 1):.0f}",
        viewBox=f"0 0 {size}",
    )


@frozen
class Picture:
    """Turns places of the layout into shapes; the layout starts at (left, top)."""

    graph: ModelGraph
    layout: Layout
    left: float
    top: float

    def corner(self, row: int) -> float:
        """The upper end of a row."""
        return self.top + row * (ROW_HEIGHT + ROW_GAP)

    def middle(self, name: str) -> float:
        """The middle of a node from the left."""
        return self.layout.centres[name] + self.left

    def box(self, node: Node, box: Box, paint: Paint) -> str:
        """A node: its name, operator and types, and all the rest as a tooltip."""
        x, y = self.middle(node.name) - box.width / 2, self.corner(self.layout.row_of[node.name])
        right = x + box.width - 7
        parts = [
            element("title", safe("\n".join(tooltip(self.graph, node)))),
            element("rect", "", x=x, y=y, width=box.width, height=ROW_HEIGHT, rx=6, fill=paint.fill, stroke=paint.edge),
            element("text", safe(box.name), x=x + 7, y=y + 14, class_="name"),
            element("text", safe(box.op), x=x + 7, y=y + 27, class_="detail"),
            element("text", safe(box.types), x=right, y=y + 27, class_="detail", text_anchor="end"),
        ]
        return element("g", "".join(part for part in parts if not part.endswith("></text>")), class_="node")

    def line(self, value: Value, node: Node, operand: int) -> str:
        """One operand: a curve from row to row, straight through the rows between; a long one stands out."""
        bends = self.layout.bends(value.node, node.name)
        points: list[Point] = [(self.middle(value.node), self.corner(self.layout.row_of[value.node]) + ROW_HEIGHT)]
        for centre, row in bends:
            points += [(centre + self.left, self.corner(row)), (centre + self.left, self.corner(row) + ROW_HEIGHT)]
        points.append((self.port(node, operand), self.corner(self.layout.row_of[node.name]) - 1))
        classes = "edge long" if bends else "edge"
        title = element("title", safe(f"{value} → {node.name} (operand {operand})"))
        return element("path", title, d=curve(points), class_=classes, marker_end="url(#nadoo-arrow)")

    def port(self, node: Node, operand: int) -> float:
        """Where an operand enters: side by side in the order in which the lines come from the left."""
        origins = [self.arrival(value, node) for value in self.graph.operands(node)]
        order = sorted(range(len(origins)), key=lambda index: (origins[index], index))
        step = min(16.0, (self.layout.widths[node.name] - 16) / len(origins))
        return self.middle(node.name) + (order.index(operand) - (len(origins) - 1) / 2) * step

    def arrival(self, value: Value, node: Node) -> float:
        """From where the last piece of a line comes."""
        bends = self.layout.bends(value.node, node.name)
        return bends[-1][0] if bends else self.layout.centres[value.node]


def curve(points: Sequence[Point]) -> str:
    """A path through points that leaves and enters every row upright."""
    path = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        half = number((y + to_y) / 2)
        bend = f"C{number(x)} {half} {number(to_x)} {half} {number(to_x)} {number(to_y)}"
        path.append(f"V{number(to_y)}" if x == to_x else bend)
    return "".join(path)


def box_of(node: Node) -> Box:
    """The texts of a node, long ones cut: a name keeps its end, which tells it from its siblings."""
    types = ", ".join(str(item) for item in node.outputs[:2]) + (", …" if len(node.outputs) > 2 else "")
    room = int((WIDEST - 14) / DETAIL_WIDTH) - len(node.op) - 2
    most = int((WIDEST - 14) / NAME_WIDTH)
    name = node.name if len(node.name) <= most else f"…{node.name[1 - most :]}"
    return Box(name, cut(node.op, 40), cut(types, max(room, 0)))


def cut(text: str, most: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= most else f"{text[: max(most - 1, 0)]}…"


def tooltip(graph: ModelGraph, node: Node) -> list[str]:
    """Everything that is known of a node, a line each."""
    operands = ", ".join(str(value) for value in graph.operands(node))
    types = ", ".join(str(item) for item in node.outputs)
    changed = set(attribute_texts(graph, node))
    every = [f"{name}={show(value)}" for name, value in node.attributes.items()]
    return [
        f"{node.name}: {node.op}",
        *([f"operands: {operands}"] if operands else []),
        *([f"output: {types}"] if types and node.op != OUTPUT else []),
        *(item if item in changed else f"{item} (default)" for item in every),
        *(f"tensor {item}" for item in tensor_texts(graph, node)),
        *([f"from {node.origin.module}"] if node.origin.module else []),
        *([node.origin.source] if node.origin.source else []),
    ]


def legend_of(paints: Iterable[Paint], width: float) -> tuple[list[str], float]:
    """One pill for each colour that occurs, in lines no wider than allowed, and where the drawing may start."""
    x, y = MARGIN, MARGIN + LINE
    drawn: list[str] = []
    for paint in sorted(set(paints), key=lambda paint: paint.place):
        size = len(paint.family) * DETAIL_WIDTH + 14
        if x + size > width + MARGIN and x > MARGIN:
            x, y = MARGIN, y + LINE
        shape = element("rect", "", x=x, y=y, width=size, height=15, rx=7, fill=paint.fill, stroke=paint.edge)
        drawn += [shape, element("text", safe(paint.family), x=x + 7, y=y + 11, class_="detail")]
        x += size + 6
    return drawn, y + LINE + MARGIN


def element(tag: str, content: str, **attributes: str | float) -> str:
    """An element; attributes whose names Python reserves end in an underscore, others may have one for a hyphen."""
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    written = "".join(f" {key}={quoteattr(safe_text(value))}" for key, value in named)
    return f"<{tag}{written}>{content}</{tag}>" if content or tag != "rect" else f"<{tag}{written}/>"


def safe_text(value: str | float) -> str:
    """An attribute as text; numbers with at most one decimal, so that the drawing is the same everywhere."""
    return without_controls(value) if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """A coordinate; adding zero takes the sign from a zero."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def safe(text: str) -> str:
    """Text between tags."""
    return escape(without_controls(text))


def without_controls(text: str) -> str:
    """The text without characters that XML forbids."""
    return "".join(letter if is_allowed(letter) else "\N{REPLACEMENT CHARACTER}" for letter in text)


def is_allowed(letter: str) -> bool:
    """Whether XML 1.0 allows a character."""
    code = ord(letter)
    return letter in "\t\n\r" or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000
