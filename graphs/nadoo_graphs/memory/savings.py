"""What writing results over operands, and another order of execution, take off the peak."""

from attrs import frozen

from nadoo_graphs.memory.aliases import storage_of
from nadoo_graphs.memory.liveness import timeline
from nadoo_graphs.memory.program import Program
from nadoo_graphs.memory.schedule import smallest_peak_order


@frozen
class Savings:
    """By how many bytes the peak of the given order without overwriting falls: by each alone, and by both."""

    in_place: int
    reordering: int
    both: int


def possible_savings(program: Program) -> Savings:
    """What each would save, whether or not a plan makes use of it."""
    plain, overwritten = peak_of(program, in_place=False), peak_of(program, in_place=True)
    return Savings(
        in_place=plain - overwritten,
        reordering=plain - smallest_peak_order(program, in_place=False).peak,
        both=plain - min(overwritten, reordered_peak(program)),
    )


def reordered_peak(program: Program) -> int:
    """The peak in the best order when results may be written over operands of any size that fits."""
    order = smallest_peak_order(program, in_place=True).order
    return peak_of(program.reordered(order), in_place=True)


def peak_of(program: Program, in_place: bool) -> int:
    """The peak of a program in its order."""
    storage, _ = storage_of(program, in_place)
    return timeline(storage.buffers.values()).peak
