"""Which tensors of a layer are masters that are kept as codes, and which hold their scales."""

from collections.abc import Iterable

WEIGHT, WEIGHT_SCALE = "weight", "weight_scale"
MATRICES = ("weight_ih_", "weight_hh_")
"""How the roles of a recurrent layer's matrices begin."""


def scale_role(role: str) -> str:
    """The role of a matrix's scale: weight_scale, or scale_ih_l0 for weight_ih_l0."""
    return WEIGHT_SCALE if role == WEIGHT else f"scale_{role.removeprefix('weight_')}"


def master_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """The roles of the masters among the tensors of a layer, in their order."""
    return tuple(role for role in roles if role == WEIGHT or role.startswith(MATRICES))
