"""Quantization in the loop: what happens to the scales of weights while a training moves the weights.

Gradients go straight through the rounding of the rows themselves; here the clip is derived again at the end of every
epoch but the last, by the rule of the layer, until it is frozen, and the log says what it has come to.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from attrs import frozen
from torch import nn

from nadoo_core.formulas import entropy
from nadoo_core.quantizing.book import Book
from nadoo_core.quantizing.room import room_for_bias
from nadoo_core.quantizing.rows import along, rows_of
from nadoo_core.quantizing.rules import ClipRule
from nadoo_core.training.hooks import Moment, TrainingHook
from nadoo_graphs.formats import Format
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops.quantized.masters import master_roles, scale_role

SMALLEST = 2.0**-126
ADDED = ("bias", "input_scale")
OVER_CODES = ("quantized_linear", "quantized_conv1d", "quantized_conv2d")
LAYERS = ("linear", "conv1d", "conv2d", "embedding", "lstm", "gru", "rnn_tanh", "rnn_relu")


@frozen
class QuantizedWeight:
    """A weight that a layer encodes whenever it runs: where it is, its format, and whether its scale is learned.

    `node` names the weight for people: it is its layer, or one of the matrices of a recurrent layer. Where the layer
    adds its bias to sums of codes, `bias` and `input_scale` are the tensors that say in which units.
    """

    layer: str
    node: str
    weight: str
    scale: str
    format: Format
    learned: bool
    bias: str | None = None
    input_scale: str | None = None

    @property
    def derives(self) -> bool:
        """Whether a rule can give it a scale: not where training moves it, nor where the format has one of its own."""
        whole = bool(getattr(self.format.codec, "whole", False)) and not getattr(self.format.codec, "centred", False)
        return not self.learned and not whole


def quantized_weights(graph: ModelGraph) -> Iterator[QuantizedWeight]:
    """Every weight of a layer that is held in a format with levels."""
    for node in graph.nodes():
        kind, _, layer = node.op.partition("_")
        if kind not in {"quantized", "encoded"} or layer not in LAYERS:
            continue
        row = graph.formats[str(node.attributes["weight_format"])]
        for role in master_roles(node.tensors):
            scale = node.tensors.get(scale_role(role))
            if row.kind != "float" and scale is not None:
                name = node.name if role == "weight" else f"{node.name}.{role}"
                learned = graph.record(scale).role == "parameter"
                added = [node.tensors.get(each) for each in ADDED] if node.op in OVER_CODES else []
                yield QuantizedWeight(node.name, name, node.tensors[role], scale, row, learned, *added)


@frozen
class LearnedStep:
    """The scale of an activation that is learned: its tensor, by which rule, and how many steps lie under its clip."""

    node: str
    scale: str
    rule: str
    reach: int


def learned_steps(graph: ModelGraph) -> Iterator[LearnedStep]:
    """Every activation scale that training moves, once, where its codes are made."""
    for node in graph.nodes():
        scale = node.tensors.get("scale" if node.op == "quantize" else "output_scale")
        if scale is None or "step_gradient" not in node.attributes or graph.record(scale).role != "parameter":
            continue
        role = "zero_point" if node.op == "quantize" else "output_zero_point"
        point = int(graph.tensor(node.tensors[role])) if role in node.tensors else 0
        low, high = graph.formats[str(node.type.format)].code_range(with_zero_point=role in node.tensors)
        rule = str(node.attributes["step_gradient"])
        yield LearnedStep(node.name, scale, rule, max(high - point, point - low))


def number_scales(graph: ModelGraph) -> set[str]:
    """The trained scales by which codes become numbers, such as logits, again."""
    held = {node.tensors["scale"] for node in graph.nodes() if node.op == "dequantize"}
    return {scale for scale in held if graph.record(scale).trainable}


class ClipHook(TrainingHook):
    """Derives clips, keeps learned scales positive, and reports clip and entropy of every layer.

    A learned scale moves by a share of itself, not by an amount that would be everything to a small one: with Adam,
    whose steps have the size of the rate, its rate is multiplied by the scale that training begins with. PACT's
    penalty λ·α² on the clip α of an activation is what plain descent makes of it: every step takes 2·rate·λ of α.
    """

    def __init__(
        self,
        graph: ModelGraph,
        rule_of: Callable[[str], ClipRule],
        freeze_epoch: int | None = None,
        penalty: float = 0.0,
    ) -> None:
        self.weights = tuple(quantized_weights(graph))
        self.steps = tuple(learned_steps(graph))
        moved = (*(item for item in self.weights if item.learned), *self.steps)
        self.learned = {item.scale for item in moved} | number_scales(graph)
        self.penalty = penalty
        self.rules = {item.node: rule_of(item.layer) for item in self.weights if item.derives}
        self.freeze_epoch = freeze_epoch

    def on_step(self, moment: Moment) -> None:
        """A learned scale that a step took below zero is taken by its magnitude; PACT's penalty shrinks clips."""
        tensors, rate = tensors_of(moment.model), float(moment.optimizer.param_groups[0]["lr"])
        with torch.no_grad():
            for scale in self.learned:
                tensors[scale].abs_().clamp_(min=SMALLEST)
            for item in self.steps:
                if item.rule == "pact":
                    tensors[item.scale].mul_(max(0.0, 1 - 2 * rate * self.penalty))

    def rate_factors(self, model: nn.Module, optimizer: str) -> Mapping[str, float]:
        """Steps of Adam in proportion to each scale."""
        if optimizer == "sgd":
            return {}
        tensors = tensors_of(model)
        return {name: float(tensors[name].detach().abs().mean()) for name in sorted(self.learned)}

    def on_epoch_end(self, moment: Moment) -> Mapping[str, float]:
        """What the epoch ended with; then new clips for the next one, if there is one and nothing is frozen."""
        tensors = tensors_of(moment.model)
        report: dict[str, float] = {}
        for item in self.weights:
            report |= statistics(item, tensors[item.weight].detach(), tensors[item.scale].detach())
        report |= {f"clip of {item.node}": float(tensors[item.scale].detach()) * item.reach for item in self.steps}
        if self.derives_after(moment):
            with torch.no_grad():
                for item in self.weights:
                    if item.node in self.rules:
                        derive(item, tensors, self.rules[item.node], moment.epoch + 1)
        return report

    def derives_after(self, moment: Moment) -> bool:
        """Whether clips change after an epoch: the model that was judged last is the one that is kept."""
        following = moment.epoch + 1
        frozen_from = moment.epochs if self.freeze_epoch is None else min(self.freeze_epoch, moment.epochs)
        return following < frozen_from


def tensors_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """All tensors of a module by name."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def derive(item: QuantizedWeight, tensors: Mapping[str, torch.Tensor], rule: ClipRule, epoch: int) -> None:
    """Write the scale that a rule gives the weight as it is now; a weight of zeros keeps the scale that it had."""
    weight, held = tensors[item.weight].detach(), tensors[item.scale]
    rows = rows_of(weight.cpu(), "output" if held.ndim else "tensor")
    book = Book.of(item.format)
    clips = rule.clips(rows, book, epoch)
    scale = torch.where(clips > 0, book.scale(clips), held.reshape(-1).double().cpu())
    scale = scale.reshape(held.shape).to(held)
    if item.bias is not None and item.input_scale is not None:
        scale = room_for_bias(scale, tensors[item.bias], tensors[item.input_scale].detach().double(), item.format.unit)
    held.copy_(scale)


def statistics(item: QuantizedWeight, weight: torch.Tensor, scale: torch.Tensor) -> dict[str, float]:
    """The median clip of a layer and the entropy of its codes."""
    steps = along(scale.reshape(-1).double(), weight) if scale.ndim else scale.double()
    codes = item.format.encode(weight, steps, where=item.weight, allow_degenerate=True)
    clip = float(scale.double().abs().median()) * item.format.reach
    return {f"clip {item.node}": clip, f"entropy {item.node}": entropy(codes.cpu().numpy())}
