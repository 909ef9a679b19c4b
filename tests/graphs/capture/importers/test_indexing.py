"""Every way of picking elements becomes its rows."""

import pytest
import torch
from torch import Tensor

from tests.graphs.capture.importers.calls import Use, check_use, use


def places(x: Tensor) -> Tensor:
    """Indices that a model computes: the place of the largest of each row."""
    return x.argmax(-1)


USES = (
    use("slice", lambda x: x[:, 1:-1, ::2], "slice", "slice"),
    use("slice of the batch", lambda x: x[1:], "slice"),
    use("narrow", lambda x: x.narrow(1, 1, 2), "slice"),
    use("select", lambda x: x[:, 1] + x[:, -1], "select", "select", "add"),
    use("ellipsis", lambda x: x[..., 0], "select"),
    use("index", lambda x: x[:, places(x)[0] % 4], "argmax", "select", "remainder", "index"),
    use("index_select", lambda x: x.index_select(2, places(x)[0]), "argmax", "select", "index_select"),
    use("gather", lambda x: x.gather(2, places(x)[..., None]), "argmax", "unsqueeze", "gather"),
    use("where", lambda x: torch.where(x > 0, x, -x), "gt", "neg", "where"),
    use(
        "where with numbers",
        lambda x: torch.where(x > 0, 1.0, torch.where(x < -1, x, 0.0)),
        *["gt", "lt", "where", "where"],
    ),
    use("where of numbers", lambda x: torch.where(x > 0, 1.0, 0.0), "gt", "where"),
    use("masked_fill", lambda x: x.masked_fill(x > 0, float("-inf")), "gt", "masked_fill"),
    use("masked_fill by a value", lambda x: x.masked_fill(x > 0, x.mean()), "gt", "mean", "masked_fill"),
    use("triangles", lambda x: x.tril() + x.triu(1), "tril", "triu", "add"),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)
