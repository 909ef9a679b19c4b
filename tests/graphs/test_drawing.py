"""The drawing: valid SVG that shows every node and operand, whatever they are called, and always the same."""

from xml.etree import ElementTree

import torch
from attrs import evolve
from hypothesis import given

from nadoo_graphs.drawing import WIDEST, box_of, curve, cut
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.layout import MOST_IN_ROW, SPACE
from nadoo_graphs.node import Origin
from nadoo_graphs.values import Value
from tests.graphs.random_graphs import graphs
from tests.graphs.small_ops import small_ops
from tests.graphs.test_graph import fastest

SVG = "{http://www.w3.org/2000/svg}"


def parsed(graph: ModelGraph) -> ElementTree.Element:
    return ElementTree.fromstring(graph.draw())  # noqa: S314 - our own text


def groups(picture: ElementTree.Element) -> list[ElementTree.Element]:
    """The boxes of nodes."""
    return [group for group in picture.iter(f"{SVG}g") if group.get("class") == "node"]


def paths(picture: ElementTree.Element) -> list[ElementTree.Element]:
    """The lines of operands."""
    return [path for path in picture.iter(f"{SVG}path") if "edge" in path.get("class", "")]


def title(item: ElementTree.Element) -> str:
    return item.findtext(f"{SVG}title") or ""


def width(picture: ElementTree.Element) -> int:
    return int(picture.get("width", "0"))


def blocks(count: int) -> ModelGraph:
    """Residual blocks of four nodes, as a ResNet has them."""
    graph = ModelGraph("blocks", small_ops())
    value = graph.add_input("x", ("N", 8))
    for index in range(count):
        inner = graph.add("linear", [value], name=f"stage.{index}.fc", tensors={"weight": torch.ones(8, 8)})
        inner = graph.add("tanh", [graph.add("relu", [inner])])
        value = graph.add("add", [inner, value], name=f"stage.{index}.add")
    graph.set_outputs([value])
    return graph


@given(graphs)
def test_every_node_and_operand_is_drawn_once(graph: ModelGraph) -> None:
    """A box a node, named in its tooltip, and a line an operand."""
    picture = parsed(graph)
    assert sorted(title(group).split(":")[0] for group in groups(picture)) == sorted(graph.order())
    operands = [
        f"{value} → {node.name} (operand {index})" for node in graph for index, value in enumerate(graph.operands(node))
    ]
    assert sorted(title(path) for path in paths(picture)) == sorted(operands)


@given(graphs)
def test_a_drawing_is_the_same_each_time(graph: ModelGraph) -> None:
    assert graph.draw() == graph.copy().draw() == graph._repr_svg_()


@given(graphs)
def test_everything_lies_inside_of_the_picture(graph: ModelGraph) -> None:
    """No box leaves the canvas, and no two boxes overlap."""
    picture = parsed(graph)
    boxes = [group.find(f"{SVG}rect") for group in groups(picture)]
    corners = [
        tuple(float(box.get(key, "nan")) for key in ("x", "y", "width", "height")) for box in boxes if box is not None
    ]
    assert len(corners) == len(graph)
    for x, y, wide, high in corners:
        assert x >= 0
        assert x + wide <= width(picture)
        assert y + high <= int(picture.get("height", "0"))
    for index, (x, y, wide, _) in enumerate(corners):
        assert all(y != y2 or x + wide < x2 or x2 + wide2 < x for x2, y2, wide2, _ in corners[index + 1 :])


def test_names_and_attributes_are_escaped() -> None:
    graph = ModelGraph("<b>&\"'", small_ops())
    x = graph.add_input("x<y>&z", (2,))
    graph.set_outputs([graph.add("scale", [x], name='a"b', label="</title>\x00\ud800\uffff<script>")])
    text = graph.draw()
    assert "<script>" not in text
    picture = ElementTree.fromstring(text)  # noqa: S314
    assert picture.get("aria-label") == "model graph <b>&\"'"
    assert "label=</title>\N{REPLACEMENT CHARACTER}" in title(groups(picture)[1])
    assert title(groups(picture)[0]).startswith("x<y>&z: input")
    assert text.encode("utf-8")


def test_a_tooltip_tells_everything_of_a_node() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", ("N", 4))
    origin = Origin("encoder.0", "Linear", "model.py:12")
    graph.add("linear", [x], name="fc", tensors={"weight": torch.ones(3, 4)}, origin=origin)
    graph.set_outputs([graph.add("scale", ["fc"], factor=2.0)])
    found = {title(group).split(":")[0]: title(group).splitlines() for group in groups(parsed(graph))}
    assert found["fc"] == [
        "fc: linear", "operands: x", "output: float32[N, 3]", "tensor weight[3, 4]", "from encoder.0", "model.py:12",
    ]  # fmt: skip
    assert found["scale"] == [
        "scale: scale", "operands: fc", "output: float32[N, 3]", "factor=2.0", "label=None (default)",
    ]  # fmt: skip
    assert found["output"] == ["output: output", "operands: scale"]


def test_the_legend_names_the_families_that_occur() -> None:
    picture = parsed(blocks(1))
    words = [text.text for text in picture.findall(f"{SVG}text")]
    assert words == [
        "blocks: 6 nodes, 64 parameters in 1 tensors",
        "input and output", "linear", "activation", "arithmetic",
    ]  # fmt: skip


def test_operators_of_plugins_are_drawn_as_others() -> None:
    graph = ModelGraph(ops=small_ops())
    graph.set_outputs([graph.add("scale", [graph.add_input("x", (2,))])])
    assert "other" in [text.text for text in parsed(graph).findall(f"{SVG}text")]


def test_a_residual_edge_stands_out() -> None:
    long = [path for path in paths(parsed(blocks(2))) if "long" in path.get("class", "")]
    assert [title(path) for path in long] == ["x → stage.0.add (operand 1)", "stage.0.add → stage.1.add (operand 1)"]


def test_two_operands_of_one_node_are_two_lines() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", (4,))
    graph.add("chunk", [graph.add("mul", [x, x])])
    graph.set_outputs([Value("chunk", 1)])
    lines = paths(parsed(graph))
    assert [title(line) for line in lines[:2]] == ["x → mul (operand 0)", "x → mul (operand 1)"]
    assert lines[0].get("d") != lines[1].get("d")
    assert title(lines[3]) == "chunk:1 → output (operand 0)"


def test_two_hundred_nodes_are_drawn_at_once_and_fit_a_page() -> None:
    graph = blocks(50)
    assert len(graph) == 202
    assert fastest(graph.draw) < 0.5
    assert width(parsed(graph)) < 700


def test_a_wide_graph_has_a_bounded_width() -> None:
    graph = ModelGraph(ops=small_ops())
    x = graph.add_input("x", ("N", 8))
    graph.set_outputs([graph.add("relu", [x], name=f"a long name of branch number {index}") for index in range(60)])
    assert width(parsed(graph)) < 2 * MOST_IN_ROW * (WIDEST + SPACE)


def test_long_texts_are_cut_and_names_keep_their_end() -> None:
    graph = ModelGraph(ops=small_ops())
    graph.add_input("encoder." * 20 + "final", tuple(range(1, 40)))
    box = box_of(graph.nodes()[0])
    assert box.name.startswith("…")
    assert box.name.endswith("encoder.final")
    assert box.types.endswith("…")
    assert WIDEST - 10 < box.width <= WIDEST
    assert (cut("abc", 3), cut("abcd", 3), cut("abcd", 0)) == ("abc", "ab…", "…")


def test_lines_enter_and_leave_upright() -> None:
    assert curve([(0, 0), (0, 10)]) == "M0 0V10"
    assert curve([(0, 0), (8, 10), (8, 20)]) == "M0 0C0 5 8 5 8 10V20"


def test_an_empty_graph_and_an_unknown_operator_are_drawn() -> None:
    assert groups(parsed(ModelGraph("empty", small_ops()))) == []
    graph = blocks(1)
    graph._replace_node(evolve(graph["relu"], op="strange"))
    assert "relu: strange" in [title(group).splitlines()[0] for group in groups(parsed(graph))]
