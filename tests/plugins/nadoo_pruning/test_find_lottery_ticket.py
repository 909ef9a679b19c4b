"""find-lottery-ticket: the beginning's weights under nested masks, and its controls (P5)."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from nadoo_core.errors import NadooError
from nadoo_core.formulas.sparsity import prune_count
from nadoo_core.passes import PRUNED_WEIGHTS, Context, PassResult
from nadoo_core.training.options import TrainingChoices
from nadoo_graphs.graph import ModelGraph
from nadoo_pruning.find_lottery_ticket import FindLotteryTicket
from tests.plugins.nadoo_pruning.small import context_with, residual_network

LAYERS = ("stem.weight", "wide.weight", "narrow.weight", "head.weight")


class Trainer:
    """Moves every weight by the same amounts each time, holds what the hooks hold, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[ModelGraph] = []
        self.epochs: list[int] = []

    def __call__(
        self, graph: ModelGraph, *, hooks: tuple[Any, ...] = (), epochs: int = 1, **options: Any
    ) -> ModelGraph:
        self.given.append(graph.copy())
        self.epochs.append(epochs)
        module = graph.to_module()
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
        for hook in hooks:
            hook.on_step(type("Moment", (), {"model": module})())
        trained = graph.copy()
        trained.set_tensors({name: value.data for name, value in module.named_parameters()})
        return trained


def found(trainer: Trainer, graph: ModelGraph, **options: Any) -> PassResult:
    return FindLotteryTicket(**options).run(graph, context_with({}, train=trainer))


def nonzero(graph: ModelGraph) -> int:
    return sum(int(torch.count_nonzero(graph.tensor(name))) for name in LAYERS)


def test_survivors_are_the_weights_of_the_beginning_exactly() -> None:
    graph, trainer = residual_network(), Trainer()
    result = found(trainer, graph, rounds=3, share=0.3, finish=False)
    for name in LAYERS:
        after, before = result.graph.tensor(name), graph.tensor(name)
        assert torch.equal(after[after != 0], before[after != 0])
    assert PRUNED_WEIGHTS.name in result.properties


def test_every_round_prunes_its_share_of_what_is_left_and_masks_are_nested() -> None:
    graph, trainer = residual_network(), Trainer()
    result = found(trainer, graph, rounds=3, share=0.3)
    left = sum(graph.tensor(name).numel() for name in LAYERS)
    for row in result.record.tables["tickets"]:
        left -= prune_count(left, 0.3)
        assert row["nonzero"] == left
    assert nonzero(result.graph) == left
    masks = [[given.tensor(name) != 0 for name in LAYERS] for given in trainer.given]
    for earlier, later in pairwise(masks):
        assert all(bool((one | ~other).all()) for one, other in zip(earlier, later, strict=True))


def test_rewinding_goes_back_to_weights_after_some_epochs() -> None:
    graph, trainer = residual_network(), Trainer()
    result = found(trainer, graph, rounds=1, rewind_epochs=2, training=TrainingChoices(epochs=5), finish=False)
    assert trainer.epochs == [2, 5]
    rewound = trainer.given[1].tensor("wide.weight")
    after = result.graph.tensor("wide.weight")
    assert not torch.equal(rewound, graph.tensor("wide.weight"))
    assert torch.equal(after[after != 0], rewound[after != 0])


def test_controls_share_the_sparsity_and_nothing_else() -> None:
    graph = residual_network()
    ticket, other, shuffled = (
        found(Trainer(), graph, rounds=2, finish=False, control=control).graph
        for control in ("ticket", "random-init", "random-mask")
    )
    assert nonzero(ticket) == nonzero(other) == nonzero(shuffled)
    assert torch.equal(ticket.tensor("wide.weight") == 0, other.tensor("wide.weight") == 0)
    assert not torch.equal(ticket.tensor("wide.weight"), other.tensor("wide.weight"))
    assert not torch.equal(ticket.tensor("wide.weight") == 0, shuffled.tensor("wide.weight") == 0)


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_the_finished_ticket_is_trained_with_its_zeros_held(scope: str) -> None:
    graph = residual_network()
    result = found(Trainer(), graph, rounds=2, share=0.5, scope=scope).graph
    moved = result.tensor("wide.weight")
    assert int((moved == 0).sum()) > 0
    assert not torch.equal(moved[moved != 0], graph.tensor("wide.weight")[moved != 0])


def test_without_a_trainer_there_is_no_ticket() -> None:
    with pytest.raises(NadooError, match="'train' was asked for and this run cannot do it"):
        FindLotteryTicket().run(residual_network(), Context.standalone())
