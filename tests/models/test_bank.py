"""The bank is what it says: distinct, reproducible, runnable, and right about itself."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree  # pyright: ignore[reportPrivateUsage]

from tests.models import architectures
from tests.models.bank import CASES, REFUSED, SMALL, Case, Refusal, case_named

EVERY_SMALL = pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
EVERY_REFUSED = pytest.mark.parametrize("refusal", REFUSED, ids=lambda refusal: refusal.name)

PARAMETERS = {
    "resnet_50": (architectures.resnet_50, 25_557_032),
    "mobilenet_v2": (architectures.MobileNetV2, 3_504_872),
    "densenet_121": (architectures.densenet_121, 7_978_856),
    "vision_transformer": (architectures.VisionTransformer, 86_567_656),
}


def tensors(value: object) -> list[Tensor]:
    """List the tensors in a pytree."""
    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]


def run(case: Case, model: nn.Module, seed: int = 0) -> Any:
    """Run a model on the case's arguments with dropout seeded."""
    arguments, keywords = case.arguments(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model(*arguments, **keywords)


def same(left: object, right: object) -> bool:
    """Tell whether two pytrees have one structure and the same bits in every tensor, NaN equal to itself."""
    if pytree.tree_structure(left) != pytree.tree_structure(right):
        return False
    pairs = zip(tensors(left), tensors(right), strict=True)
    return all(torch.allclose(one, other, rtol=0, atol=0, equal_nan=True) for one, other in pairs)


def trained(case: Case) -> tuple[nn.Module, object]:
    """Run a forward and a backward pass in train mode."""
    model = case.model().train()
    output = run(case, model)
    loss = [tensor.double().abs().sum() for tensor in tensors(output) if tensor.requires_grad]
    if loss:
        torch.stack(loss).sum().backward()
    return model, output


def test_names_are_unique_and_can_name_a_file() -> None:
    names = [entry.name for entry in (*CASES, *REFUSED)]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name == name.lower() for name in names)


def test_a_model_is_found_by_its_name() -> None:
    assert case_named("chain") is CASES[0]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match=r"no model 'chian'; it has .*chain"):
        case_named("chian")


@EVERY_SMALL
def test_inputs_and_weights_depend_on_the_seed_alone(case: Case) -> None:
    torch.manual_seed(1)
    first, weights = case.arguments(), case.model().state_dict()
    torch.manual_seed(2)
    assert same(case.arguments(), first)
    assert same(case.model().state_dict(), weights)
    assert not same(case.arguments(1), first)


@EVERY_SMALL
def test_it_runs_in_eval_and_repeats_itself_unless_it_writes_a_buffer(case: Case) -> None:
    model = case.model()
    before = copy.deepcopy(dict(model.named_buffers()))
    first = run(case, model)
    written = {name for name, buffer in model.named_buffers() if not torch.equal(buffer, before[name])}
    assert written == set(case.writes)
    assert case.writes or same(run(case, model), first)


@EVERY_SMALL
def test_it_trains_where_it_says_so(case: Case) -> None:
    model, output = trained(case)
    assert tensors(output)
    reached = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert bool(reached) == case.trainable
    assert all(gradient.isfinite().all() for gradient in reached)


@EVERY_SMALL
def test_the_axes_that_vary_fit_the_arguments(case: Case) -> None:
    arguments, keywords = case.arguments()
    shapes = case.dynamic_shapes(case.model(), arguments, keywords)
    assert set(case.dynamic or {}) <= set(shapes or {})


@EVERY_REFUSED
def test_a_refused_model_runs_and_marks_one_line_of_its_own(refusal: Refusal) -> None:
    assert tensors(refusal.model()(*refusal.arguments()))
    file, number = refusal.line()
    assert Path(file).read_text(encoding="utf-8").splitlines()[number - 1].endswith("# refused here")


def test_a_model_without_a_mark_is_an_error() -> None:
    unmarked = Refusal("unmarked", nn.Identity, lambda generator: (torch.randn(1, generator=generator),))
    with pytest.raises(LookupError, match="Identity has 0 lines"):
        unmarked.line()


@pytest.mark.parametrize("name", PARAMETERS)
def test_an_architecture_has_its_published_number_of_parameters(name: str) -> None:
    build, expected = PARAMETERS[name]
    with torch.device("meta"):
        model = build()
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


@pytest.mark.parametrize("name", ["resnet_50", "mobilenet_v2", "densenet_121"])
def test_an_architecture_runs_and_trains_on_small_images(name: str) -> None:
    case = case_named(name)
    assert run(case, case.model()).shape == (2, 10)
    model, _ = trained(case)
    assert all(parameter.grad is not None for parameter in model.parameters())
