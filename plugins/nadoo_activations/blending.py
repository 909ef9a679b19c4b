"""From one activation to another while a model trains: y = f + λ·(g - f), with λ rising from 0 to 1."""

from typing import Any, Literal, TypeAlias

import torch
from attrs import frozen

from nadoo_core.formulas.blending import half_cosine
from nadoo_core.training.hooks import Moment, TrainingHook
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Node

Course: TypeAlias = Literal["linear", "cosine"]
LAMBDA = "blend_weight"


@frozen
class Blend:
    """How λ rises: along a line or half a wave, up to a share of the training, and then it stays at 1."""

    course: Course
    until: float

    def weight(self, progress: float) -> float:
        """λ when a share of the training is done.

        Law: 0 at the start, non-decreasing, and exactly 1 from `until` on.
        """
        gone = min(max(progress / self.until, 0.0), 1.0)
        return gone if self.course == "linear" else 1.0 - half_cosine(gone)


class Blending(TrainingHook):
    """Sets λ before the first step and after each; it follows from where the training stands."""

    def __init__(self, blend: Blend, name: str) -> None:
        self.blend, self.name = blend, name

    def on_epoch_start(self, moment: Moment) -> None:
        """At the beginning of an epoch, the first of which starts at 0."""
        self.set(moment, moment.epoch / moment.epochs)

    def on_step(self, moment: Moment) -> None:
        """After a step."""
        self.set(moment, min(1.0, (moment.step + 1) / max(moment.steps, 1)))

    def set(self, moment: Moment, progress: float) -> None:
        """Write λ into the model's buffer."""
        held = dict(moment.model.named_buffers())[self.name]
        with torch.no_grad():
            held.fill_(self.blend.weight(progress))


def blended(graph: ModelGraph, nodes: list[Node], new: str, attributes: dict[str, Any]) -> tuple[ModelGraph, str]:
    """A copy in which both activations of each node run, and the name of the λ that weighs them."""
    both = graph.copy()
    dtype = graph.type(nodes[0]).dtype
    name = both.add_tensor(LAMBDA, torch.zeros((), dtype=getattr(torch, dtype)), "buffer")
    weight = both.add("tensor", tensors={"value": name})
    for node in nodes:
        readers = both.consumers(node)
        other = both.add(new, [both.operand(node)], **attributes)
        step = both.add("mul", [both.add("sub", [other, node]), weight])
        mixed = both.add("add", [node, step])
        for reader, operand in readers:
            both.rewire(reader, operand, mixed)
    return both, name
