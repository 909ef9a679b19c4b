"""Every fold and order becomes its row."""

import pytest
import torch
from torch.nn import functional as F

from tests.graphs.capture.importers.calls import Use, check_use, use

USES = (
    use("mean", lambda x: (x.mean(), x.mean(1), x.mean((1, 2), keepdim=True)), *["mean"] * 3),
    use("sum", lambda x: (x.sum(), x.sum(-1), (x > 0).sum(1)), "sum", "sum", "gt", "sum"),
    use("amax", lambda x: (x.amax(), x.amax((1, 2))), "amax", "amax"),
    use("amin", lambda x: x.amin(1)),
    use("max", lambda x: (x.max(), *x.max(1)), "max", "max"),
    use("min", lambda x: x.min(2, keepdim=True).values),
    use("argmax", lambda x: (x.argmax(), x.argmax(1, keepdim=True)), "argmax", "argmax"),
    use("argmin", lambda x: x.argmin(-1)),
    use("var", lambda x: (x.var(1), x.var(), x.var((1, 2), correction=0)), *["var"] * 3),
    use("std", lambda x: (x.std(2, unbiased=False), x.std()), "std", "std"),
    use("prod", lambda x: (x.prod(), x.prod(1)), "prod", "prod"),
    use("cumsum", lambda x: x.cumsum(1)),
    use("cumprod", lambda x: x.cumprod(2)),
    use("any", lambda x: ((x > 0).any(), (x > 1).any(1)), "gt", "any", "gt", "any"),
    use("all", lambda x: (x > 0).all(2, keepdim=True), "gt", "all"),
    use("logsumexp", lambda x: x.logsumexp(1)),
    use("norm", lambda x: (x.norm(), x.norm(dim=1), torch.linalg.vector_norm(x, 1)), *["vector_norm"] * 3),
    use("normalize", F.normalize, "vector_norm", "clamp", "expand", "div"),
    use("topk", lambda x: tuple(x.topk(2))),
    use("sort", lambda x: (*x.sort(1), *torch.sort(x, stable=True)), "sort", "sort"),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)
