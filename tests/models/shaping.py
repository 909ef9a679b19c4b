"""Operators that move values without computing: padding, slicing, indexing, joining, splitting, turning."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, Case, normal

Outputs: TypeAlias = tuple[Tensor, ...]


class Shaped(nn.Module):
    """A layer and what a function makes of its output, so that gradients pass through every rearrangement."""

    def __init__(self, rearrange: Callable[[Tensor], Outputs], width: int = 8) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.rearrange = rearrange

    def forward(self, x: Tensor) -> Outputs:
        return self.rearrange(self.layer(x))


class TableLookup(nn.Module):
    """Rows picked by tensors of indices: a buffer's, and ones made in forward."""

    def __init__(self) -> None:
        super().__init__()
        self.order: Tensor
        self.layer = nn.Linear(8, 8)
        self.register_buffer("order", torch.tensor([4, 0, 0, 2]))

    def forward(self, x: Tensor) -> Outputs:
        x = self.layer(x)
        corners = torch.tensor([0, -1])
        return (
            x[:, self.order],
            x[:, corners, 1:],
            x.index_select(2, self.order),
            x[:, self.order, self.order],
        )


class Flattened(nn.Module):
    """Images flattened by sizes that forward reads, in the four ways that people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        rows = (x.view(x.size(0), -1), x.reshape(x.shape[0], 16), x.flatten(1), x.view(-1, 16))
        return self.head(torch.stack(rows).sum(0))


def pads(x: Tensor) -> Outputs:
    """Pad by constants, by zero, by mirroring, by repeating, by wrapping, and by cutting."""
    modes = tuple(F.pad(x, (1, 2), mode=mode) for mode in ("reflect", "replicate", "circular"))
    return (F.pad(x, (1, 2, 0, 1), value=0.5), F.pad(x, (0, 3)), F.pad(x, (-1, 2)), *modes)


def slices(x: Tensor) -> Outputs:
    """Cut out ranges with steps, negative ends, several axes at once."""
    return x[:, 1:4], x[:, ::2, 1:-1], x[..., -3:], x[1:], x[:, :100], x.narrow(2, 2, 3)


def selections(x: Tensor) -> Outputs:
    """Take one position along an axis, and add axes of one by indexing."""
    return x[:, 0], x[:, -1, 2], x.select(2, 3), x[:, None, 1], x[..., 0, None]


def axes_of_one(x: Tensor) -> Outputs:
    """Add and drop axes of one, and repeat along them."""
    wide = x.unsqueeze(2)
    grown = wide.expand(-1, -1, 4, -1)
    return (
        wide.squeeze(2),
        wide.squeeze(),
        grown,
        wide.repeat(1, 1, 2, 1),
        x.tile(2),
        x.repeat_interleave(2, dim=1),
    )


def turns(x: Tensor) -> Outputs:
    """Exchange axes, and mirror and rotate along them."""
    orders = (x.permute(0, 2, 1), x.transpose(1, 2), x.transpose(-1, 0).contiguous(), x.mT, x.movedim(2, 0))
    return (*orders, x.flip(1), x.roll(2, dims=1), torch.rot90(x, 1, (1, 2)))


def reshapes(x: Tensor) -> Outputs:
    """Regroup the same values into other axes, sizes given, left open or read from the input."""
    batch, steps, width = x.shape
    regrouped = (x.reshape(batch, 2, -1), x.view(batch * steps, width), x.reshape(batch, steps, 4, 2))
    return (*regrouped, x.flatten(1), x.unflatten(2, (2, 4)), x.reshape(-1))


def splits(x: Tensor) -> Outputs:
    """Cut into pieces, even, uneven and by list, of which not all are used."""
    first, _, third = x.split((2, 5, 1), dim=2)
    uneven = x.split(3, dim=2)
    low, high = x.chunk(2, dim=1)
    return first, third, uneven[2], low, high, *x.tensor_split(3, dim=2), x.unbind(1)[3], *x.chunk(3, dim=2)


def joins(x: Tensor) -> Outputs:
    """Join along old and new axes, a value with itself too."""
    rows = x[:, :2]
    return (
        torch.cat([x, rows], dim=1),
        torch.stack([x, x], dim=1),
        torch.cat([x, x, x], dim=-1),
        torch.hstack((x, x)),
    )


def gathers(x: Tensor) -> Outputs:
    """Gather, scatter, and keep triangles."""
    order = x.argsort(dim=2)
    spread = torch.zeros_like(x).scatter(2, order, x)
    added = torch.zeros_like(x).scatter_add(2, order // 2, x)
    return x.gather(2, order), spread, added, x.tril(), x.triu(1), x.diagonal(dim1=1, dim2=2)


def windows(x: Tensor) -> Outputs:
    """Overlapping windows as a new axis, and back."""
    image = x.unsqueeze(1)
    columns = F.unfold(image, (2, 3), padding=1)
    return x.unfold(2, 3, 2), columns, F.fold(columns, (5, 8), (2, 3), padding=1)


def pixels(x: Tensor) -> Outputs:
    """Move between channels and positions."""
    image = x.view(x.shape[0], 4, 5, 2)
    return F.pixel_shuffle(image, 2), F.pixel_unshuffle(image.transpose(2, 3).repeat(1, 1, 1, 2), 2)


def made_in_forward(x: Tensor) -> Outputs:
    """Tensors that forward makes, whole or after the input's sizes."""
    grid = torch.arange(8.0).view(1, 1, 8) + torch.tensor([0.5, -1.5, 2.0, 0.0, 1.0]).unsqueeze(1)
    sized = torch.zeros(x.shape[0], 1, 8) + torch.ones_like(x) + torch.full((8,), 2.0)
    rows, columns = torch.meshgrid(torch.arange(5), torch.arange(8), indexing="ij")
    return x + grid, x * sized, x + (rows * columns), x * torch.linspace(0, 1, 8), x @ torch.eye(8)


SEQUENCE = normal((BATCH, 5, 8))
WIDER = normal((BATCH, 6, 8))

CASES = (
    Case("pads", partial(Shaped, pads), SEQUENCE),
    Case("slices", partial(Shaped, slices), SEQUENCE),
    Case("selections", partial(Shaped, selections), SEQUENCE),
    Case("axes_of_one", partial(Shaped, axes_of_one), SEQUENCE),
    Case("turns", partial(Shaped, turns), SEQUENCE),
    Case("reshapes", partial(Shaped, reshapes), WIDER, dynamic={"x": (0, 1)}),
    Case("splits", partial(Shaped, splits), SEQUENCE, notes="pieces that nobody uses"),
    Case("joins", partial(Shaped, joins), SEQUENCE),
    Case("gathers", partial(Shaped, gathers), SEQUENCE),
    Case("windows", partial(Shaped, windows), SEQUENCE),
    Case("pixels", partial(Shaped, pixels), SEQUENCE),
    Case("made_in_forward", partial(Shaped, made_in_forward), SEQUENCE),
    Case("table_lookup", TableLookup, SEQUENCE),
    Case("flattened", Flattened, normal((BATCH, 2, 4, 4)), notes="the batch is read from the input's shape"),
)
