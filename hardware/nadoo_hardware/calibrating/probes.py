"""Probes: chains of one operator, which tell apart what networks have together; they are fitted and never held out."""

from collections.abc import Callable, Iterator, Mapping

from nadoo_graphs.graph import ModelGraph
from nadoo_hardware.calibrating.drawing import Drawing

LINKS = 12
SMALL, LARGE = (2, 8, 16), (4, 64, 32)
"""The heads, the length and the width of what a chain works on."""


def probes(seed: int, dtype: str = "float32") -> Iterator[ModelGraph]:
    """Each chain on little and on much."""
    for name, link in LINK_OF.items():
        for size, shape in {"small": SMALL, "large": LARGE}.items():
            drawing = Drawing(f"{name}-{size}", seed, dtype)
            drawing.begin(*shape)
            for _ in range(LINKS):
                link(drawing)
            yield drawing.done()


def look(drawing: Drawing) -> None:
    """Views there and back."""
    heads, length, width = drawing.shape
    drawing.add("reshape", shape=(-1, heads * length, width))
    drawing.add("reshape", shape=(-1, heads, length, width))


def attended(drawing: Drawing) -> None:
    """Attention without its layers."""
    drawing.add("sdpa", drawing.end, drawing.end)


LINK_OF: Mapping[str, Callable[[Drawing], None]] = {"views": look, "attention": attended}
