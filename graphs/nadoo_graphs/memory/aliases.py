"""Which values share bytes: views with what they look at, results with operands that they overwrite.

A view takes no room and keeps its base alive. A result may overwrite an operand that nobody reads afterwards
and that is at least as large; both then are one buffer.
"""

from collections.abc import Iterator

from attrs import Factory, define, frozen

from nadoo_graphs.memory.liveness import Buffer, timeline
from nadoo_graphs.memory.program import Program, Step


@frozen
class InPlace:
    """A step whose first result is written over an operand that dies there."""

    step: str
    operand: str
    result: str


@define
class Storage:
    """The buffers of a program in its order, and which of them each value lies in."""

    buffers: dict[str, Buffer] = Factory(dict[str, Buffer])
    homes: dict[str, str] = Factory(dict[str, str])
    kept: set[str] = Factory(set[str])
    """The buffers that must survive: they hold an output or a resident."""
    guests: dict[str, tuple[str, ...]] = Factory(dict[str, tuple[str, ...]])
    """The values in a buffer beside the one that it is called after."""

    def copy(self) -> "Storage":
        """The same buffers, to try a change on."""
        return Storage(dict(self.buffers), dict(self.homes), set(self.kept), dict(self.guests))

    def hold(self, value: str, size: int, step: int) -> None:
        """Give a value a buffer of its own from a step on."""
        self.buffers[value] = Buffer(value, size, step, step)
        self.homes[value] = value

    def use(self, value: str, step: int) -> None:
        """Keep a value alive up to a step; a value outside the arena needs nothing."""
        home = self.homes.get(value)
        if home is not None:
            buffer = self.buffers[home]
            if step > buffer.last:
                self.buffers[home] = Buffer(buffer.name, buffer.size, buffer.first, step)

    def keep(self, value: str, end: int) -> None:
        """Keep a value alive to the end and let nobody overwrite it."""
        self.use(value, end)
        if value in self.homes:
            self.kept.add(self.homes[value])

    def share(self, value: str, base: str) -> None:
        """Give a new value the bytes of another; what looks at a value outside lies outside as well."""
        if base in self.homes:
            self.move((value,), self.homes[base])

    def merge(self, result: str, operand: str) -> None:
        """Let two values that have buffers share the one of the operand."""
        gone, home = self.homes[result], self.homes[operand]
        first, then = self.buffers[home], self.buffers.pop(gone)
        self.buffers[home] = Buffer(home, max(first.size, then.size), first.first, max(first.last, then.last))
        self.move((gone, *self.guests.pop(gone, ())), home)
        if gone in self.kept:
            self.kept = self.kept - {gone} | {home}

    def move(self, values: tuple[str, ...], home: str) -> None:
        """Let values lie in a buffer that is called after another one."""
        self.homes.update(dict.fromkeys(values, home))
        self.guests[home] = (*self.guests.get(home, ()), *values)


def view_storage(program: Program) -> Storage:
    """The buffers when only views share bytes."""
    storage = Storage()
    for value in program.inputs:
        storage.hold(value, program.sizes[value], 0)
    for index, step in enumerate(program.steps):
        for value in step.reads:
            storage.use(value, index)
        for value in step.owned:
            storage.hold(value, program.sizes[value], index)
        if step.view:
            storage.share(step.writes[0], step.reads[0])
        if step.scratch:
            storage.hold(f"{step.name} (scratch)", step.scratch, index)
    for value, size in program.residents.items():
        storage.hold(value, size, 0)
    for value in (*program.outputs, *program.residents):
        storage.keep(value, program.end)
    return storage


def storage_of(program: Program, in_place: bool) -> tuple[Storage, tuple[InPlace, ...]]:
    """The buffers of a program in its order, and the results that overwrite operands, if they may."""
    return in_place_storage(program) if in_place else (view_storage(program), ())


def in_place_storage(program: Program) -> tuple[Storage, tuple[InPlace, ...]]:
    """The buffers when results overwrite dying operands too, and where they do.

    Equal sizes first: sharing then only saves. A smaller result would hold on to the larger buffer, so that
    is done only where the peak does not rise.
    """
    storage = view_storage(program)
    used: list[InPlace] = []
    for candidate in candidates(program, storage, equal=True):
        storage.merge(candidate.result, candidate.operand)
        used.append(candidate)
    peak = timeline(storage.buffers.values()).peak
    for candidate in candidates(program, storage, equal=False):
        trial = storage.copy()
        trial.merge(candidate.result, candidate.operand)
        trial_peak = timeline(trial.buffers.values()).peak
        if trial_peak <= peak:
            storage = trial
            peak = trial_peak
            used.append(candidate)
    return storage, tuple(used)


def candidates(program: Program, storage: Storage, *, equal: bool) -> Iterator[InPlace]:
    """The steps that may overwrite an operand, judged by the storage as it is when each is reached."""
    for index, step in enumerate(program.steps):
        if step.view or not step.writes or storage.homes[step.writes[0]] != step.writes[0]:
            continue
        result = storage.buffers[storage.homes[step.writes[0]]]
        for operand in overwritable(step, storage):
            buffer = storage.buffers[storage.homes[operand]]
            fits = buffer.size == result.size if equal else buffer.size > result.size
            dies = buffer.last == index and buffer.name not in storage.kept
            if fits and dies:
                yield InPlace(step.name, operand, step.writes[0])
                break


def overwritable(step: Step, storage: Storage) -> Iterator[str]:
    """The operands in the arena that a step may overwrite and does not read under a second name as well."""
    for index in step.in_place:
        operand = step.reads[index]
        home = storage.homes.get(operand)
        others = {value for value in step.reads if storage.homes.get(value) == home}
        if home is not None and len(others) == 1:
            yield operand
