"""Attention becomes one row, with its mask, scale and shared heads."""

import pytest
import torch
from torch.nn import functional as F

from tests.graphs.capture.importers.calls import Use, check_use, use

attend = F.scaled_dot_product_attention

USES = (
    use("plain", lambda x: attend(x, x, x), "sdpa"),
    use("causal", lambda x: attend(x, x, x, is_causal=True), "sdpa"),
    use("scaled", lambda x: attend(x, x, x, scale=0.25), "sdpa"),
    use("masked", lambda x: attend(x, x, x, attn_mask=torch.ones(4, 4).tril().bool()), "full", "tril", "cast", "sdpa"),
    use(
        "shared heads",
        lambda x: attend(x[:, None].expand(-1, 2, -1, -1), x[:, None], x[:, None], enable_gqa=True),
        *("unsqueeze", "expand", "unsqueeze", "unsqueeze", "sdpa"),
    ),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)
