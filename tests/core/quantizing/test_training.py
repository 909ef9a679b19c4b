"""The hook of quantization in the loop: clips follow the weights, until they are frozen, and the log says so."""

import torch

from nadoo_core.data import Examples
from nadoo_core.quantizing import ClipHook, ClipRule, make_rule, quantized_weights
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_graphs.graph import ModelGraph


def graph_of(name: str = "int4", role: str = "buffer", per_output: bool = True) -> ModelGraph:
    """Two layers with encoded weights and a relu."""
    graph = ModelGraph("encoded")
    generator = torch.Generator().manual_seed(0)
    h = graph.add_input("x", ("N", 4))
    for layer, (outputs, inputs) in {"one": (8, 4), "two": (3, 8)}.items():
        weight = torch.randn(outputs, inputs, generator=generator)
        scale = torch.full((outputs,) if per_output else (), 0.2)
        held = graph.add_tensor(f"{layer}.weight_scale", scale, role)  # type: ignore[arg-type]
        gradient = "lsq" if role == "parameter" else "plain"
        tensors = {"weight": weight, "weight_scale": held}
        h = graph.add("encoded_linear", [h], name=layer, tensors=tensors, weight_format=name, step_gradient=gradient)
        h = graph.add("relu", [h]) if layer == "one" else h
    graph.set_outputs([h])
    return graph


def examples() -> Examples:
    """Points whose class is their largest coordinate of three."""
    inputs = torch.randn(96, 4, generator=torch.Generator().manual_seed(1))
    return Examples(inputs, inputs[:, :3].argmax(1))


def trained(
    graph: ModelGraph, rule: str, epochs: int, freeze: int | None = None
) -> tuple[ClipHook, list[float], Trainer]:
    """The hook and the clips of the first layer, epoch by epoch."""
    hook = ClipHook(graph, lambda _: make_rule(rule), freeze)
    trainer = Trainer(graph.to_module(), TrainingOptions(epochs=epochs, rate=0.02, keep="last"), hooks=(hook,))
    log = trainer.fit(examples())
    return hook, [record.extra["clip one"] for record in log.records], trainer


def test_clips_are_derived_after_every_epoch_but_the_last() -> None:
    _, clips, trainer = trained(graph_of(), "max", 4)
    assert len(set(clips)) == 4
    weight, scale = (dict(trainer.model.state_dict())[f"one.{role}"] for role in ("weight", "weight_scale"))
    assert not torch.allclose(scale * 7, weight.abs().amax(1))


def test_clips_are_what_the_rule_gives() -> None:
    graph, seen = graph_of(), list[torch.Tensor]()

    class Watching(ClipHook):
        def on_epoch_end(self, moment):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            report = super().on_epoch_end(moment)
            state = moment.model.state_dict()
            seen.extend([state["two.weight"].abs().amax(1) / 7, state["two.weight_scale"].clone()])
            return report

    hook = Watching(graph, lambda _: make_rule("max"))
    Trainer(graph.to_module(), TrainingOptions(epochs=2), hooks=(hook,)).fit(examples())
    assert torch.allclose(seen[0], seen[1])
    assert not torch.allclose(seen[2], seen[3])


def test_frozen_clips_stay() -> None:
    _, clips, _ = trained(graph_of(), "octav", 6, freeze=3)
    assert len(set(clips[:3])) == 3
    assert len(set(clips[3:])) == 1
    assert clips[2] != clips[3] or clips[3] == clips[4]


def test_frozen_from_the_beginning_the_scales_are_those_that_were_given() -> None:
    _, clips, _ = trained(graph_of(), "mse", 3, freeze=0)
    assert all(abs(clip - 0.2 * 7) < 1e-6 for clip in clips)


def test_one_scale_in_all_stays_one() -> None:
    _, _, trainer = trained(graph_of(per_output=False), "mse", 2)
    assert trainer.model.state_dict()["one.weight_scale"].shape == ()


def test_learned_scales_are_trained_and_stay_positive() -> None:
    graph = graph_of(role="parameter")
    graph.set_tensor("one.weight_scale", torch.full((8,), 1e-3))
    hook, clips, trainer = trained(graph, "learned", 3)
    assert not hook.rules
    assert bool((trainer.model.state_dict()["one.weight_scale"] > 0).all())
    assert len(set(clips)) == 3


def test_a_weight_of_zeros_keeps_its_scale() -> None:
    graph = graph_of()
    graph.set_tensor("one.weight", torch.zeros(8, 4))
    _, clips, trainer = trained(graph, "max", 2)
    assert all(clip > 0 for clip in clips)
    assert bool((trainer.model.state_dict()["one.weight_scale"] > 0).all())


def over_codes(weight: torch.Tensor, bias: torch.Tensor) -> ModelGraph:
    """One layer over codes, with a scale that has room for its bias."""
    graph = ModelGraph("codes")
    step = graph.add_tensor("step", torch.tensor(1 / 32), "buffer")
    scale = graph.add_tensor("one.weight_scale", torch.full((3,), 0.1), "buffer")
    x = graph.add("quantize", [graph.add_input("x", ("N", 4))], tensors={"scale": step})
    held = {"weight": weight, "weight_scale": scale, "bias": bias, "input_scale": step}
    one = graph.add("quantized_linear", [x], name="one", tensors=held, output_format="int32", requantize="none")
    real = graph.add("dequantize", [one], tensors={"scale": step, "weight_scale": scale}, axis=-1)
    graph.set_outputs([real])
    return graph


def test_a_channel_of_next_to_nothing_keeps_room_for_its_bias() -> None:
    weight = torch.tensor([[1.0, -1, 0, 0], [0, 1, -1, 0], [1e-12, 0, 0, -1e-12]])
    graph = over_codes(weight, torch.tensor([0.0, 0.1, 0.5]))
    trainer = Trainer(
        graph.to_module(),
        TrainingOptions(epochs=3, rate=1e-15, keep="last", optimizer="sgd"),
        hooks=(ClipHook(graph, lambda _: make_rule("max")),),
    )
    trainer.fit(examples())
    scales = trainer.model.state_dict()["one.weight_scale"]
    assert 0.5 / (float(scales[2]) / 32) <= 2.0**29 * (1 + 1e-6)
    assert bool(trainer.model(examples().inputs).isfinite().all())  # type: ignore[union-attr]


def test_the_epoch_reaches_the_rule() -> None:
    epochs = list[int]()

    class Noting(ClipRule):
        def clips(self, rows, book, epoch=0):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            epochs.append(epoch)
            return rows.abs().amax(1).double()

    from attrs import frozen

    rule = frozen(kw_only=True)(Noting)()
    graph = graph_of()
    hook = ClipHook(graph, lambda _: rule)
    Trainer(graph.to_module(), TrainingOptions(epochs=3), hooks=(hook,)).fit(examples())
    assert epochs == [1, 1, 2, 2]


def test_formats_that_scale_themselves_and_floats_are_left_alone() -> None:
    names = {item.node: item.derives for item in quantized_weights(graph_of("dorefa4"))}
    assert names == {"one": False, "two": False}
    assert not list(quantized_weights(graph_of("float16")))
