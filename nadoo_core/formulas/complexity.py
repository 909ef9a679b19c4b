"""What a chain of blocks costs when an activity score decides which of them are computed."""

from nadoo_core.formulas.parameters import between, require, whole


def worst_case_cost(blocks: int, dimension: int) -> int:
    """Every block is scored (d) and computed (d²).

    Law: B·(d + d²); linear in B; the expected cost at a skip ratio of 0.
    """
    require(whole("blocks", blocks, 0), whole("dimension", dimension, 1))
    return int(blocks) * (int(dimension) + int(dimension) ** 2)


def expected_cost(blocks: int, dimension: int, skip_ratio: float) -> float:
    """Every block is scored, and the share that is not skipped is computed.

    Law: (1 − s)·B·d² + B·d; non-increasing in s, from the worst case at s = 0 to scoring alone at s = 1.
    """
    require(whole("blocks", blocks, 0), whole("dimension", dimension, 1), between("skip_ratio", skip_ratio, 0, 1))
    return (1 - float(skip_ratio)) * (int(blocks) * int(dimension) ** 2) + int(blocks) * int(dimension)


def cost_reduction(dimension: int, skip_ratio: float) -> float:
    """The share of the worst case that skipping saves.

    Law: s·d/(d + 1) = 1 − expected/worst for any number of blocks; at most s, because scoring is never free.
    """
    require(whole("dimension", dimension, 1), between("skip_ratio", skip_ratio, 0, 1))
    return float(skip_ratio) * (int(dimension) / (int(dimension) + 1))
