"""A computation as memory sees it: steps that read and write values of known sizes.

Liveness, views, overwriting and the order of execution need no more than this, so graphs and lowered programs
are planned by the same code.
"""

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.memory.errors import MemoryPlanError
from nadoo_graphs.node import frozen_mapping


@frozen
class Step:
    """One operation: what it reads and writes, and how it may treat the bytes of its operands.

    The first result of a `view` is its first operand under another name. The first result of any other step
    may be written over the operands listed in `in_place`. A `barrier` keeps its place in every order.
    """

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    view: bool = False
    in_place: tuple[int, ...] = ()
    scratch: int = 0
    barrier: bool = False

    @property
    def owned(self) -> tuple[str, ...]:
        """The results that need bytes of their own."""
        return self.writes[1:] if self.view else self.writes


@frozen
class Program:
    """Steps in an order in which they can run, with the sizes of what they read and write.

    Values in `outside`, such as weights in flash, take no room in the arena; `residents` take it all the
    time.
    """

    steps: tuple[Step, ...]
    sizes: Mapping[str, int] = field(converter=frozen_mapping)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    outside: frozenset[str] = frozenset()
    residents: Mapping[str, int] = field(factory=dict[str, int], converter=frozen_mapping)

    def __attrs_post_init__(self) -> None:
        problems = tuple(program_problems(self))
        if problems:
            raise MemoryPlanError(problems, "the program cannot be planned")

    @property
    def end(self) -> int:
        """The index of the last step; a program without steps still holds its inputs, at step 0."""
        return max(len(self.steps) - 1, 0)

    def reordered(self, order: Sequence[str]) -> "Program":
        """The same steps in another order, which is refused if a value would be read before it is written."""
        steps = {step.name: step for step in self.steps}
        if sorted(order) != sorted(steps):
            message = f"names {len(order)} steps of {len(steps)}; name each step exactly once"
            raise MemoryPlanError(Problem(Code.NAME, "order", message))
        return evolve(self, steps=tuple(steps[name] for name in order))


def program_problems(program: Program) -> Iterator[Problem]:
    """Everything that keeps a program from being planned."""
    names: set[str] = set()
    known = {*program.inputs, *program.outside}
    for step in program.steps:
        if step.name in names:
            yield Problem(Code.NAME, step.name, "two steps have this name; give each its own")
        names.add(step.name)
        yield from step_problems(step, known)
        known.update(step.writes)
    for value in program.outputs:
        if value not in known:
            yield Problem(Code.OUTPUT, value, "is an output that no step writes; take it out or write it")
    for value in sorted(known - program.outside):
        if program.sizes.get(value, -1) < 0:
            found = program.sizes.get(value, "missing")
            yield Problem(Code.LIMIT, value, f"the size is {found}; give a number of bytes, at least 0")


def step_problems(step: Step, known: set[str]) -> Iterator[Problem]:
    """What is wrong with one step, given the values that exist before it."""
    for value in step.reads:
        if value not in known:
            yield Problem(Code.NAME, step.name, f"reads {value!r}, which nothing before it writes")
    for value in step.writes:
        if value in known:
            yield Problem(Code.NAME, step.name, f"writes {value!r}, which exists already; use a new name")
    if step.view and not (step.reads and step.writes):
        yield Problem(Code.SCHEMA, step.name, "is a view; it must read a value and write a value")
    for index in step.in_place:
        if not 0 <= index < len(step.reads):
            last = len(step.reads) - 1
            message = f"may overwrite operand {index}, but its operands are 0 to {last}"
            yield Problem(Code.SCHEMA, step.name, message)
    if step.scratch < 0:
        yield Problem(Code.LIMIT, step.name, f"the scratch is {step.scratch}; it must be at least 0 bytes")
