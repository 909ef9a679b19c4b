"""Every comparison and logical operator becomes its row."""

import pytest
import torch

from tests.graphs.capture.importers.calls import Use, check_use, use

USES = (
    use("eq", lambda x: (x == 0, x == x), "eq", "eq"),
    use("ne", lambda x: (x != 0, x != x), "ne", "ne"),
    use("lt", lambda x: (x < 0, x < -x), "lt", "neg", "lt"),
    use("le", lambda x: (x <= 0, x <= x), "le", "le"),
    use("gt", lambda x: (x > 0, x > x), "gt", "gt"),
    use("ge", lambda x: (x >= 0, x >= x), "ge", "ge"),
    use("and", lambda x: (x > 0) & (x < 1), "gt", "lt", "bitwise_and"),
    use("or", lambda x: (x > 0) | (x < 1), "gt", "lt", "bitwise_or"),
    use("xor", lambda x: (x > 0) ^ (x < 1), "gt", "lt", "bitwise_xor"),
    use("not", lambda x: ~(x > 0), "gt", "bitwise_not"),
    use("logical_and", lambda x: torch.logical_and(x, x)),
    use("logical_or", lambda x: torch.logical_or(x, x)),
    use("logical_xor", lambda x: torch.logical_xor(x, x)),
    use("logical_not", torch.logical_not),
    use("isnan", torch.isnan),
    use("isinf", torch.isinf),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)
