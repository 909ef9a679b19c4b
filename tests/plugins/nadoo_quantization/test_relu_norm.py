"""Networks of relu-norms: what they are made of, that they need no data, and that they can be trained."""

import pytest
import torch
from torch import nn

from nadoo_core.data import Examples
from nadoo_core.errors import ContextError, PassError
from nadoo_core.passes import Context, LayerTable
from nadoo_core.quantizing import ClipHook, make_rule
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_quantization.quantize import Quantize
from tests.plugins.nadoo_quantization.networks import context, correlated, perceptron, residual, seeded

NETWORK = LayerTable({"*": "relu-norm"})


def step(name: str = "4bitsym", **options: object) -> Quantize:
    """The step that makes such a network, for inputs from 0 to 1."""
    given = {"input_range": (0.0, 1.0), **options}
    return Quantize(weights=LayerTable({"*": name}), activations=NETWORK, **given)  # type: ignore[arg-type]


def test_layers_give_accumulators_and_relus_shift_them() -> None:
    found = step().run(perceptron(bias=False)).graph
    assert [node.op for node in found.nodes()] == [
        "input", "quantize", "quantized_linear", "relu_norm", "quantized_linear", "relu_norm", "quantized_linear",
        "dequantize", "output",
    ]  # fmt: skip
    assert float(found.tensor("input.quantize.scale")) == pytest.approx(1 / 127)
    assert "zero_point" not in found["input.quantize"].tensors
    assert found.record(found["4.logits"].tensors["scale"]).trainable
    assert float(found.tensor(found["2"].tensors["input_scale"])) == 1.0


def test_logits_begin_at_a_moderate_size() -> None:
    inputs = torch.rand(256, 8, generator=torch.Generator().manual_seed(0))
    assert 0.3 < float(step().run(perceptron(bias=False)).graph.run(inputs).result.std()) < 30
    found = step().run(perceptron(bias=False), context(inputs)).graph
    assert float(found.run(inputs).result.std()) == pytest.approx(3, rel=0.05)


def test_biases_behind_a_relu_norm_count_as_much_as_before() -> None:
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
    inputs = correlated(256).sigmoid()
    graph = seeded(network, inputs[:2])
    for name, bias in (("2.bias", 1.0), ("4.bias", 2.0)):
        graph.set_tensor(name, graph.tensor(name).sign() * bias)
    found = step("8bit").run(graph, context(inputs)).graph
    numbers, logits = graph.run(inputs).result, found.run(inputs).result
    correlation = float(torch.corrcoef(torch.stack([numbers.flatten(), logits.flatten()]))[0, 1])
    assert correlation > 0.95
    for name in ("2", "4"):
        assert torch.equal(found.tensor(f"{name}.bias"), graph.tensor(f"{name}.bias")), "it learns as it did before"
        assert 0 < float(found.tensor(found[name].tensors["input_scale"])) < 0.5


def test_shifts_ahead_of_a_bias_are_fixed_and_so_bright_and_dark_inputs_are_alike() -> None:
    """A shift that followed each sample would change what its codes count for, but not the bias that is added."""
    layers = [nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(16, 4, bias=False))
    inputs = correlated(256).sigmoid() * torch.linspace(0.1, 1, 256)[:, None]
    graph = seeded(network, inputs[:2])
    for name in ("2.bias", "4.bias"):
        graph.set_tensor(name, graph.tensor(name) * 3)
    found = step("8bit").run(graph, context(inputs)).graph
    assert [node.attributes["shift"] is None for node in found.nodes(op="relu_norm")] == [False, False, True]
    numbers, logits = (each.run(inputs).result for each in (graph, found))
    assert float(torch.cosine_similarity(numbers, logits).min()) > 0.98


def test_without_data_or_signal_a_code_counts_for_one() -> None:
    for inputs in (None, torch.zeros(16, 8)):
        given = Context(step="quantize") if inputs is None else context(inputs)
        network = nn.Sequential(nn.Linear(8, 16, bias=False), nn.ReLU(), nn.Linear(16, 4))
        found = step().run(seeded(network, torch.zeros(2, 8)), given).graph
        assert float(found.tensor(found["2"].tensors["input_scale"])) == 1.0


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_scale_of_logits_moves_by_a_share_of_itself(optimizer: str) -> None:
    """A step of the size of the rate would be many times a scale of a thousandth, and turn all logits round."""
    inputs = torch.rand(64, 8, generator=torch.Generator().manual_seed(0))
    graph = step().run(perceptron(bias=False), context(inputs)).graph
    scale = graph["4.logits"].tensors["scale"]
    before = float(graph.tensor(scale))
    module, hook = graph.to_module(), ClipHook(graph, lambda _: make_rule("auto"))
    assert hook.rate_factors(module, optimizer) == {scale: pytest.approx(before)}
    examples = Examples(inputs, inputs[:, :4].argmax(1))
    Trainer(module, TrainingOptions(epochs=5, batch=8, rate=0.01, optimizer=optimizer), hooks=[hook]).fit(examples)  # type: ignore[arg-type]
    assert 0.5 < float(dict(module.named_parameters())[scale].detach()) / before < 2


def test_background_stays_zero() -> None:
    found = step().run(perceptron(bias=False)).graph
    assert torch.equal(found.run(torch.zeros(2, 8)).result, torch.zeros(2, 4))


def test_a_convolutional_network_with_pools() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3, bias=False),
    )  # fmt: skip
    found = step("8bit").run(seeded(network, torch.rand(2, 1, 12, 12))).graph
    assert {"quantized_conv2d", "relu_norm", "max_pool2d", "flatten"} <= {node.op for node in found.nodes()}
    assert bool(found.run(torch.rand(2, 1, 12, 12)).result.isfinite().all())


def test_it_learns_with_clips_that_follow_and_freeze() -> None:
    inputs = correlated(256).sigmoid()
    targets = (inputs[:, 0] > 0.5).long() + 2 * (inputs[:, 1] > 0.5).long()
    graph = step().run(perceptron(bias=False)).graph
    module = graph.to_module()
    hook = ClipHook(graph, lambda _: make_rule("octav"), freeze_epoch=8)
    log = Trainer(module, TrainingOptions(epochs=12, rate=5e-3), hooks=(hook,)).fit(Examples(inputs, targets))
    assert log.records[-1].accuracy > 0.75  # type: ignore[operator]
    clips = [record.extra["clip 0"] for record in log.records]
    assert len(set(clips[:8])) == 8
    assert len(set(clips[8:])) == 1
    assert all(0 < record.extra["entropy 2"] <= 4 for record in log.records)


def test_what_has_no_place_in_it_is_named() -> None:
    with pytest.raises(PassError, match=r"add.*has no place between"):
        step().run(residual())
    graph = perceptron()
    graph.bypass("1")
    with pytest.raises(PassError, match="reads '0' without a relu"):
        step().run(graph)


def test_the_range_of_the_input_must_be_known() -> None:
    with pytest.raises(ContextError, match="input_range"):
        step(input_range=None).run(perceptron(bias=False))
