"""Any-precision weights: quantized once at the largest width, and every narrower one by dropping bits.

The unsigned code of a DoReFa weight is (odd integer + 2^k - 1) / 2; its leading bits are the code of the narrower
format, so one set of stored weights serves all widths.
"""

import torch

from nadoo_graphs.errors import Code
from nadoo_graphs.formats.checks import refusal

WIDEST = 8


def nested_codes(codes: torch.Tensor, bits: int, kept: int) -> torch.Tensor:
    """The codes of dorefa{kept} whose unsigned form is the leading part of these codes of dorefa{bits}."""
    if not 1 <= kept <= bits <= WIDEST:
        message = f"{kept} of {bits} bits were to be kept; give 1 to {bits} of at most {WIDEST}"
        raise refusal(Code.DATA, "nested codes", message)
    unsigned = (codes.to(torch.int32) + (1 << bits) - 1) >> 1
    return ((unsigned >> (bits - kept)) * 2 - ((1 << kept) - 1)).to(codes.dtype)


def nested_scale(kept: int) -> float:
    """The scale at which codes of so many bits span -1 to 1."""
    return 1.0 / ((1 << kept) - 1)
