"""The layout of a drawing: rows from top to bottom, nothing overlaps, few crossings, bounded width."""

from itertools import pairwise

from hypothesis import given, strategies

from nadoo_graphs.layout import LINE_SPACE, MOST_IN_ROW, SPACE, Edge, Layout, crossings, gap, laid_out, linked, spread

NAMES = [f"n{index}" for index in range(24)]


def of_pairs(count: int, pairs: list[tuple[int, int]]) -> tuple[list[str], list[Edge]]:
    """Names and edges from lower to higher numbers."""
    ordered = [(min(pair) % count, max(pair) % count) for pair in pairs]
    return NAMES[:count], [(NAMES[low], NAMES[high]) for low, high in ordered if low < high]


places = strategies.integers(0, 23)
drawn = strategies.builds(of_pairs, strategies.integers(1, 24), strategies.lists(strategies.tuples(places, places)))


def layout_of(graph: tuple[list[str], list[Edge]]) -> Layout:
    names, edges = graph
    return laid_out(names, edges, {name: 60.0 + 10 * index for index, name in enumerate(names)})


@given(drawn)
def test_every_edge_leads_downwards(graph: tuple[list[str], list[Edge]]) -> None:
    """A reader stands in a lower row than what it reads, and the bends between lie in the rows between."""
    layout = layout_of(graph)
    for source, reader in graph[1]:
        assert layout.row_of[source] < layout.row_of[reader]
        rows = [row for _, row in layout.bends(source, reader)]
        assert rows == list(range(layout.row_of[source] + 1, layout.row_of[reader]))


@given(drawn)
def test_nothing_overlaps_and_everything_is_there_once(graph: tuple[list[str], list[Edge]]) -> None:
    """Neighbours in a row keep their distance; each node is in exactly one row, in at most the allowed company."""
    layout = layout_of(graph)
    nodes = [item for row in layout.rows for item in row if isinstance(item, str)]
    assert sorted(nodes) == sorted(graph[0])
    for row in layout.rows:
        assert 0 < sum(isinstance(item, str) for item in row) <= MOST_IN_ROW
        for left, right in pairwise(row):
            distance = (layout.widths[left] + layout.widths[right]) / 2 + gap(left, right)
            assert layout.centres[right] - layout.centres[left] >= distance - 1e-6


@given(drawn)
def test_a_layout_is_the_same_each_time(graph: tuple[list[str], list[Edge]]) -> None:
    assert layout_of(graph) == layout_of(graph)


def test_a_chain_is_straight() -> None:
    layout = layout_of((NAMES, list(pairwise(NAMES))))
    assert {layout.centres[name] for name in NAMES} == {0.0}
    assert [len(row) for row in layout.rows] == [1] * len(NAMES)


def test_a_residual_edge_runs_straight_beside_its_block() -> None:
    names = NAMES[:7]
    layout = layout_of((names, [*pairwise(names), ("n1", "n6")]))
    bends = [centre for centre, _ in layout.bends("n1", "n6")]
    assert max(bends) - min(bends) < 1
    assert all(abs(centre) > layout.widths[name] / 2 for centre, name in zip(bends, names[2:6], strict=True))


def test_a_row_that_is_too_full_continues_below() -> None:
    names = NAMES[:20]
    layout = layout_of((names, [("n0", name) for name in names[1:]]))
    assert [sum(isinstance(item, str) for item in row) for row in layout.rows] == [1, 6, 6, 6, 1]


def test_a_source_stands_above_its_first_reader() -> None:
    late = laid_out(["a", "constant", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "d"), ("constant", "d")], {})
    assert late.row_of["constant"] == 2


def test_crossings_are_counted_and_avoided() -> None:
    names, edges = ["a", "b", "c", "d"], [("a", "d"), ("b", "c")]
    row_of = {"a": 0, "b": 0, "c": 1, "d": 1}
    down, _ = linked(edges, row_of)
    assert crossings([["a", "b"], ["c", "d"]], down) == 1
    assert crossings([["a", "b"], ["d", "c"]], down) == 0
    layout = laid_out(names, edges, dict.fromkeys(names, 50.0))
    assert crossings(layout.rows, down) == 0


def test_items_that_want_the_same_place_share_it_by_weight() -> None:
    widths = {"a": 40.0, "b": 40.0}
    assert spread(["a", "b"], {"a": 0.0, "b": 0.0}, widths) == {"a": -29.0, "b": 29.0}
    assert spread(["a", "b"], {"a": -100.0, "b": 100.0}, widths) == {"a": -100.0, "b": 100.0}


def test_boxes_keep_more_room_than_lines() -> None:
    assert gap("a", ("b", 1)) == gap("a", "b") == SPACE
    assert gap(("a", 1), ("b", 1)) == LINE_SPACE < SPACE


def test_nothing_has_a_layout() -> None:
    layout = laid_out([], [], {})
    assert (layout.rows, layout.left, layout.right) == ((), 0, 0)
