"""Networks to calibrate with: drawn from the families that people use, from a few thousand weights to some millions."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from nadoo_hardware.calibrating.drawing import Drawing
from nadoo_hardware.estimators.work import graph_work

MOST_MACS, MOST_BYTES = 500_000_000, 128_000_000
"""A network beyond would take most of the time of a calibration."""
SIDES = (16, 24, 32, 48, 64, 96)
WIDEST = 1024
COLOURS = 3
CLASSES = (10, 100, 1000)


def drawn_networks(many: int, seed: int, dtype: str = "float32") -> Iterator[ModelGraph]:
    """Networks of all families in turn."""
    families = tuple(FAMILIES.items())
    for place in range(many):
        name, family = families[place % len(families)]
        yield drawn_network(f"{name}-{place // len(families) + 1}", family, seed, dtype)


def drawn_network(name: str, family: Callable[[Drawing], None], seed: int, dtype: str) -> ModelGraph:
    """The first network under a name and seed that is not too large."""
    for attempt in count():
        drawing = Drawing(name, seed + 1_000_003 * attempt, dtype)
        family(drawing)
        graph = drawing.done()
        work = graph_work(graph)
        if work.macs <= MOST_MACS and sum(work.flash.values()) <= MOST_BYTES:
            return graph
    raise AssertionError(name)


def staged(
    drawing: Drawing, block: Callable[[Drawing, int, int], None], low: int, high: int, deepest: int, growth: float = 2
) -> None:
    """An image, a first convolution, and stages of blocks that halve the image and widen it."""
    side = drawing.choice(SIDES)
    width = drawing.log_uniform(low, high, multiple=4)
    drawing.begin(COLOURS, side, side)
    drawing.conv(width, stride=drawing.choice((1, 2)))
    drawing.activate()
    for stage in range(drawing.whole(1, 5)):
        wide = min(int(width * growth**stage) // 4 * 4, WIDEST)
        for place in range(drawing.whole(1, deepest)):
            block(drawing, wide, 2 if stage and not place else 1)
    drawing.head(drawing.choice(CLASSES))


def plain(drawing: Drawing) -> None:
    """Convolutions of one kernel size after each other."""
    kernel = drawing.choice((1, 3, 3, 5))

    def block(into: Drawing, out: int, stride: int) -> None:
        into.conv(out, kernel, stride)
        into.activate()

    staged(drawing, block, 8, 64, deepest=3)


def residual(drawing: Drawing) -> None:
    """Blocks of two convolutions with a skip path."""

    def branch(into: Drawing, out: int, stride: int) -> None:
        into.conv(out, stride=stride)
        into.activate()
        into.conv(out)

    staged(drawing, lambda into, out, stride: skipped(into, branch, out, stride), 8, 64, deepest=4)


def bottleneck(drawing: Drawing) -> None:
    """Blocks of a narrow convolution between two pointwise ones, with a skip path."""

    def branch(into: Drawing, out: int, stride: int) -> None:
        into.conv(out // 4, 1)
        into.activate()
        into.conv(out // 4, stride=stride)
        into.activate()
        into.conv(out, 1)

    staged(drawing, lambda into, out, stride: skipped(into, branch, out, stride), 16, 256, deepest=5)


def skipped(drawing: Drawing, branch: Callable[[Drawing, int, int], None], out: int, stride: int) -> None:
    """A branch and what goes round it, through a convolution where their shapes differ."""
    entered, channels = drawing.end, drawing.shape[0]
    if (channels, 1) != (out, stride):
        drawing.conv(out, 1, stride)
    round_it, drawing.end = drawing.end, entered
    branch(drawing, out, stride)
    drawing.add("add", round_it)
    drawing.activate()


def inverted(drawing: Drawing) -> None:
    """Wide depthwise convolutions between two pointwise ones."""
    factor = drawing.choice((1, 3, 4, 6))

    def block(into: Drawing, out: int, stride: int) -> None:
        entered, channels = into.end, into.shape[0]
        into.conv(channels * factor, 1)
        into.activate()
        into.conv(channels * factor, stride=stride, groups=channels * factor)
        into.activate()
        into.conv(out, 1)
        if (channels, 1) == (out, stride):
            into.add("add", entered)

    staged(drawing, block, 8, 32, deepest=5, growth=1.7)


def separable(drawing: Drawing) -> None:
    """A depthwise convolution before each pointwise one."""

    def block(into: Drawing, out: int, stride: int) -> None:
        into.conv(into.shape[0], stride=stride, groups=into.shape[0])
        into.activate()
        into.conv(out, 1)
        into.activate()

    staged(drawing, block, 8, 128, deepest=3)


def perceptron(drawing: Drawing) -> None:
    """Linear layers after each other."""
    width = drawing.log_uniform(16, 2048)
    drawing.begin(drawing.log_uniform(8, 1024))
    for _ in range(drawing.whole(1, 6)):
        drawing.linear(width)
        drawing.activate()
    drawing.linear(drawing.choice(CLASSES))


def transformer(drawing: Drawing) -> None:
    """Blocks of attention and a perceptron over a sequence."""
    heads = drawing.choice((2, 4))
    width, length = drawing.log_uniform(16, 320, multiple=4 * heads), drawing.choice((9, 17, 64, 128))
    factor = drawing.choice((2, 4))
    drawing.begin(length, width)
    for _ in range(drawing.whole(1, 8)):
        entered = drawing.end
        drawing.layer_norm()
        attention(drawing, heads)
        entered = drawing.add("add", entered)
        drawing.layer_norm()
        drawing.linear(factor * width)
        drawing.add("gelu")
        drawing.linear(width)
        drawing.add("add", entered)
    drawing.layer_norm()
    drawing.add("mean", dim=(1,))
    drawing.linear(drawing.choice(CLASSES))


def attention(drawing: Drawing, heads: int) -> None:
    """Every place of a sequence looks at every other."""
    length, width = drawing.shape
    entered = drawing.end
    parts: list[Value] = []
    for _ in range(3):
        drawing.end = entered
        drawing.linear(width)
        drawing.add("reshape", shape=(-1, length, heads, width // heads))
        parts.append(drawing.add("transpose", dim0=1, dim1=2))
    query, key, value = parts
    drawing.end = query
    drawing.add("sdpa", key, value)
    drawing.add("transpose", dim0=1, dim1=2)
    drawing.add("reshape", shape=(-1, length, width))
    drawing.linear(width)


FAMILIES: Mapping[str, Callable[[Drawing], None]] = {
    "plain": plain,
    "residual": residual,
    "bottleneck": bottleneck,
    "inverted": inverted,
    "separable": separable,
    "perceptron": perceptron,
    "transformer": transformer,
}
