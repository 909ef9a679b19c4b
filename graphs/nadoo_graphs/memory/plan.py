"""What a memory plan says, as values for programs and as a table for people."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from attrs import field, frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.memory.aliases import InPlace
from nadoo_graphs.memory.arena import ArenaPlan
from nadoo_graphs.memory.errors import MemoryPlanError
from nadoo_graphs.memory.liveness import Timeline
from nadoo_graphs.memory.program import Program
from nadoo_graphs.memory.savings import Savings, possible_savings
from nadoo_graphs.memory.step_costs import StepCosts
from nadoo_graphs.node import frozen_mapping

BAR = 40


@frozen
class MemoryPlan:
    """Where every value lies and how many bytes each step needs, in one order of execution."""

    program: Program
    given: Program
    """The program in the order of the graph."""
    arena: ArenaPlan
    timeline: Timeline
    may_overwrite: bool
    """Whether results were allowed to overwrite operands."""
    in_place: tuple[InPlace, ...]
    homes: Mapping[str, str] = field(converter=frozen_mapping)
    """The buffer of the arena that each value lies in."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The nodes in order of execution."""
        return tuple(step.name for step in self.program.steps)

    @property
    def sizes(self) -> Mapping[str, int]:
        """The bytes of each value, views included."""
        return self.program.sizes

    @cached_property
    def lower_bound(self) -> int:
        """What no order needs less than: the operands and results of some step, the inputs, or the outputs."""
        return StepCosts.of(self.program, self.may_overwrite).bound

    @property
    def peak(self) -> int:
        """The most bytes live at any step, which the arena cannot be smaller than in this order."""
        return self.timeline.peak

    @property
    def peak_node(self) -> str | None:
        """The node at the peak; None in a graph without nodes to execute."""
        return self.steps[self.timeline.peak_step] if self.steps else None

    @property
    def reordered(self) -> bool:
        """Whether the nodes run in another order than the graph's."""
        return self.program is not self.given

    def offset(self, value: str) -> int:
        """Where a value begins in the arena."""
        if value in self.homes:
            return self.arena.offsets[self.homes[value]]
        raise MemoryPlanError(Problem(Code.NAME, value, "has no place in the arena; see the keys of `homes`"))

    def savings(self) -> Savings:
        """What overwriting and reordering would save; computed when asked for, since it searches for an order."""
        return possible_savings(self.given)

    def text(self) -> str:
        """A line a step with a bar for its bytes, below a summary."""
        return "\n".join((*self._summary(), "", *self._rows()))

    def _summary(self) -> Iterator[str]:
        optimal = ", proven smallest" if self.arena.optimal else ""
        yield f"arena        {self.arena.size:,} bytes ({self.arena.method}{optimal})"
        yield f"peak         {self.peak:,} bytes at {self.peak_node or 'the inputs'}"
        yield f"lower bound  {self.lower_bound:,} bytes in any order"
        savings = self.savings()
        yield f"in place     {len(self.in_place)} of {len(self.steps)} steps overwrite an operand"
        yield (
            f"would save   {savings.in_place:,} bytes in place, {savings.reordering:,} by reordering, "
            f"{savings.both:,} by both"
        )

    def _rows(self) -> Iterator[str]:
        names = self.steps or ("(no steps)",)
        width = max(len(name) for name in names)
        overwriting = {use.step for use in self.in_place}
        for index, (name, total) in enumerate(zip(names, self.timeline.totals, strict=False)):
            bar = "█" * -(-total * BAR // max(self.peak, 1))
            in_place = " in place" if name in overwriting else ""
            peak = " ← peak" if index == self.timeline.peak_step else ""
            yield f"{name:<{width}}  {total:>12,}  {bar:<{BAR}}{in_place}{peak}".rstrip()
