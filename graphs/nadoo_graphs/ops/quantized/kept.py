"""Which of the standard rows only move or compare numbers, so that codes pass through them unchanged."""

from collections.abc import Mapping

from attrs import evolve

from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.op import Codes, Op

KEEPING = frozenset(
    {
        *("identity", "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
        *("reshape", "flatten", "permute", "transpose", "squeeze", "unsqueeze", "expand", "repeat", "roll", "flip"),
        *("unfold", "clone", "detach", "pad", "slice", "select", "index_select"),
        *("cat", "stack", "split", "chunk", "unbind", "amax", "amin"),
        *(f"{kind}max_pool{axes}d" for kind in ("", "adaptive_") for axes in (1, 2, 3)),
    }
)
"""Rows whose results are some of their operands' numbers; a pad's constant is a code like the others."""


def upsampled(attributes: Mapping[str, Attribute]) -> Codes:
    """Copying the nearest keeps codes, every other mode computes with them."""
    return Codes.KEPT if str(attributes["mode"]).startswith("nearest") else Codes.REFUSED


def keeping(row: Op) -> Op:
    """A standard row that lets codes pass if it only moves them."""
    if row.name in KEEPING:
        return evolve(row, codes=Codes.KEPT)
    return evolve(row, codes=upsampled) if row.name == "upsample" else row
