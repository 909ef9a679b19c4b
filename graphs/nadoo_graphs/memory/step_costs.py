"""What running a step costs in bytes, given the steps done before it; a set of steps is the bits of an integer."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from nadoo_graphs.memory.aliases import Storage, overwritable, view_storage
from nadoo_graphs.memory.program import Program, Step


def bits(members: int) -> tuple[int, ...]:
    """The steps of a set, ascending."""
    found: list[int] = []
    while members:
        lowest = members & -members
        found.append(lowest.bit_length() - 1)
        members ^= lowest
    return tuple(found)


@frozen
class Held:
    """A buffer as the order of execution sees it: it dies once all its users are done, unless it is kept."""

    size: int
    users: int
    kept: bool

    def dies(self, done: int) -> bool:
        """Whether nobody needs the buffer once these steps are done."""
        return not self.kept and not self.users & ~done


@frozen
class StepCosts:
    """The dependencies of the steps and the buffers that each makes, uses and may overwrite."""

    count: int
    bound: int
    """What the start, the end or some step needs in every order."""
    inputs: int
    unused_inputs: int
    predecessors: tuple[int, ...]
    ancestors: tuple[int, ...]
    descendants: tuple[int, ...]
    made: tuple[int, ...]
    surviving: tuple[int, ...]
    """The part of what a step makes that outlives it."""
    used: tuple[tuple[Held, ...], ...]
    overwrites: tuple[tuple[Held, ...], ...]
    """The buffers of the very size of a step's first result that the result may be written over."""

    def run(self, step: int, done: int, live: int) -> tuple[int, int]:
        """The bytes needed while a step runs, and those live after it."""
        then = done | 1 << step
        during = live + self.made[step] + (0 if done else self.unused_inputs)
        for buffer in self.overwrites[step]:
            if buffer.dies(then):
                during -= buffer.size
                break
        freed = sum(buffer.size for buffer in self.used[step] if buffer.dies(then))
        return during, live + self.surviving[step] - freed

    def ready(self, done: int, among: int) -> Iterator[int]:
        """The steps of a set that can run next."""
        for step in bits(among & ~done):
            if not self.predecessors[step] & ~done:
                yield step

    @classmethod
    def of(cls, program: Program, in_place: bool) -> "StepCosts":
        """The costs of a program's steps; its own order is forgotten except at barriers."""
        held = held_buffers(program)
        predecessors = direct_predecessors(program)
        ancestors = closure(predecessors, range(len(program.steps)))
        descendants = closure(inverted(predecessors), range(len(program.steps))[::-1])
        used = held.used()
        overwrites = tuple(held.overwritten_by(step) if in_place else () for step in program.steps)
        made = tuple(sum(held.size(value) for value in step.owned) + step.scratch for step in program.steps)
        surviving = tuple(sum(held.lasting(value) for value in step.owned) for step in program.steps)
        return cls(
            count=len(program.steps),
            bound=held.bound(used, made, overwrites),
            inputs=held.lasting_inputs,
            unused_inputs=held.all_inputs - held.lasting_inputs,
            predecessors=predecessors,
            ancestors=ancestors,
            descendants=descendants,
            made=made,
            surviving=surviving,
            used=used,
            overwrites=overwrites,
        )


@frozen
class HeldBuffers:
    """The buffers of a program by name, with the storage that says which value lies in which."""

    program: Program
    storage: Storage
    buffers: Mapping[str, Held]

    def size(self, value: str) -> int:
        """The bytes of the buffer that a value owns."""
        return self.buffers[value].size

    def lasting(self, value: str) -> int:
        """The bytes of a value that somebody needs later."""
        buffer = self.buffers[value]
        return buffer.size if buffer.users or buffer.kept else 0

    @property
    def all_inputs(self) -> int:
        """What the inputs and the residents take before the first step."""
        return sum(self.size(value) for value in (*self.program.inputs, *self.program.residents))

    @property
    def lasting_inputs(self) -> int:
        """The same without inputs that nobody reads, which are dropped after the first step."""
        return sum(self.lasting(value) for value in (*self.program.inputs, *self.program.residents))

    def used(self) -> tuple[tuple[Held, ...], ...]:
        """The buffers that each step reads."""
        found: list[list[Held]] = [[] for _ in self.program.steps]
        for buffer in self.buffers.values():
            for step in bits(buffer.users):
                found[step].append(buffer)
        return tuple(map(tuple, found))

    def overwritten_by(self, step: Step) -> tuple[Held, ...]:
        """The buffers that the first result of a step may be written over without any change of size."""
        if step.view or not step.writes:
            return ()
        homes = (self.storage.homes[operand] for operand in overwritable(step, self.storage))
        found = (self.buffers[home] for home in homes if home not in self.storage.kept)
        return tuple(buffer for buffer in found if buffer.size == self.program.sizes[step.writes[0]])

    def bound(self, used: Sequence[Sequence[Held]], made: Sequence[int], overwrites: Sequence[Sequence[Held]]) -> int:
        """What no order avoids: the start, the end, and each step's own operands and results."""
        residents = sum(self.program.residents.values())
        kept = sum(buffer.size for buffer in self.buffers.values() if buffer.kept)
        needs = [
            residents
            + sum(buffer.size for buffer in used[step])
            + made[step]
            - max((buffer.size for buffer in overwrites[step]), default=0)
            for step in range(len(made))
        ]
        return max(self.all_inputs, kept, *needs) if needs else max(self.all_inputs, kept)


def held_buffers(program: Program) -> HeldBuffers:
    """The buffers with all their users; a view uses its base, and so do the readers of the view."""
    storage = view_storage(program)
    users = dict.fromkeys(storage.buffers, 0)
    for index, step in enumerate(program.steps):
        for value in step.reads:
            if value in storage.homes:
                users[storage.homes[value]] |= 1 << index
    buffers = {name: Held(buffer.size, users[name], name in storage.kept) for name, buffer in storage.buffers.items()}
    return HeldBuffers(program, storage, buffers)


def direct_predecessors(program: Program) -> tuple[int, ...]:
    """The steps that each step reads from; a barrier comes after all before it and before all after it."""
    writers = {value: index for index, step in enumerate(program.steps) for value in step.writes}
    predecessors: list[int] = []
    barrier = 0
    for index, step in enumerate(program.steps):
        found = (1 << index) - 1 if step.barrier else barrier
        for value in step.reads:
            if value in writers:
                found |= 1 << writers[value]
        predecessors.append(found)
        barrier = 1 << index if step.barrier else barrier
    return tuple(predecessors)


def inverted(predecessors: Sequence[int]) -> tuple[int, ...]:
    """The successors."""
    successors = [0] * len(predecessors)
    for step, members in enumerate(predecessors):
        for predecessor in bits(members):
            successors[predecessor] |= 1 << step
    return tuple(successors)


def closure(neighbours: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """All that can be reached; `order` comes to the neighbours of a step before the step."""
    reached = [0] * len(neighbours)
    for step in order:
        reached[step] = neighbours[step]
        for neighbour in bits(neighbours[step]):
            reached[step] |= reached[neighbour]
    return tuple(reached)
