"""Layers over codes whose weights are mostly zero: only the others are stored, each with its place, and multiplied.

A list holds, for every output (and every tap of a convolution's kernel), the channels whose weights are not zero. That
is done where the lists take no more flash than the packed weights, and at most half of the products are left.
"""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from attrs import evolve, frozen

from nadoo_graphs.lowered.expressions import Expression, Load, Name, Operation, i32
from nadoo_graphs.lowered.optimizing.nests import Nest, nest_of
from nadoo_graphs.lowered.optimizing.rewriting import rewritten
from nadoo_graphs.lowered.program import FLASH, Buffer, Kernel, Program, Slice
from nadoo_graphs.lowered.statements import Assign, For, If, Let, Statement, all_parts, walk
from nadoo_graphs.lowered.types import Kind, kind_of_range

Array = np.ndarray[Any, Any]
LAYERS = ("quantized_linear", "quantized_conv1d", "quantized_conv2d")
SPARSE = "sparse_"
"""What stands before the operator of a layer that is stored so: kernels for dense weights do not concern it."""
MOST = 0.5
"""The share of the products that may be left."""
ENTRY = "entry"


@frozen(eq=False)
class Lists:
    """The weights of a layer that are not zero: where each list begins, and its channels and values."""

    starts: Array
    places: Array
    values: Array

    @classmethod
    def of(cls, integers: Array, width: int) -> "Lists":
        """The lists of a matrix, one for each run of `width` weights."""
        runs = integers.reshape(-1, width)
        rows, places = np.nonzero(runs)
        starts = np.concatenate([[0], np.cumsum(np.count_nonzero(runs, axis=1))])
        return cls(starts, places, runs[rows, places])

    def arrays(self) -> Iterator[tuple[str, Array, Kind]]:
        """The arrays in flash, each as narrow as its numbers allow."""
        for name in ("starts", "places", "values"):
            array: Array = getattr(self, name)
            yield name, array, kind_of_range(int(array.min(initial=0)), int(array.max(initial=0)))

    @property
    def bytes(self) -> int:
        """The flash that they take."""
        return sum(array.size * kind.bytes for _, array, kind in self.arrays())


def store_sparsely(program: Program) -> Program:
    """Every layer that is smaller and quicker so."""
    buffers: dict[str, Buffer] = dict(program.buffers)
    kernels = tuple(sparse(program, kernel, buffers) or kernel for kernel in program.kernels)
    if len(buffers) == len(program.buffers):
        return program
    used = {part.buffer for kernel in kernels for part in kernel.roles.values()}
    kept = {name: item for name, item in buffers.items() if item.storage != FLASH or name in used}
    return program.with_buffers(kept).with_kernels(kernels)


def sparse(program: Program, kernel: Kernel, buffers: dict[str, Buffer]) -> Kernel | None:
    """The kernel over lists, if that pays; its arrays are added to the buffers."""
    if kernel.operator not in LAYERS or kernel.integers is None or kernel.attributes.get("fused"):
        return None
    lists = Lists.of(kernel.integers, width_of(kernel))
    nest = nest_of(kernel)
    if nest is None or not pays(program, kernel, lists):
        return None
    body = rebuilt(kernel, nest, lists)
    if body is None:
        return None
    roles = {role: part for role, part in kernel.roles.items() if role in read_by(body) or role in kernel.written}
    for name, array, kind in lists.arrays():
        buffer = Buffer(
            fresh(f"{kernel.roles['weight'].buffer}_{name}", buffers), FLASH, kind, array.size,
            array.astype(kind.numpy), kernel.format, f"{kernel.layer}: {name} of weights that are not zero",
        )  # fmt: skip
        buffers[buffer.name] = buffer
        roles[name] = Slice(buffer.name, 0, buffer.length)
    return evolve(kernel, operator=SPARSE + kernel.operator, body=body, roles=roles)


def width_of(kernel: Kernel) -> int:
    """The weights that one list is made of: those of a row, or of one tap."""
    facts = kernel.attributes
    return int(facts["features"]) if "features" in facts else int(facts["channels"]) // int(facts["groups"])


def pays(program: Program, kernel: Kernel, lists: Lists) -> bool:
    """Whether lists take no more flash, and few enough products are left."""
    integers: Array = kernel.integers  # type: ignore[assignment]
    dense = sum(program.buffer_of(kernel, role).bytes for role in ("weight", "levels") if role in kernel.roles)
    few = 0 < len(lists.values) <= MOST * integers.size
    return width_of(kernel) > 1 and few and lists.bytes <= dense


def read_by(body: tuple[Statement, ...]) -> set[str]:
    """The roles that a body reads."""
    return {part.role for part in all_parts(body) if isinstance(part, Load)}


def fresh(name: str, known: dict[str, Buffer]) -> str:
    """A name that no buffer has."""
    found, count = name, 1
    while found in known:
        count += 1
        found = f"{name}_{count}"
    return found


def rebuilt(kernel: Kernel, nest: Nest, lists: Lists) -> tuple[Statement, ...] | None:
    """The loops of a kernel with its innermost sum over a list."""
    first, *middle = nest.block
    output = output_of(kernel, nest)
    if not isinstance(first, Let) or output is None:
        return None
    kinds = {name: kind for name, _, kind in lists.arrays()}
    if "features" in kernel.attributes:
        sums: tuple[Statement, ...] | None = (row_sum(kernel, nest, first, output, kinds),)
    else:
        taps = sum(size > 1 for size in kernel.attributes["kernel"])
        sums = tap_sums(tuple(middle), taps, output * prod(kernel.attributes["kernel"]), kernel, kinds)
    if sums is None:
        return None
    body: tuple[Statement, ...] = (first, *sums, nest.store)
    for loop in reversed(nest.loops):
        body = (evolve(loop, body=body),)
    return body


def output_of(kernel: Kernel, nest: Nest) -> Expression | None:
    """The index of the output that a turn computes."""
    facts = kernel.attributes
    before = int(facts.get("rows", facts.get("batch", 1))) > 1
    if int(facts["outputs"]) == 1:
        return i32(0)
    return Name(nest.loops[before].variable) if len(nest.loops) > before else None


def row_sum(kernel: Kernel, nest: Nest, first: Let, output: Expression, kinds: dict[str, Kind]) -> Statement:
    """The sum of a linear layer."""
    features, several = int(kernel.attributes["features"]), int(kernel.attributes["rows"]) > 1
    begin: Expression = Name(nest.loops[0].variable) * features if several else i32(0)
    memory = next(part.memory for part in all_parts(kernel.body) if isinstance(part, Load) and part.role == "x")
    place = Load("places", Name(ENTRY), kinds["places"])
    given = Load("x", begin + place if several else place, memory)
    return listed(output, given, Name(first.name), kinds)


def listed(which: Expression, given: Expression, total: Name, kinds: dict[str, Kind]) -> For:
    """The loop over one list: each value times what is given for its place."""
    start, stop = (Load("starts", index, kinds["starts"]) for index in (which, which + 1))
    product = given * Load("values", Name(ENTRY), kinds["values"])
    return For(ENTRY, start, stop, (Assign(total.name, total + product),))


def tap_sums(
    body: tuple[Statement, ...], taps: int, which: Expression, kernel: Kernel, kinds: dict[str, Kind]
) -> tuple[Statement, ...] | None:
    """The loops over the taps of a convolution, the loop over channels in each replaced by one over a list."""
    place = next((at for at, item in enumerate(body) if isinstance(item, For | If)), None)
    if place is None:
        return None
    statement = body[place]
    if isinstance(statement, For) and not taps:
        loop = over_list(statement, which, kinds)
        return None if loop is None else (*body[:place], loop, *body[place + 1 :])
    if isinstance(statement, For):
        sizes = [size for size in kernel.attributes["kernel"] if size > 1]
        which = which + Name(statement.variable) * prod(sizes[len(sizes) - taps + 1 :])
        inner = tap_sums(statement.body, taps - 1, which, kernel, kinds)
    else:
        inner = tap_sums(statement.body, taps, which, kernel, kinds) if isinstance(statement, If) else None
    return None if inner is None else (*body[:place], evolve(statement, body=inner), *body[place + 1 :])


def over_list(loop: For, which: Expression, kinds: dict[str, Kind]) -> For | None:
    """The loop over channels as one over a list."""
    last = loop.body[-1]
    if not isinstance(last, Assign) or any(isinstance(item, For) for item in walk(loop.body)):
        return None
    sums = last.value
    if not isinstance(sums, Operation) or sums.op != "add" or not isinstance(sums.operands[1], Operation):
        return None
    product = sums.operands[1]
    if product.op != "mul" or sums.operands[0] != Name(last.name):
        return None
    channel, place = Name(loop.variable), Load("places", Name(ENTRY), kinds["places"])
    given = rewritten(product.operands[0], lambda part: place if part == channel else part)
    roles = {part.role for part in all_parts((Assign("", given),)) if isinstance(part, Load)}
    return listed(which, given, Name(last.name), kinds) if roles == {"x", "places"} else None
