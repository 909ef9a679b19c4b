"""Loops over channels as loops over portions of them: a layer that mixes few channels needs those together.

A convolution in groups, or with several outputs a channel, says with an index such as `output // 4` which channels it
reads. In portions of four its loop keeps step with the loop of the layer before it.
"""

from attrs import evolve

from nadoo_graphs.lowered.expressions import Expression, Name, Number, Operation
from nadoo_graphs.lowered.optimizing.rewriting import rewritten_body
from nadoo_graphs.lowered.statements import For, all_parts
from nadoo_graphs.lowered.work import length_of


def shared_turns(one: For, other: For) -> tuple[int, ...]:
    """How many turns two loops can share, the most first: those of one of them, or of the groups that it tells of."""
    found = {length_of(loop) // divisor for loop in (one, other) for divisor in (1, *divisors(loop))}
    return tuple(sorted((turns for turns in found if turns > 1 and fits(one, other, turns)), reverse=True))


def fits(one: For, other: For, turns: int) -> bool:
    """Whether both loops fall into as many portions."""
    return not (length_of(one) % turns or length_of(other) % turns)


def divisors(loop: For) -> set[int]:
    """What the loop's variable is divided by."""
    found = {divided(part, loop.variable) for part in all_parts(loop.body)}
    return {divisor for divisor in found if divisor > 1}


def divided(part: Expression, variable: str) -> int:
    """What a variable is divided by in an expression that is just that; 0 in every other."""
    if not isinstance(part, Operation) or part.op != "div" or part.operands[0] != Name(variable):
        return 0
    divisor = part.operands[1]
    return int(divisor.value) if isinstance(divisor, Number) else 0


def in_portions(loop: For, turns: int) -> For:
    """A loop over portions, and within it one over the channels of a portion; the loop itself if a portion is one."""
    size = length_of(loop) // turns
    if size == 1:
        return loop
    outer = Name(f"{loop.variable}_portion")
    channel = outer * size + Name(loop.variable)

    def portion_of(part: Expression) -> Expression:
        return outer if divided(part, loop.variable) == size else part

    def channel_of(part: Expression) -> Expression:
        return channel if part == Name(loop.variable) else part

    body = rewritten_body(rewritten_body(loop.body, portion_of), channel_of)
    inner = evolve(loop, stop=Number(size), body=body)
    return evolve(loop, variable=outer.name, stop=Number(turns), body=(inner,))
