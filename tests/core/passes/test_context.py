"""A context gives what the run has, refuses what it has not, and makes random numbers that depend on names alone."""

from typing import Any

import pytest
import torch
from hypothesis import given, strategies

from nadoo_core.errors import ContextError
from nadoo_core.passes import Context, Observer, Services
from tests.core.passes.small import Halve, small_graph


def test_random_numbers_depend_on_seed_step_and_name_alone() -> None:
    draws = {
        (seed, step, name): float(torch.rand(1, generator=Context(seed=seed, step=step).generator(name)))
        for seed in (0, 1)
        for step in ("a", "b")
        for name in ("", "x")
    }
    assert len(set(draws.values())) == len(draws)
    again = Context(seed=1, step="b", properties=frozenset({"trained"})).generator("x")
    assert float(torch.rand(1, generator=again)) == draws[1, "b", "x"]
    assert Context().numbers("x").random() == Context().numbers("x").random()


@given(strategies.integers(0, 2**63 - 1), strategies.text(max_size=9), strategies.text(max_size=9))
def test_every_seed_is_one_that_torch_and_numpy_take(seed: int, step: str, name: str) -> None:
    """0 ≤ seed < 2^63, and the same for the same names."""
    context = Context(seed=seed, step=step)
    assert 0 <= context.seed_for(name) < 2**63
    assert context.seed_for(name) == Context(seed=seed, step=step).seed_for(name)


def test_services_are_called_with_what_belongs_to_the_step() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    def service(name: str) -> Any:
        return lambda graph, **options: calls.append((name, options))

    services = Services(train=service("train"), evaluate=service("evaluate"), estimate=service("estimate"))
    context = Context(step="heal", services=services)
    context.train(small_graph(), epochs=2)
    context.evaluate(small_graph(), role="train")
    context.estimate(small_graph(), device="stm32f401")
    assert calls == [
        ("train", {"epochs": 2, "seed": context.seed_for("train")}),
        ("evaluate", {"role": "train"}),
        ("estimate", {"device": "stm32f401"}),
    ]


def test_data_is_given_by_role_but_never_the_test_set() -> None:
    context = Context(step="calibrate", services=Services(data={"train": [1], "calibration": [2], "test": [3]}))
    assert context.data("calibration") == [2]
    with pytest.raises(ContextError, match="'calibraton' was asked for; did you mean 'calibration'"):
        context.data("calibraton")
    with pytest.raises(ContextError, match="allowed: calibration, train"):
        context.data("test")
    with pytest.raises(ContextError, match="a pass decides by 'validation' data"):
        context.evaluate(small_graph(), role="test")


@pytest.mark.parametrize("service", ["train", "evaluate", "estimate"])
def test_what_the_run_cannot_do_is_refused_by_name(service: str) -> None:
    with pytest.raises(ContextError, match=f"N09 step 'step': '{service}' was asked for and this run cannot do it"):
        getattr(Context.standalone(), service)(small_graph())


class Recorder(Observer):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self.seen.append((step, done, total, what))

    def log(self, step: str, text: str) -> None:
        self.seen.append((step, text))


def test_an_observer_is_told_of_progress_and_remarks() -> None:
    recorder = Recorder()
    context = Context(step="search", observer=recorder)
    context.progress(1, 4, "trials")
    context.log("half way")
    assert recorder.seen == [("search", 1, 4, "trials"), ("search", "half way")]


def test_the_second_application_of_an_exact_pass_is_silent() -> None:
    from tests.core.passes.small import SplitHalf

    recorder = Recorder()
    result = SplitHalf().run(small_graph(), Context(step="s", observer=recorder))
    assert recorder.seen == [("s", text) for text in result.record.log]
    assert len(recorder.seen) == 3


def test_a_context_may_be_used_for_several_passes() -> None:
    context = Context.standalone()
    logs = [Halve().run(small_graph(), context).record.log for _ in range(2)]
    assert logs[0] == logs[1]
    assert context.notes.log == []
