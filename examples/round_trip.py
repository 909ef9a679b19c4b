"""What nadoo's graph layer does, on one small network: capture it, print it, and prove that nothing is lost.

Run it with `.venv/bin/python examples/round_trip.py`. It writes the saved graph and its drawing into `out/round-trip`.
"""

import copy
import sys
from pathlib import Path

import torch
from torch import nn

import nadoo_core as nadoo

OUT = Path("out/round-trip")


class Block(nn.Module):
    """A residual block: two convolutions with batch norm, and the input added to their result."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        inner = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(inner)) + x)


class Network(nn.Module):
    """A classifier of 16×16 images: a stem, two residual blocks, dropout and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.blocks = nn.Sequential(Block(8), nn.MaxPool2d(2), Block(8))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        features = self.pool(self.blocks(self.stem(x))).flatten(1)
        return self.head(self.dropout(features))


def trained(module: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """The state after one step of training, dropout and all, from a fixed seed."""
    torch.manual_seed(1)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(images).square().mean().backward()
    optimizer.step()
    return module.state_dict()


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    """Whether two states have the same names in the same order and the same bits."""
    return list(left) == list(right) and all(torch.equal(left[name], right[name]) for name in left)


def checks(model: nn.Module, graph: nadoo.ModelGraph, images: torch.Tensor) -> dict[str, bool]:
    """Every claim with whether it holds."""
    module = graph.to_module()
    saved = graph.save(OUT)
    before = (saved / "graph.json").read_bytes()
    loaded = nadoo.load(saved)
    after = (loaded.save(OUT) / "graph.json").read_bytes()
    return {
        "evaluates to the same bits at a batch never seen": torch.equal(module(images), model(images)),
        "has the same state dict, names and order": equal(module.state_dict(), model.state_dict()),
        "trains to the same bits (dropout, batch norm, gradients)": equal(
            trained(copy.deepcopy(module), images), trained(copy.deepcopy(model), images)
        ),
        "saves and loads to the same fingerprint": loaded.fingerprint() == graph.fingerprint(),
        "saves again to the same bytes": before == after,
        "verifies without a violation": not loaded.violations(),
    }


def main() -> int:
    """Capture, print, prove; the exit code says whether every check held."""
    torch.manual_seed(0)
    model = Network().eval()
    graph = nadoo.capture(model, torch.randn(1, 1, 16, 16))
    print(graph)
    print()
    found = checks(model, graph, torch.randn(5, 1, 16, 16))
    for claim, holds in found.items():
        print(f"{'ok    ' if holds else 'FAILED'}  {claim}")
    (OUT / "graph.svg").write_text(graph.draw(), encoding="utf-8")
    print(f"\nfingerprint {graph.fingerprint()[:16]}; open {OUT / 'graph.svg'} to see the graph,")
    print(f"or type: .venv/bin/python -c \"import nadoo_core as nadoo; print(nadoo.load('{OUT}'))\"")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
