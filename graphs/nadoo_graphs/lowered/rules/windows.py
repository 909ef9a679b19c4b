"""Windows that slide over one or two axes: where they look, and what of that lies inside."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager

from attrs import frozen

from nadoo_graphs.lowered.building import Body
from nadoo_graphs.lowered.call import LoweringCall
from nadoo_graphs.lowered.expressions import Expression, both, i32
from nadoo_graphs.lowered.rules.nests import numbers, scaled

POSITIONS = ("oy", "ox")
"""What loops over the places of windows are called."""


@frozen
class Window:
    """One axis: its size, how many windows there are, and how they lie."""

    size: int
    count: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def leaves(self) -> bool:
        """Whether some window looks beyond the axis."""
        last = (self.count - 1) * self.stride + (self.kernel - 1) * self.dilation - self.padding
        return self.padding > 0 or last >= self.size

    def source(self, position: Expression, tap: Expression) -> Expression:
        """The index that a tap of a window looks at."""
        found = scaled(position, self.stride) + scaled(tap, self.dilation)
        return found - self.padding if self.padding else found


def windows_of(call: LoweringCall, kernel: Sequence[int], counts: Sequence[int]) -> tuple[Window, ...]:
    """The windows of a layer, axis by axis."""
    axes = len(kernel)
    sizes = call.operands[0].shape[-axes:]
    strides = numbers(call, "stride") or tuple(kernel)
    dilations = numbers(call, "dilation") if "dilation" in call.attributes else (1,) * axes
    paddings = paddings_of(call, kernel, dilations)
    rows = zip(sizes, counts, kernel, strides, paddings, dilations, strict=True)
    return tuple(Window(*row) for row in rows)


def paddings_of(call: LoweringCall, kernel: Sequence[int], dilations: Sequence[int]) -> tuple[int, ...]:
    """The margin before each axis; "same" puts the odd one behind."""
    padding = call.attributes["padding"]
    if padding == "same":
        return tuple(dilation * (size - 1) // 2 for size, dilation in zip(kernel, dilations, strict=True))
    return (0,) * len(kernel) if padding == "valid" else numbers(call, "padding")


@contextmanager
def taps(
    body: Body, windows: Sequence[Window], positions: Sequence[Expression]
) -> Generator[tuple[list[Expression], list[Expression]], None, None]:
    """Serial loops over the taps of a window: their indices, and those that they look at, only where inside."""
    with ExitStack() as stack:
        indices: list[Expression] = []
        sources: list[Expression] = []
        for axis, (window, position) in enumerate(zip(windows, positions, strict=True)):
            letter = "yx"[axis - len(windows)] if len(windows) <= 2 else "zyx"[axis]
            tap = i32(0) if window.kernel == 1 else stack.enter_context(body.loop(f"k{letter}", window.kernel))
            source = window.source(position, tap)
            if window.leaves:
                source = body.let(f"i{letter}", source)
                stack.enter_context(body.when(both(source >= 0, source < window.size)))
            indices.append(tap)
            sources.append(source)
        yield indices, sources
