"""Every way of joining values or taking one apart becomes its row."""

import pytest
import torch

from tests.graphs.capture.importers.calls import Use, check_use, use

USES = (
    use("cat", lambda x: torch.cat([x, x, -x], 1), "neg", "cat"),
    use("concatenate", lambda x: torch.concatenate((x, x), -1), "cat"),
    use("stack", lambda x: torch.stack([x, x], 1)),
    use("split evenly", lambda x: x.split(2, 1), "split"),
    use("split with a rest", lambda x: x.split(4, 2), "split"),
    use("split in sizes", lambda x: torch.split(x, [1, 3], 1), "split"),
    use("chunk", lambda x: x.chunk(4, 2)),
    use("unbind", lambda x: x.unbind(1)),
    use("one part of several", lambda x: x.chunk(3, 2)[1] + 1, "chunk", "add"),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)
