"""The rows of the table `kernels` for linear layers whose weights have 2 or 4 bits."""

from typing import Any

import numpy as np
from attrs import frozen

from nadoo_c.kernels import WrittenKernel
from nadoo_c.zero_skipping.columns import Columns
from nadoo_c.zero_skipping.text import BOUNDED, FOUR_BITS, NO_MULTIPLIER, TWO_BITS, Layer
from nadoo_graphs.lowered import Buffer, Kernel, Kind
from nadoo_graphs.lowered.expressions import Load
from nadoo_graphs.lowered.statements import Store, all_parts, walk

MOST_FEATURES = 1024
"""The list of inputs takes up to four bytes for each; larger layers would need more RAM than they are worth."""
FEWEST_OUTPUTS = 4
LARGEST_VALUE = 255
KINDS = {FOUR_BITS: Kind.U32, TWO_BITS: Kind.U16}


@frozen
class SkipZeros:
    """Writes a layer that costs time only for inputs that are not zero; equal to the plain loops bit for bit."""

    bits: int

    def fits(self, kernel: Kernel) -> bool:
        """Whether the inputs have 8 bits, the list of them is small, and the levels of the weights equal steps."""
        facts = kernel.attributes
        if kernel.integers is None or "scratch" in kernel.roles:
            return False
        sizes = facts["features"] <= MOST_FEATURES and facts["outputs"] >= FEWEST_OUTPUTS
        return sizes and largest_value(kernel) <= LARGEST_VALUE and Columns.of(kernel.integers, self.bits) is not None

    def write(self, kernel: Kernel) -> WrittenKernel:
        """The function, the weights by input, and what the sums begin with."""
        columns = self.columns(kernel)
        turns = columns.turns(largest_value(kernel))
        facts, function = kernel.attributes, requantization(kernel)
        layer = Layer(
            bits=self.bits, rows=facts["rows"], features=columns.features, outputs=columns.outputs,
            groups=columns.groups, given=memory_of(kernel, "x").c, zero_point=facts["zero_point"],
            negative=facts["input_low"] < facts["zero_point"], turns=turns, step=columns.step, offset=columns.offset,
            starts=kernel.starts is not None, result=result_text(kernel, function),
        )  # fmt: skip
        helpers = {"nadoo_no_multiplier": NO_MULTIPLIER, layer.entries.helper: layer.entries.text()}
        return WrittenKernel(
            body=layer.body(),
            flash=self.flash(kernel, columns),
            helpers={**helpers, **({"nadoo_bounded": BOUNDED} if function else {})},
            scratch=layer.entries.bytes * columns.features,
            calls=(function,) if function else (),
        )

    def columns(self, kernel: Kernel) -> Columns:
        """The levels of the weights; only kernels that fit are written."""
        found = None if kernel.integers is None else Columns.of(kernel.integers, self.bits)
        if found is None:
            raise ValueError(f"kernel {kernel.name!r} does not fit {self.bits} bits; ask `fits` before `write`")
        return found

    def flash(self, kernel: Kernel, columns: Columns) -> dict[str, Buffer]:
        """The constants of the layer."""
        found = {"columns": constant(kernel, "columns", KINDS[self.bits], columns.packed(self.bits))}
        if kernel.starts is not None:
            found["starts"] = constant(kernel, "starts", Kind.I32, kernel.starts)
        return found


FOUR_BIT_LAYERS = SkipZeros(FOUR_BITS)
TWO_BIT_LAYERS = SkipZeros(TWO_BITS)


def constant(kernel: Kernel, role: str, kind: Kind, data: np.ndarray[Any, Any]) -> Buffer:
    """An array in flash."""
    held = data.astype(kind.numpy)
    comment = f"{kernel.layer}: {role}"
    return Buffer(f"{kernel.name}_{role}", "flash", kind, held.size, held, kernel.format, comment, shape=(held.size,))


def largest_value(kernel: Kernel) -> int:
    """The largest distance of an input from its zero point."""
    facts = kernel.attributes
    return max(facts["input_high"] - facts["zero_point"], facts["zero_point"] - facts["input_low"])


def memory_of(kernel: Kernel, role: str) -> Kind:
    """How the elements of a role lie in memory."""
    for part in all_parts(kernel.body):
        if isinstance(part, Load) and part.role == role:
            return part.memory
    return next(item.memory for item in walk(kernel.body) if isinstance(item, Store) and item.role == role)


def requantization(kernel: Kernel) -> str:
    """The function from sums to codes; none where the sums are given as they are, or all codes are equal."""
    facts = kernel.attributes
    if facts["requantize"] == "none" or (not facts["per_channel"] and facts["multipliers"][0] == 0):
        return ""
    return f"nadoo_scale_{facts['requantize']}"


def result_text(kernel: Kernel, function: str) -> str:
    """What is stored for a sum, as C."""
    facts, kind = kernel.attributes, memory_of(kernel, "y")
    if facts["requantize"] == "none":
        return "sum"
    low, high, zero_point = facts["low"], facts["high"], facts["output_zero_point"]
    if not function:
        return f"({kind.c})({min(max(zero_point, low), high)})"
    channel = "multiplier[o], exponent[o]"
    factor = channel if facts["per_channel"] else f"{facts['multipliers'][0]}, {facts['exponents'][0]}"
    return f"({kind.c})nadoo_bounded({function}(sum, {factor}), {low - zero_point}, {high - zero_point}, {zero_point})"
