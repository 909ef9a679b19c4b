"""Conditional nodes: what they cost on average, by the share of executions that their rows expect, and at worst."""

from collections.abc import Sequence

from nadoo_core.cost import CostNumber
from nadoo_hardware.estimators.work import GraphWork, NodeWork


def expected(nodes: Sequence[NodeWork], worst: Sequence[CostNumber]) -> list[CostNumber]:
    """What nodes cost on average, from what each costs when it does its work."""
    return [number if node.share == 1 else number.times(node.share) for node, number in zip(nodes, worst, strict=True)]


def expected_macs(work: GraphWork) -> float:
    """The multiply-accumulates on average; a whole number where nothing is conditional."""
    return sum(node.macs if node.share == 1 else node.macs * node.share for node in work.nodes)
