"""Whether the steps of a recipe fit together is known before any of them runs."""

from attrs import frozen

from nadoo_core.passes import CALIBRATED, TRAINED, check_flow
from tests.core.passes.small import NO_RELU, Custom, small_graph


@frozen(kw_only=True)
class Calibrate(Custom):
    name = "calibrate"
    establishes = (CALIBRATED,)


@frozen(kw_only=True)
class Prune(Custom):
    name = "prune"
    breaks = (CALIBRATED,)


@frozen(kw_only=True)
class Quantize(Custom):
    name = "quantize"
    needs = (CALIBRATED,)


@frozen(kw_only=True)
class NeedsTraining(Custom):
    name = "needs-training"
    needs = (TRAINED,)


@frozen(kw_only=True)
class NeedsNoRelu(Custom):
    name = "needs-no-relu"
    needs = (NO_RELU,)


def complaints(*steps: Custom, **held: object) -> list[str]:
    return [str(problem) for problem in check_flow([(step.name, step) for step in steps], **held)]  # type: ignore[arg-type]


def test_steps_in_the_right_order_are_fine() -> None:
    assert complaints(Prune(), Calibrate(), Quantize()) == []


def test_a_step_before_the_one_that_it_needs_is_told_to_move() -> None:
    (only,) = complaints(Quantize(), Calibrate())
    assert only.startswith("N06 step 'quantize': needs the property 'calibrated'")
    assert only.endswith("move this step behind 'calibrate', which establishes it")


def test_a_step_whose_need_was_broken_is_told_by_whom() -> None:
    (only,) = complaints(Calibrate(), Prune(), Quantize())
    assert "which step 'prune' breaks; move this step before that one" in only
    assert complaints(Calibrate(), Prune(), Calibrate(), Quantize()) == []


def test_a_need_that_nobody_meets_is_named() -> None:
    (only,) = complaints(NeedsTraining())
    assert only.endswith("put a step before this one that establishes it")
    assert complaints(NeedsTraining(), held=["trained"]) == []


def test_a_structural_need_is_looked_up_in_the_graph_where_there_is_one() -> None:
    assert complaints(NeedsNoRelu()) == []
    assert len(complaints(NeedsNoRelu(), graph=small_graph())) == 1
    graph = small_graph()
    for node in graph.nodes(op="relu"):
        graph.bypass(node)
    assert complaints(NeedsNoRelu(), graph=graph) == []


def test_all_problems_are_named() -> None:
    assert len(complaints(Quantize(), NeedsTraining(), Quantize())) == 3
