"""How values go in and out, and how modules and tensors are named: signatures, pytrees, odd names, ties."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.models.case import BATCH, STATIC, Arguments, Case, KeywordArguments, integers, normal


class Detection(NamedTuple):
    """A result with names, one of which is itself a pair."""

    scores: Tensor
    boxes: tuple[Tensor, Tensor]
    extra: Tensor | None = None


class SeveralEnds(nn.Module):
    """Three inputs, one of them unused, and outputs that repeat a value and give back an input."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(8, 4)
        self.right = nn.Linear(6, 4)

    def forward(self, x: Tensor, y: Tensor, unused: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        joined = self.left(x) + self.right(y)
        return joined, F.relu(joined), joined, y


class Keywords(nn.Module):
    """Optional arguments, of which some are given by name, out of order, and some are left alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(
        self,
        x: Tensor,
        scale: Tensor | None = None,
        offset: Tensor | None = None,
        power: int = 1,
        mode: str = "mean",
    ) -> Tensor:
        x = self.layer(x)
        x = x if scale is None else x * scale
        x = x if offset is None else x + offset
        return x.pow(power).mean(1) if mode == "mean" else x.sum(1)


class Nested(nn.Module):
    """A dictionary of lists and tuples with a None among them, and the like as the output."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, batch: Mapping[str, list[Tensor] | tuple[Tensor, Tensor | None]]) -> dict[str, object]:
        first, second = batch["list"]
        only, missing = batch["pair"]
        assert first is not None and second is not None and only is not None and missing is None
        pair = (self.layer(first), self.layer(second))
        return {
            "pair": pair,
            "deeper": {"list": [pair[0] + pair[1], None], "only": self.layer(only)},
            "empty": (),
        }


class Named(nn.Module):
    """A named tuple as the output, with a tuple and a None inside."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Linear(8, 3)
        self.corners = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Detection:
        low, high = self.corners(x).chunk(2, dim=1)
        return Detection(self.scores(x), (low, high))


class Ordered(nn.Module):
    """An ordered dictionary whose keys are not in alphabetical order."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        x = self.layer(x)
        return OrderedDict([("out", x), ("aux", x * 2), ("beta", x + 1)])


class Variadic(nn.Module):
    """Any number of tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)

    def forward(self, *pieces: Tensor) -> Tensor:
        return sum((self.layer(piece) for piece in pieces), torch.zeros(4))


class VariadicNames(Variadic):
    """Any number of tensors, and any number of named ones."""

    def forward(self, *pieces: Tensor, **weights: Tensor) -> Tensor:
        return super().forward(*pieces) * weights["second"] + weights["first"]


class MixedOutputs(nn.Module):
    """Outputs that are no tensors of the graph: numbers, text, a parameter, a buffer, a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.version: Tensor
        self.layer = nn.Linear(8, 4)
        self.register_buffer("version", torch.tensor([3]))

    def forward(self, x: Tensor) -> tuple[Tensor, int, str, Tensor, Tensor, bool]:
        return self.layer(x), 4, "logits", self.layer.weight, self.version, True


class OddNames(nn.Module):
    """Names that are no identifiers, that a graph uses itself, or that differ in a character that others replace."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(8, 8), nn.ModuleList([nn.Linear(8, 8)])])
        self.stages = nn.ModuleDict(
            {
                "stage-1": nn.Linear(8, 8),
                "stage_1": nn.Linear(8, 8),
                "weight": nn.Linear(8, 8),
                "größe 2": nn.Linear(8, 8),
                "0": nn.Linear(8, 8),
            }
        )
        self.add_module("input", nn.Linear(8, 8))
        self.add_module("output", nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.get_submodule("blocks.1.0")(self.blocks[0](x))
        for stage in self.stages.values():
            x = torch.tanh(stage(x))
        return self.get_submodule("output")(self.get_submodule("input")(x))


class KeywordNames(nn.Module):
    """Names that are words of Python, which generated code cannot spell as attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleDict({"class": nn.Linear(8, 8), "lambda": nn.Linear(8, 4)})

    def forward(self, x: Tensor) -> Tensor:
        return self.branches["lambda"](self.branches["class"](x))


class Tied(nn.Module):
    """An embedding whose table is also the output projection: one tensor under two names, and two layers in one."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 6, padding_idx=0)
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.projection = nn.Linear(6, 10, bias=False)
        self.projection.weight = self.embedding.weight
        self.second.bias = self.first.bias

    def forward(self, tokens: Tensor) -> Tensor:
        return self.projection(self.second(F.relu(self.first(self.embedding(tokens)))))


class SameModuleTwice(nn.Module):
    """One module registered under two names, so that the state_dict lists its tensors twice."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)
        self.alias = self.encoder
        self.norms = nn.ModuleList([self.norm])

    def forward(self, x: Tensor) -> Tensor:
        return self.norms[0](self.alias(F.relu(self.norm(self.encoder(x)))))


class Buffers(nn.Module):
    """Buffers in and out of the state_dict, of several dtypes, one empty, one a scalar, one None."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.scale: Tensor
        self.order: Tensor
        self.layer = nn.Linear(8, 4)
        self.register_buffer("mean", torch.randn(8))
        self.register_buffer("scale", torch.tensor(2.0, dtype=torch.float64), persistent=False)
        self.register_buffer("order", torch.arange(7, -1, -1), persistent=False)
        self.register_buffer("nothing", torch.empty(0))
        self.register_buffer("absent", None)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(((x - self.mean) * self.scale)[:, self.order])


class Constants(nn.Module):
    """Tensors that belong to no module's names: an attribute, and ones made in forward from numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 4)
        self.attribute = torch.linspace(-1, 1, 4)

    def forward(self, x: Tensor) -> Tensor:
        offset = torch.tensor([0.1, 0.2, 0.3, 0.4])
        return self.layer(x) * self.attribute + offset + torch.arange(4) * torch.tensor(0.5)


class Bags(nn.Module):
    """Embeddings of sets of tokens, averaged by one operator or reduced by another."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(10, 4, mode="mean")
        self.words = nn.Embedding(10, 4, scale_grad_by_freq=True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.bag(tokens) + self.words(tokens).amax(1)


def nested(generator: torch.Generator) -> Arguments:
    """Draw a dictionary with a list and a pair inside."""
    first, second, only = normal((BATCH, 8), (BATCH, 8), (BATCH, 8))(generator)
    return ({"list": [first, second], "pair": (only, None)},)


def given_by_name(generator: torch.Generator) -> KeywordArguments:
    """Draw keyword arguments in another order than the signature's, and numbers and text among them."""
    return {"mode": "mean", "offset": torch.randn(8, generator=generator), "power": 2}


def weights(generator: torch.Generator) -> KeywordArguments:
    """Draw named tensors in another order than they are used."""
    first, second = normal((BATCH, 4), (BATCH, 4))(generator)
    return {"first": first, "second": second}


ROWS = normal((BATCH, 8))
THREE_ROWS = normal((BATCH, 8), (BATCH, 8), (BATCH, 8))

CASES = (
    Case("several_ends", SeveralEnds, normal((BATCH, 8), (BATCH, 6), (BATCH, 5)), notes="one input is unused"),
    Case("keywords", Keywords, ROWS, given_by_name, dynamic={"x": (0,)}),
    Case("nested", Nested, nested),
    Case("named_tuple", Named, ROWS, notes="the caller unpacks a Detection"),
    Case("ordered", Ordered, ROWS),
    Case("variadic", Variadic, THREE_ROWS),
    Case(
        "variadic_names",
        VariadicNames,
        THREE_ROWS,
        weights,
        dynamic=STATIC,
        notes="torch 2.13 refuses varying axes beside **keywords",
    ),
    Case("mixed_outputs", MixedOutputs, ROWS),
    Case("odd_names", OddNames, ROWS),
    Case("keyword_names", KeywordNames, ROWS, notes="torch's own module() of the export is a SyntaxError"),
    Case("tied", Tied, integers((BATCH, 5))),
    Case("same_module_twice", SameModuleTwice, ROWS),
    Case("buffers", Buffers, ROWS),
    Case("constants", Constants, ROWS),
    Case("bags", Bags, integers((BATCH, 5))),
)
