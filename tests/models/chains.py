"""Models of linear layers whose interest is the wiring: chains, branches, residuals, sharing, parameters in use."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tests.models.case import BATCH, STATIC, Case, normal


class Branches(nn.Module):
    """One trunk, two arms, joined by addition."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(8, 6)
        self.left = nn.Linear(6, 4)
        self.right = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        trunk = F.relu(self.trunk(x))
        return self.left(trunk) + torch.tanh(self.right(trunk))


class Residual(nn.Module):
    """A block that is added to its own input, which makes one value feed two nodes far apart."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(F.gelu(self.up(self.norm(x))))


class SharedBlock(nn.Module):
    """One block used three times: three nodes of each layer, one set of tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.block(self.block(x))))


class Siamese(nn.Module):
    """One encoder applied to two inputs; the outputs are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return F.cosine_similarity(self.encoder(left), self.encoder(right))


class SharedNorm(nn.Module):
    """A batch norm used twice: training updates its statistics twice in a step, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(8)
        self.layer = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layer(self.norm(x)))


class DirectParameters(nn.Module):
    """Parameters that no layer owns: a matrix product, an offset, a scalar gate, one below the root."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(8, 4))
        self.offset = nn.Parameter(torch.randn(4))
        self.gate = nn.Parameter(torch.tensor(0.5))
        self.scales = nn.ParameterList([torch.ones(4), torch.randn(4)])
        self.named = nn.ParameterDict({"shift": torch.randn(1, 4)})

    def forward(self, x: Tensor) -> Tensor:
        hidden = (x @ self.matrix + self.offset) * self.gate
        return hidden * self.scales[0] * self.scales[1] - self.named["shift"]


class UnusedParameters(nn.Module):
    """Tensors that forward never touches and that must stay in the state_dict, in their places."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(2, 2)
        self.used = nn.Linear(8, 4)
        self.spare = nn.Parameter(torch.randn(5))
        self.register_buffer("history", torch.arange(4))
        self.after = nn.BatchNorm1d(7)

    def forward(self, x: Tensor) -> Tensor:
        return self.used(x)


class FrozenParameters(nn.Module):
    """A backbone that does not train under a head that does."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Linear(8, 6)
        self.head = nn.Linear(6, 4)
        self.backbone.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.backbone(x)))


class GradientBlocks(nn.Module):
    """A no_grad block and a detach inside forward, which change gradients and not values."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Linear(8, 6)
        self.scale = nn.Linear(6, 6)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        with torch.no_grad():
            scale = torch.sigmoid(self.scale(features))
        return self.head(features * scale + features.detach())


class StraightThrough(nn.Module):
    """Rounding whose gradient is that of the identity, as quantization-aware training writes it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        value = self.layer(x)
        return value + (torch.round(value) - value).detach()


class ComputedWeight(nn.Module):
    """A weight that is computed on every call, so that the layer's weight is an operand and no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 8))
        self.mixer = nn.Parameter(torch.randn(4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.mixer @ self.weight)


class MixedPrecision(nn.Module):
    """Layers of three floating dtypes with casts between them."""

    def __init__(self) -> None:
        super().__init__()
        self.single = nn.Linear(8, 8)
        self.narrow = nn.Linear(8, 8, dtype=torch.bfloat16)
        self.wide = nn.Linear(8, 4, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.narrow(self.single(x).to(torch.bfloat16))
        return self.wide(hidden.double()).to(x.dtype)


class NothingToDo(nn.Module):
    """A model that returns what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def chain() -> nn.Module:
    """The smallest model that is worth compressing."""
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))


def dropout_chain() -> nn.Module:
    """Dropouts of several kinds, one of them twice as likely; each draws from the same stream in order."""
    layers = (nn.Linear(8, 16), nn.Dropout(0.25), nn.ReLU(), nn.Linear(16, 16), nn.AlphaDropout(0.5))
    return nn.Sequential(*layers, nn.Linear(16, 4), nn.Dropout(0.5, inplace=True))


def low_rank_chain() -> nn.Module:
    """Linear layers with nothing between them and mostly no bias, ready to be fused."""
    return nn.Sequential(nn.Linear(8, 2, bias=False), nn.Linear(2, 16), nn.Linear(16, 4, bias=False))


def weight_norm() -> nn.Module:
    """A weight that is a direction and a length: its names in the state_dict are those of a parametrization."""
    return nn.Sequential(parametrizations.weight_norm(nn.Linear(8, 6)), nn.ReLU(), nn.Linear(6, 4))


def double() -> nn.Module:
    """A model in float64 throughout."""
    return chain().double()


def identities() -> nn.Module:
    """Layers that do nothing between layers that do."""
    return nn.Sequential(nn.Identity(), nn.Linear(8, 4), nn.Identity(), nn.Identity())


CASES = (
    Case("chain", chain, normal((BATCH, 8))),
    Case("chain_three_axes", chain, normal((BATCH, 5, 8)), dynamic={"input": (0, 1)}),
    Case("single_layer", lambda: nn.Linear(8, 4), normal((BATCH, 8)), notes="the root module is the layer"),
    Case("no_bias", lambda: nn.Linear(8, 4, bias=False), normal((BATCH, 8))),
    Case("branches", Branches, normal((BATCH, 8))),
    Case("residual", Residual, normal((BATCH, 8))),
    Case("shared_block", SharedBlock, normal((BATCH, 8))),
    Case("shared_norm", SharedNorm, normal((BATCH, 8))),
    Case("siamese", Siamese, normal((BATCH, 8), (BATCH, 8))),
    Case("direct_parameters", DirectParameters, normal((BATCH, 8))),
    Case("unused_parameters", UnusedParameters, normal((BATCH, 8))),
    Case("frozen_parameters", FrozenParameters, normal((BATCH, 8))),
    Case("gradient_blocks", GradientBlocks, normal((BATCH, 8)), notes="gradients differ if the blocks are lost"),
    Case("straight_through", StraightThrough, normal((BATCH, 8)), notes="no gradient if the detach is lost"),
    Case("computed_weight", ComputedWeight, normal((BATCH, 8))),
    Case("mixed_precision", MixedPrecision, normal((BATCH, 8))),
    Case("nothing_to_do", NothingToDo, normal((BATCH, 8)), trainable=False, notes="the output is the input"),
    Case("dropout_chain", dropout_chain, normal((BATCH, 8))),
    Case("low_rank_chain", low_rank_chain, normal((BATCH, 8))),
    Case("weight_norm", weight_norm, normal((BATCH, 8))),
    Case("double", double, normal((BATCH, 8), dtype=torch.float64)),
    Case("identities", identities, normal((BATCH, 8))),
    Case("single_example", chain, normal((1, 8)), notes="the batch still varies, though the example's is 1"),
    Case("static_batch", chain, normal((BATCH, 8)), dynamic=STATIC),
)
