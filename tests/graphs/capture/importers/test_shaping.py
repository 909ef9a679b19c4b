"""Every way of changing a shape, dtype or layout becomes its row."""

import pytest
import torch
from torch.nn import functional as F

from nadoo_graphs.capture import capture
from tests.graphs.capture.importers.calls import Applied, Use, check_use, use

USES = (
    use("flatten", lambda x: x.flatten(1)),
    use("ravel", torch.ravel, "flatten"),
    use("reshape", lambda x: x.reshape(x.shape[0], -1)),
    use("view", lambda x: x.view(-1, 2, 12), "reshape"),
    use("view_as", lambda x: x.view_as(x), "reshape"),
    use("unflatten", lambda x: x.unflatten(2, (2, -1)), "reshape"),
    use("permute", lambda x: x.permute(2, 0, 1)),
    use("movedim", lambda x: (x.movedim(0, 2), x.movedim(-1, 0)), "permute", "permute"),
    use("transpose", lambda x: x.transpose(1, 2)),
    use("swapaxes", lambda x: x.swapaxes(0, 1), "transpose"),
    use("mT", lambda x: x.mT, "transpose"),
    use("T", lambda x: x.flatten(1).T, "flatten", "permute"),
    use("t", lambda x: x.flatten(1).t(), "flatten", "transpose"),
    use("unsqueeze", lambda x: x.unsqueeze(1).squeeze(1), "unsqueeze", "squeeze"),
    use("squeeze all", lambda x: x[:, :1].squeeze(1), "slice", "squeeze"),
    use("squeeze several", lambda x: x[:, None, :, None].squeeze((1, 3)), "unsqueeze", "unsqueeze", "squeeze"),
    use("expand", lambda x: x[:, :, None].expand(-1, -1, 3, -1), "unsqueeze", "expand"),
    use("broadcast_to", lambda x: x.mean(1, keepdim=True).broadcast_to(x.shape), "mean", "expand"),
    use("expand_as", lambda x: x.amax(2, keepdim=True).expand_as(x), "amax", "expand"),
    use("repeat", lambda x: x.repeat(1, 2, 1)),
    use("roll", lambda x: x.roll(1, 2)),
    use("flip", lambda x: x.flip(1)),
    use("unfold", lambda x: x.unfold(2, 3, 1)),
    use("pad", lambda x: (F.pad(x, (1, 2), value=0.5), F.pad(x, (1, 1), mode="reflect")), "pad", "pad"),
    use("cast", lambda x: x.double(), "cast"),
    use("type_as", lambda x: x.to(torch.float16).type_as(x), "cast", "cast"),
    use("clone", lambda x: x.clone()),
    use("contiguous", lambda x: x.mT.contiguous(), "transpose", "clone"),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)


def test_contiguous_memory_stays_contiguous() -> None:
    x = torch.randn(2, 4, 6)
    module = capture(Applied(lambda x: x.mT.contiguous()), x).to_module()
    assert module(x).is_contiguous()
