"""What only training does is reported by its line, and nothing else is."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nadoo_graphs.capture.train_only import train_only


class StochasticDepth(nn.Module):
    """Skips its layer at random in training."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if self.training and torch.rand(()) < 0.5:  # read here
            return x
        return self.layer(x)


class Dropping(nn.Module):
    """Drops by the function, which has a row."""

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, 0.5, training=self.training) + F.dropout(x, 0.5, self.training)


class Frozen(nn.BatchNorm1d):
    """Never trains its statistics."""

    def train(self, mode: bool = True) -> "Frozen":
        return super().train(False)


def test_a_branch_on_training_is_named_with_its_line() -> None:
    (line,) = train_only(nn.Sequential(StochasticDepth()), frozenset())
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    number = next(index for index, text in enumerate(lines, 1) if text.endswith("# read here"))
    assert line.startswith("module '0' (StochasticDepth) reads self.training")
    assert f"test_train_only.py:{number};" in line


def test_a_dropout_function_is_no_loss() -> None:
    assert train_only(Dropping(), frozenset()) == ()


def test_an_overridden_train_is_named() -> None:
    (line,) = train_only(nn.Sequential(Frozen(4)), frozenset())
    assert "overrides train()" in line


def test_attention_dropout_is_named_unless_it_was_kept() -> None:
    model = nn.Sequential(nn.MultiheadAttention(4, 1, dropout=0.25))
    (line,) = train_only(model, frozenset())
    assert "p=0.25" in line
    assert train_only(model, frozenset({"0"})) == ()


def test_modules_of_torch_are_no_loss() -> None:
    assert train_only(nn.Sequential(nn.Dropout(), nn.BatchNorm1d(4), nn.LSTM(2, 2)), frozenset()) == ()
