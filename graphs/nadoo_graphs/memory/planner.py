"""The memory that a graph needs to run: its values as buffers in one arena, in the best order if asked for."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING

from attrs import field, frozen

from nadoo_graphs.counting import dtype_bits, held_bytes
from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.memory.aliases import storage_of
from nadoo_graphs.memory.arena import best_plan
from nadoo_graphs.memory.errors import MemoryPlanError
from nadoo_graphs.memory.liveness import round_up, timeline
from nadoo_graphs.memory.plan import MemoryPlan
from nadoo_graphs.memory.program import Program, Step
from nadoo_graphs.memory.schedule import smallest_peak_order
from nadoo_graphs.node import INPUT, OUTPUT, TENSOR, Node
from nadoo_graphs.sizes import bind
from nadoo_graphs.values import ELEMENT_BITS, Value, ValueType

if TYPE_CHECKING:
    from nadoo_graphs.formats import FormatTable

BATCH = {"N": 1}
"""What is bound unless the caller binds it otherwise: costs are given for one sample."""
BORDER = frozenset({INPUT, OUTPUT, TENSOR})


def plan_memory(
    graph: ModelGraph,
    *,
    bindings: Mapping[str, int] | None = None,
    alignment: int = 4,
    in_place: bool = True,
    reorder: bool = False,
    weights_in_ram: bool = False,
    scratch: Mapping[str, int] | None = None,
    formats: "FormatTable | None" = None,
) -> MemoryPlan:
    """Plan the arena for the values between the nodes; `scratch` is what a kernel needs for itself, by node."""
    sizes = ValueSizes({**BATCH, **(bindings or {})}, checked_alignment(alignment), formats or graph.formats)
    program = graph_program(graph, sizes, weights_in_ram, scratch or {})
    return plan_program(program, alignment=alignment, in_place=in_place, reorder=reorder)


def plan_program(program: Program, *, alignment: int = 1, in_place: bool = True, reorder: bool = False) -> MemoryPlan:
    """Plan a program; another order is taken only if its arena is smaller and its peak no higher."""
    given = plan_order(program, program, alignment, in_place)
    if not reorder or given.peak == given.arena.size == given.lower_bound:
        return given
    order = smallest_peak_order(program, in_place).order
    found = plan_order(program.reordered(order), program, alignment, in_place)
    return found if found.peak <= given.peak and found.arena.size < given.arena.size else given


def plan_order(program: Program, given: Program, alignment: int, in_place: bool) -> MemoryPlan:
    """Plan a program in the order of its steps."""
    storage, used = storage_of(program, in_place)
    buffers = tuple(storage.buffers.values())
    return MemoryPlan(
        program=program,
        given=given,
        arena=best_plan(buffers, alignment),
        timeline=timeline(buffers, len(program.steps)),
        may_overwrite=in_place,
        in_place=used,
        homes=storage.homes,
    )


def checked_alignment(alignment: int) -> int:
    """The alignment, refused where it is none."""
    if alignment >= 1:
        return alignment
    message = f"is {alignment}; give the number of bytes of a boundary, at least 1"
    raise MemoryPlanError(Problem(Code.LIMIT, "alignment", message))


@frozen
class ValueSizes:
    """How many bytes a value takes once its symbols are bound."""

    bindings: Mapping[str, int]
    alignment: int
    formats: "FormatTable | None"
    known: dict[ValueType, int] = field(factory=dict[ValueType, int], eq=False, repr=False)
    """The bytes of the types that were met: a network has few."""

    def bytes(self, kind: ValueType) -> int:
        """The bytes of all elements packed without gaps, up to the next boundary."""
        if kind not in self.known:
            self.known[kind] = self.measured(kind)
        return self.known[kind]

    def measured(self, kind: ValueType) -> int:
        """The bytes of a type that is met for the first time."""
        sizes = [bind(size, self.bindings) for size in kind.shape]
        if min(sizes, default=0) < 0:
            message = f"has the sizes {sizes}; bind its symbols so that none is negative"
            raise MemoryPlanError(Problem(Code.SHAPE, str(kind), message))
        bits = self.bits(kind)
        return round_up(-(-prod(sizes) * bits.numerator // (8 * bits.denominator)), self.alignment)

    def bits(self, kind: ValueType) -> Fraction:
        """The width of one element: of its format where it has one, else of its dtype."""
        if kind.format is not None:
            return self.format_table()[kind.format].bits
        if kind.dtype in ELEMENT_BITS:
            return dtype_bits(kind.dtype)
        message = f"has no known width; use one of {', '.join(ELEMENT_BITS)}"
        raise MemoryPlanError(Problem(Code.DTYPE, kind.dtype, message))

    def format_table(self) -> "FormatTable":
        """The formats to look widths up in; the standard ones unless others were given."""
        if self.formats is not None:
            return self.formats
        from nadoo_graphs.formats import standard_formats

        return standard_formats()


def graph_program(graph: ModelGraph, sizes: ValueSizes, weights_in_ram: bool, scratch: Mapping[str, int]) -> Program:
    """The graph as steps; inputs, outputs and tensors are no steps, and tensors stay in flash unless asked for."""
    nodes = graph.nodes()
    running = [node for node in nodes if node.op not in BORDER]
    tensors = [node for node in nodes if node.op == TENSOR]
    check_scratch(scratch, running)
    return Program(
        steps=tuple(graph_step(graph, node, scratch) for node in running),
        sizes=value_sizes([node for node in nodes if node.op != TENSOR], sizes),
        inputs=tuple(str(Value(node.name)) for node in graph.inputs),
        outputs=tuple(str(value) for value in graph.outputs),
        outside=frozenset(str(Value(node.name)) for node in tensors),
        residents=resident_sizes(graph, sizes.alignment) if weights_in_ram else {},
    )


def check_scratch(scratch: Mapping[str, int], nodes: Iterable[Node]) -> None:
    """Refuse scratch for what never runs."""
    known = {node.name for node in nodes}
    unknown = [name for name in scratch if name not in known]
    if unknown:
        message = "has scratch but is no node that runs; name a node as the graph does"
        raise MemoryPlanError(Problem(Code.NAME, repr(name), message) for name in unknown)


def graph_step(graph: ModelGraph, node: Node, scratch: Mapping[str, int]) -> Step:
    """A node as a step; it may overwrite only operands that it reads element by element, at the same place."""
    row = graph.ops[node.op]
    operands = graph.operands(node)
    return Step(
        name=node.name,
        reads=tuple(str(value) for value in operands),
        writes=tuple(str(Value(node.name, index)) for index in range(len(node.outputs))),
        view=row.view,
        in_place=tuple(
            index
            for index in row.in_place
            if index < len(operands) and graph.type(operands[index]).elements == node.type.elements
        ),
        scratch=scratch.get(node.name, 0),
        barrier=row.effect,
    )


def value_sizes(nodes: list[Node], sizes: ValueSizes) -> dict[str, int]:
    """The bytes of every output of some nodes; what cannot be sized is refused all at once."""
    known: dict[str, int] = {}
    problems: list[Problem] = []
    for node in nodes:
        for index, kind in enumerate(node.outputs):
            try:
                known[str(Value(node.name, index))] = sizes.bytes(kind)
            except GraphError as error:
                problems.extend(located(error, f"node {node.name!r}"))
    if problems:
        raise MemoryPlanError(problems, "the sizes of some values are not known")
    return known


def located(error: GraphError, where: str) -> Iterator[Problem]:
    """The problems of an error with the place that they were met at."""
    for problem in error.problems:
        yield Problem(problem.code, where, f"{problem.where}: {problem.message}")


def resident_sizes(graph: ModelGraph, alignment: int) -> dict[str, int]:
    """The bytes of every tensor as it is kept, in the format of its layer where it has one; tied ones once."""
    return {f"tensor {name}": round_up(size, alignment) for name, size in held_bytes(graph).items()}
