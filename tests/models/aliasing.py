"""In-place operators, views and written buffers.

Replacing an in-place operator by its pure form and redirecting the later uses of its result is right as long as nobody
reads the overwritten memory under another name. `fallback=True` marks the models where somebody does, or where memory
that outlives the call is written.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, normal


class Layered(nn.Module):
    """One linear layer for what follows to overwrite."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)


class InPlaceChain(nn.Module):
    """Operators that overwrite a convolution's output one after the other; nobody looks back."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.scale = nn.Parameter(torch.randn(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x).add_(1).mul_(self.scale)
        return x.clamp_(max=2.0).div_(2).sub_(0.5).relu_()


class InPlaceResidual(nn.Module):
    """A residual added with += and rectified in place, the way ResNets are written."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        out += x
        return self.relu(out)


class ReturnValueIgnored(Layered):
    """An in-place call whose result is dropped and whose operand is read again under its old name."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        F.relu_(hidden)
        return hidden + 1


class InPlaceBeforeRead(Layered):
    """A value that is kept, then overwritten: both names see the overwritten values."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.layer(x)
        kept = hidden
        hidden.add_(1)
        return kept * 2, hidden


class InPlaceOnCopy(Layered):
    """A copy that is overwritten while the original stays."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        return hidden.clone().mul_(2) - hidden


class WriteThroughSlice(Layered):
    """A column assigned through a slice and read through the whole."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        hidden[:, 0] = hidden[:, 1] * 2
        hidden[:, 2:4] = 0.5
        return hidden.sum(1, keepdim=True) + hidden


class WriteThroughView(Layered):
    """A view overwritten in place, then its base read."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        hidden.view(-1, 4).mul_(2)
        return hidden * hidden


class BaseWrittenViewRead(Layered):
    """A base overwritten in place, then an older view of it read."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        columns = hidden.t()
        hidden.add_(1)
        return columns @ hidden


class PieceWritten(Layered):
    """One piece of a split overwritten, then the pieces joined and the whole read."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x) * 1.5
        first, second = hidden.unsafe_chunk(2, dim=1)
        first = first + 1
        low, high = hidden[:, :4], hidden[:, 4:]
        low.copy_(second)
        return torch.cat([first, high], dim=1) + hidden


class ViewDead(Layered):
    """A view that is read before its base is overwritten and never after: pure forms suffice."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        total = hidden.view(-1, 2, 4).sum(1)
        return hidden.add_(1)[:, :4] - total


class InputWritten(Layered):
    """A model that overwrites what its caller gave it."""

    def forward(self, x: Tensor) -> Tensor:
        x.add_(1)
        return self.layer(x)


class InputViewReturned(Layered):
    """Outputs that are views of an input and of one another."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.layer(x)
        return x[:, :4], hidden, hidden.view(-1, 2, 4)


class CallCounter(Layered):
    """A buffer that counts the calls and enters the result."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Tensor
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return self.layer(x) * self.calls


class BufferReplaced(Layered):
    """A buffer that forward assigns anew, as a moving average is often written."""

    def __init__(self) -> None:
        super().__init__()
        self.average: Tensor
        self.register_buffer("average", torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        self.average = 0.9 * self.average + 0.1 * hidden.detach().mean(0)
        return hidden - self.average


class TrainingStatistics(Layered):
    """A buffer that only training writes."""

    def __init__(self) -> None:
        super().__init__()
        self.largest: Tensor
        self.register_buffer("largest", torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.largest.copy_(torch.maximum(self.largest, x.detach().abs().amax(0)))
        return self.layer(x / self.largest)


class Cache(Layered):
    """A window of past values that each call shifts and fills, outside the state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.window: Tensor
        self.register_buffer("window", torch.zeros(4, 8), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.window[:-1] = self.window[1:].clone()
        self.window[-1] = self.layer(x).detach()[0]
        return self.layer(x) + self.window.mean(0)


class MaskedWrite(Layered):
    """Elements written where a mask or an index says."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x) * 2
        hidden[hidden > 1] = 1.0
        hidden.masked_fill_(hidden < -1, -1.0)
        return hidden.index_fill(1, torch.tensor([0, 3]), 0.0)


class FilledCanvas(Layered):
    """A fresh tensor filled piece by piece."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layer(x)
        canvas = torch.zeros(x.shape[0], 2, 8)
        canvas[:, 0] = hidden
        canvas[:, 1, ::2] = hidden[:, ::2]
        return canvas


ROWS = normal((BATCH, 8))

CASES = (
    Case("in_place_chain", InPlaceChain, normal((BATCH, 2, 6, 6))),
    Case("in_place_residual", InPlaceResidual, normal((BATCH, 2, 6, 6))),
    Case("in_place_result_ignored", ReturnValueIgnored, ROWS),
    Case("in_place_two_names", InPlaceBeforeRead, ROWS),
    Case("in_place_on_copy", InPlaceOnCopy, ROWS),
    Case("write_through_slice", WriteThroughSlice, ROWS, fallback=True),
    Case("write_through_view", WriteThroughView, ROWS, fallback=True),
    Case("base_written_view_read", BaseWrittenViewRead, ROWS, fallback=True),
    Case("piece_written", PieceWritten, ROWS, fallback=True),
    Case("view_dead", ViewDead, ROWS, notes="an alias exists and is never read again"),
    Case("input_written", InputWritten, ROWS, fallback=True, notes="the caller's tensor changes"),
    Case("input_view_returned", InputViewReturned, ROWS),
    Case("call_counter", CallCounter, ROWS, fallback=True, writes=("calls",)),
    Case("buffer_replaced", BufferReplaced, ROWS, fallback=True, writes=("average",)),
    Case("training_statistics", TrainingStatistics, ROWS, train_only=True),
    Case("cache", Cache, ROWS, fallback=True, writes=("window",)),
    Case("masked_write", MaskedWrite, ROWS, notes="every write is a whole-tensor operator"),
    Case("filled_canvas", FilledCanvas, ROWS, fallback=True),
)
