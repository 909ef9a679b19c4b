"""Scales of activations that training moves: by LSQ or by PACT, chosen in `quantize`, trained in `heal`."""

import pytest
import torch

from nadoo_core.data import Examples
from nadoo_core.errors import OptionError
from nadoo_core.passes import TRAINED, Context, LayerTable, Services
from nadoo_core.quantizing import ClipHook, learned_steps, make_rule
from nadoo_core.runs.learning import with_tensors
from nadoo_core.training import Trainer, TrainingOptions
from nadoo_core.training.hooks import Moment
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered import interpret, lower
from nadoo_quantization.quantize import Quantize
from nadoo_training.heal import Heal
from tests.plugins.nadoo_quantization.networks import context, correlated, perceptron

RULES = ("lsq", "pact")


def quantized(rule: str, clip: str = "auto") -> ModelGraph:
    """A perceptron with learned activations."""
    step = Quantize(steps=rule, weights=LayerTable({"*": "int4"}), clip=LayerTable({"*": clip}))  # type: ignore[arg-type]
    return step.run(perceptron(), context(correlated())).graph


def healed(graph: ModelGraph, **options: object) -> ModelGraph:
    """The graph after `heal`, as a run would do it."""
    inputs = correlated(256, 2)
    examples = Examples(inputs, perceptron().run(inputs).result.argmax(1))

    def train(given: ModelGraph, *, seed: int, hooks: tuple[ClipHook, ...], **chosen: object) -> ModelGraph:
        module = given.to_module()
        Trainer(module, TrainingOptions(seed=seed, **chosen), hooks=hooks).fit(examples)  # type: ignore[arg-type]
        return with_tensors(given, module)

    services = Services(train=train)
    given = Context(step="heal", services=services, properties=frozenset({TRAINED.name}))
    return Heal(epochs=2, rate=0.005, batch=32, **options).run(graph, given).graph  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES)
def test_learned_scales_move_by_a_share_of_themselves_and_the_integers_stay_exact(rule: str) -> None:
    graph = quantized(rule, "learned" if rule == "lsq" else "auto")
    steps = list(learned_steps(graph))
    assert [item.node for item in steps] == ["input.quantize", "0", "2"]
    assert {item.rule for item in steps} == {rule}
    found = healed(graph)
    for item in steps:
        before, after = float(graph.tensor(item.scale)), float(found.tensor(item.scale))
        assert before != after
        assert 0.5 < after / before < 2
    fresh = correlated(4, 5)
    program = interpret(lower(found, border="float"), [fresh.numpy()]).outputs[0]
    assert torch.equal(torch.from_numpy(program).reshape(4, -1).float(), found.run(fresh).result.detach())


def test_fixed_scales_are_no_parameters() -> None:
    graph = Quantize().run(perceptron(), context(correlated())).graph
    assert not list(learned_steps(graph))
    found = healed(graph)
    assert torch.equal(graph.tensor("0.scale"), found.tensor("0.scale"))


def test_the_penalty_of_pact_is_a_step_down_its_gradient() -> None:
    """α − rate·d(λ·α²)/dα = α·(1 − 2·rate·λ); LSQ has none."""
    for rule, share in (("pact", 1 - 2 * 0.1 * 0.01), ("lsq", 1.0)):
        graph = quantized(rule)
        module = graph.to_module()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        hook = ClipHook(graph, lambda _: make_rule("max"), penalty=0.01)
        hook.on_step(Moment(module, optimizer, 0, 0, 1, 1))
        after = dict(module.named_parameters())
        for item in learned_steps(graph):
            assert float(after[item.scale]) == pytest.approx(float(graph.tensor(item.scale)) * share, rel=1e-6)


def test_adam_moves_scales_in_proportion_and_descent_as_their_gradients_say() -> None:
    graph = quantized("lsq")
    hook, module = ClipHook(graph, lambda _: make_rule("max")), graph.to_module()
    factors = hook.rate_factors(module, "adam")
    assert factors == {item.scale: pytest.approx(float(graph.tensor(item.scale))) for item in learned_steps(graph)}
    assert hook.rate_factors(module, "sgd") == {}


@pytest.mark.parametrize(("epochs", "chosen", "frozen"), [(6, None, 3), (1, None, 1), (5, None, 3), (6, 1, 1)])
def test_clips_stay_from_the_middle_of_a_training_on(epochs: int, chosen: int | None, frozen: int) -> None:
    """A scale that moves at the end, when the rate is low, moves levels under weights that have settled."""
    step = Heal(epochs=epochs, freeze_clip=chosen)
    (hook,) = step.hooks(quantized("lsq"), context(correlated()))["hooks"]
    assert hook.freeze_epoch == frozen


def test_what_has_no_scales_to_learn_is_refused() -> None:
    with pytest.raises(OptionError, match="steps is 'pact', which needs static scales"):
        Quantize(steps="pact", activation_scale="token")
    with pytest.raises(OptionError, match="needs static scales of activations"):
        Quantize(steps="lsq", activations=LayerTable({"*": "none"}))
    with pytest.raises(OptionError, match="which learns by LSQ; set steps to 'lsq'"):
        Quantize(steps="pact", clip=LayerTable({"*": "learned"}))
