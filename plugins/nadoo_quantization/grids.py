"""Where the codes of a value lie: its format, scale and zero point, and the tensors of the graph that hold them."""

import torch
from attrs import frozen

from nadoo_core.quantizing import Codes, Range, scale_and_zero_point
from nadoo_graphs.errors import Code, FormatError, Problem
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.names import tensor_name

LARGEST_ACTIVATION = 16


@frozen
class Grid:
    """real = (code − zero) · scale, with the names of both tensors; without a zero point the codes are symmetric."""

    format: str
    codes: Codes
    scale: float
    zero: int
    scale_name: str
    zero_name: str | None

    def code(self, real: float) -> int:
        """The code of a real number, within the codes of the format."""
        return min(max(round(real / self.scale) + self.zero, self.codes.low), self.codes.high)

    def roles(self, name: str) -> dict[str, str]:
        """The tensors by role, such as input_scale and input_zero_point; an empty name gives scale and zero_point."""
        lead = f"{name}_" if name else ""
        zero = {} if self.zero_name is None else {f"{lead}zero_point": self.zero_name}
        return {f"{lead}scale": self.scale_name, **zero}

    def numbered(self, name: str, index: int) -> dict[str, str]:
        """The tensors of one of several operands, such as input_scale_0."""
        return {f"{role}_{index}": tensor for role, tensor in self.roles(name).items()}


def activation_format(graph: ModelGraph, name: str) -> Format:
    """A format that activations can have: integers of at most two bytes, or so many levels that are integers."""
    row = graph.formats[name]
    if row.codec is None or row.bits > LARGEST_ACTIVATION or not (row.kind == "integer" or is_counted(row)):
        message = "holds no activations; give integers of at most 16 bits, such as int8, uint8 or u31level"
        raise FormatError(Problem(Code.DATA, f"format {name!r}", message))
    return row


def is_counted(row: Format) -> bool:
    """Whether the levels are the codes themselves, integers without a gap, however many."""
    levels = row.levels()
    return levels is not None and list(levels) == list(range(int(row.minimum), int(row.maximum) + 1))


def codes_of(row: Format, *, symmetric: bool) -> Codes:
    """The codes of an activation's format, with or without a zero point."""
    low, high = row.code_range(with_zero_point=not symmetric)
    return Codes(low, high, symmetric=symmetric)


def make_grid(
    graph: ModelGraph,
    node: str,
    row: Format,
    span: Range,
    *,
    symmetric: bool,
    dtype: torch.dtype,
    learned: bool = False,
) -> Grid:
    """A grid for a range, with its tensors in the graph; the scale is what the tensor holds after rounding."""
    codes = codes_of(row, symmetric=symmetric)
    wanted, zero = scale_and_zero_point(span, codes)
    held = torch.tensor(wanted, dtype=dtype)
    role = "parameter" if learned else "buffer"
    scale_name = graph.add_tensor(tensor_name(graph, node, "scale"), held, role)
    zero_name = None
    if not symmetric:
        zero_name = graph.add_tensor(tensor_name(graph, node, "zero_point"), torch.tensor(zero), "buffer")
    return Grid(row.name, codes, float(held), zero, scale_name, zero_name)
