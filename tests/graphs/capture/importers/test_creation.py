"""Every way of making a constant becomes its row, and a range or shape follows the batch."""

import pytest
import torch

from tests.graphs.capture.importers.calls import Use, check_use, use

USES = (
    use("zeros", lambda x: x + torch.zeros(6), "full", "add"),
    use("ones", lambda x: x * torch.ones(x.shape[0], 1, 1), "full", "mul"),
    use("full", lambda x: x + torch.full((4, 1), 0.5), "full", "add"),
    use("zeros_like", torch.zeros_like, "full"),
    use("full_like", lambda x: torch.full_like(x, 2.5, dtype=torch.float64), "full"),
    use("new_zeros", lambda x: torch.cat([x, x.new_zeros(x.shape[0], 1, 6)], 1), "full", "cat"),
    use("new_ones", lambda x: x.new_ones(3), "full"),
    use("arange", lambda x: x + torch.arange(6), "arange", "add"),
    use(
        "arange over the batch",
        lambda x: x + torch.arange(x.shape[0])[:, None, None],
        "arange",
        *["unsqueeze"] * 2,
        "add",
    ),
    use("arange in steps", lambda x: x + torch.arange(12, 0, -2), "arange", "add"),
    use("eye", lambda x: x @ torch.eye(6, 3), "eye", "matmul"),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)


def test_a_range_of_fractions_stays_opaque() -> None:
    """How long it is depends on rounding."""
    check_use(use("arange", lambda x: x + torch.arange(0, 0.6, 0.1), "opaque", "add"))
