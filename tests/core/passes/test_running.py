"""Running a pass: what it is given, what it is held to, what is said about it; every refusal tested like a result."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from attrs import evolve, frozen

from nadoo_core.errors import EffectError, NeedError, NoChangeError, OptionError, PassError, SelectorError
from nadoo_core.options import structure, unstructure
from nadoo_core.passes import Context, Exact, LayerTable, Pass, Property, Selector, Unbounded, option
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import Op, Run
from tests.core.passes.small import HALVED, NO_RELU, Custom, FalselyExact, Halve, Nudge, SplitHalf, small_graph


def pass_that(action: Callable[[ModelGraph, Context], Any], **members: Any) -> Pass:
    """A pass that does what a test says."""
    cls = type("Planted", (Custom,), {"apply": lambda self, graph, context: action(graph, context), **members})
    return frozen(kw_only=True)(cls)()


def scale_first(graph: ModelGraph, context: Context) -> None:
    graph.set_tensor("fc0.weight", graph.tensor("fc0.weight") * 2)


# --- results ----------------------------------------------------------------------------------------------------------


def test_the_result_is_a_graph_of_its_own_and_the_given_one_is_untouched() -> None:
    graph = small_graph()
    before = graph.fingerprint()
    result = Halve().run(graph)
    assert graph.fingerprint() == before == result.record.before
    assert result.graph.fingerprint() == result.record.after != before
    assert torch.equal(result.graph.tensor("fc1.weight"), graph.tensor("fc1.weight") / 2)


def test_the_record_says_everything_and_is_json() -> None:
    result = Halve(where="fc[01]").run(small_graph(), Context.standalone(seed=3, step="first"))
    said = json.loads(json.dumps(result.record.as_dict()))
    assert said["name"] == "halve"
    assert said["step"] == "first"
    assert said["seed"] == 3
    assert said["effect"] == "unbounded"
    assert said["options"] == {"where": {"op": ["linear"], "name": ["fc[01]"]}, "factor": 0.5}
    assert said["changes"]["tensors_changed"] == ["fc0.weight", "fc1.weight"]
    assert said["log"] == ["halved fc0", "halved fc1"]
    assert said["unchecked"] == "the pass promises nothing about results"
    assert said["changed"] is True


def test_tensors_that_a_pass_leaves_alone_are_shared_and_not_copied() -> None:
    graph = small_graph()
    result = Halve(where="fc0").run(graph)
    assert result.graph.tensor("fc1.weight") is graph.tensor("fc1.weight")


def test_options_make_the_same_pass_again() -> None:
    made = Halve(where=["fc0", "fc1"], factor=0.25)
    assert structure(Halve, unstructure(made)) == made


def test_an_exact_pass_is_measured_in_both_precisions() -> None:
    record = SplitHalf(factor=0.3).run(small_graph()).record
    assert record.measured.error64 is not None
    assert record.measured.error64 < 1e-14
    assert 0 < (record.measured.error32 or 0) < 1e-5


def test_an_approximate_pass_is_held_to_its_bound() -> None:
    assert 0 < (Nudge(by=1e-4).run(small_graph()).record.measured.error32 or 0) < 0.01
    with pytest.raises(EffectError, match=r"N07 step 'nudge': it changes the results by .* promises at most 0.01"):
        Nudge(by=0.1).run(small_graph())


def test_without_check_nothing_is_executed_and_the_record_says_so() -> None:
    record = SplitHalf().run(small_graph(), Context.standalone(check=False)).record
    assert record.measured.unchecked == "the context says check=False"
    assert record.measured.error64 is None


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_a_difference_that_float32_hides_is_found_in_float64() -> None:
    with pytest.raises(EffectError, match="applied to a float64 copy, it changes the results by"):
        FalselyExact(by=1e-7).run(small_graph())


def test_a_step_that_does_nothing_is_an_error() -> None:
    with pytest.raises(NoChangeError, match="N05 step 'halve': changed nothing; change its options, remove it"):
        Halve(factor=1.0).run(small_graph(), Context.standalone(step="halve"))


def test_a_step_that_does_nothing_says_what_it_refused() -> None:
    step = pass_that(lambda graph, context: context.refuse("fc0", "it is too small"))
    with pytest.raises(NoChangeError, match="it refused fc0: it is too small"):
        step.run(small_graph())


def test_a_step_may_do_nothing_where_the_recipe_says_so() -> None:
    graph = small_graph()
    result = Halve(where="nowhere", factor=1.0).run(graph, Context.standalone(allow_no_change=True))
    assert result.graph.fingerprint() == graph.fingerprint()
    assert result.record.changed is False


def test_a_selector_that_fits_nothing_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(SelectorError, match=r"step 'halve'.where.name: 'fc_1' fits no node; did you mean 'fc1'"):
        Halve(where="fc_1").run(small_graph())


def test_selectors_and_tables_are_found_wherever_they_stand_in_the_options() -> None:
    @frozen(kw_only=True)
    class Part:
        where: Selector = option(default=Selector(), help="which nodes")

    @frozen(kw_only=True)
    class Deep(Custom):
        parts: tuple[Part, ...] = option(default=(), help="several")
        by_name: dict[str, Selector] = option(factory=dict, help="named")
        bits: LayerTable[int] = option(default=LayerTable({"*": 8}), help="by layer")

    with pytest.raises(SelectorError) as caught:
        Deep(parts=(Part(where=Selector(name="a")),), by_name={"b": Selector(name="c")}, bits={"d*": 4}).run(
            small_graph()
        )  # type: ignore[arg-type]
    places = [problem.where for problem in caught.value.problems]
    assert places == ["step 'custom'.parts[0].where.name", "step 'custom'.by_name['b'].name", "step 'custom'.bits"]


def test_an_unmet_need_is_refused() -> None:
    step = pass_that(scale_first, needs=(HALVED, NO_RELU))
    with pytest.raises(NeedError) as caught:
        step.run(small_graph())
    assert [problem.message.split("'")[1] for problem in caught.value.problems] == ["halved", "no relu"]


def test_a_need_that_history_meets_is_met() -> None:
    step = pass_that(scale_first, needs=(HALVED,))
    first = Halve().run(small_graph())
    assert first.properties == {"halved"}
    assert step.run(first.graph, Context.standalone(properties=first.properties)).properties == {"halved"}


def test_a_pass_breaks_what_it_says_it_breaks_if_it_changes_anything() -> None:
    step = pass_that(scale_first, breaks=(HALVED,))
    context = Context.standalone(properties=frozenset({"halved", "trained"}))
    assert step.run(small_graph(), context).properties == {"trained"}
    idle = pass_that(lambda graph, context: None, breaks=(HALVED,))
    kept = idle.run(small_graph(), evolve(context, allow_no_change=True)).properties
    assert kept == {"halved", "trained"}


def test_a_structural_promise_is_recomputed() -> None:
    step = pass_that(scale_first, establishes=(NO_RELU,))
    with pytest.raises(EffectError, match="promises the property 'no relu'"):
        step.run(small_graph())


def test_a_structural_promise_is_no_breach_where_the_pass_refused_a_node() -> None:
    def partly(graph: ModelGraph, context: Context) -> None:
        graph.bypass("relu0")
        context.refuse("relu1", "it must stay")

    record = pass_that(partly, establishes=(NO_RELU,)).run(small_graph()).record
    assert record.established == ()
    assert [(item.node, item.reason) for item in record.refused] == [("relu1", "it must stay")]


def test_a_structural_promise_is_no_breach_where_the_recipe_asked_for_less() -> None:
    @frozen(kw_only=True)
    class DropRelu(Pass):
        name = "drop-relu"
        establishes = (NO_RELU,)
        where: Selector = option(default=Selector(op="relu"), help="which")

        def apply(self, graph: ModelGraph, context: Context) -> None:
            for node in self.where.matches(graph):
                graph.bypass(node)

    assert DropRelu(where="relu0").run(small_graph()).record.established == ()
    assert DropRelu().run(small_graph()).record.established == ("no relu",)


# --- authors' mistakes ------------------------------------------------------------------------------------------------


def raise_error(graph: ModelGraph, context: Context) -> None:
    raise ZeroDivisionError("by zero")


def write_in_place(graph: ModelGraph, context: Context) -> None:
    graph.tensor("fc0.weight").mul_(2)


def remove_what_is_read(graph: ModelGraph, context: Context) -> None:
    graph.remove("fc0")


def change_the_border(graph: ModelGraph, context: Context) -> None:
    graph.set_outputs(["fc0"])


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (raise_error, "N08 step 'custom': raised ZeroDivisionError: by zero; the graph is untouched"),
        (write_in_place, "wrote into a tensor of the graph it was given; use graph.set_tensor"),
        (remove_what_is_read, "could not change the graph"),
        (change_the_border, "changed the border of the graph from"),
        (lambda graph, context: graph, "apply returned ModelGraph; it must change the graph it is given"),
        (lambda graph, context: context.data("train"), "N09 step 'custom': data 'train' was asked for"),
    ],
)
def test_a_pass_that_misbehaves_is_named_with_what_it_did(action: Any, message: str) -> None:
    with pytest.raises(PassError) as caught:
        pass_that(action).run(small_graph())
    assert message in str(caught.value)


def test_what_a_pass_raises_is_chained() -> None:
    with pytest.raises(PassError) as caught:
        pass_that(raise_error).run(small_graph())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_interrupt_goes_through() -> None:
    def interrupt(graph: ModelGraph, context: Context) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pass_that(interrupt).run(small_graph())


def stumble(run: Run) -> Any:
    raise RuntimeError("no kernel")


def test_a_graph_that_cannot_be_run_any_more_is_a_breach() -> None:
    row = Op(name="stumble", summary="It cannot be run.", infer=lambda call: (call.operand,), execute=stumble)
    graph = small_graph()
    graph.ops = graph.ops.with_rows([row])
    step = pass_that(lambda graph, context: graph.replace("relu0", "stumble") and None, effect=Exact())
    with pytest.raises(EffectError, match="left a graph that cannot be run: RuntimeError: no kernel"):
        step.run(graph)


def test_a_graph_that_could_never_be_run_is_not_held_against_the_pass() -> None:
    row = Op(name="stumble", summary="It cannot be run.", infer=lambda call: (call.operand,), execute=stumble)
    graph = small_graph()
    graph.ops = graph.ops.with_rows([row])
    graph.replace("relu0", "stumble")
    record = SplitHalf().run(graph).record
    assert record.measured.unchecked.startswith("the graph cannot be run on its examples")


def test_run_is_final() -> None:
    with pytest.raises(PassError, match="overrides run, which checks what a pass promises"):
        type("Sly", (Custom,), {"run": lambda self, graph: graph})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"name": "Fold_It"}, "is named 'Fold_It'; give small letters, digits and hyphens"),
        ({"effect": "exact"}, "has the effect 'exact'; give Exact"),
        ({"effect": Exact}, "give Exact"),
        ({"needs": ("trained",)}, "has needs = .* give a tuple of Property values"),
        ({"__annotations__": {"limit": int}}, "'limit' is a key of the step itself"),
        ({"__annotations__": {"allow_no_change": bool}}, "'allow_no_change' is a key of the step itself"),
        ({"__annotations__": {"pass_": str}}, "'pass_' is a key of the step itself"),
        ({"__annotations__": {"effect": str}}, "has an option 'effect', which a pass has already"),
    ],
)
def test_a_pass_that_nobody_could_use_is_refused_where_it_is_defined(members: dict[str, Any], message: str) -> None:
    with pytest.raises(PassError, match=message):
        type("Wrong", (Custom,), members)


def test_a_pass_without_apply_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="apply"):
        frozen(kw_only=True)(type("Empty", (Pass,), {"name": "empty"}))()


def test_a_pass_without_its_decorator_is_told_so() -> None:
    class Bare(Custom):
        factor: float = option(default=1.0, help="by what")

    with pytest.raises(OptionError, match="decorate it"):
        Bare()


def test_wrong_options_are_named_with_the_pass() -> None:
    with pytest.raises(OptionError, match=r"N01 halve.factor: is -1; give a finite number of at least 0"):
        Halve(factor=-1)


def test_a_pass_may_promise_less_for_some_options() -> None:
    @frozen(kw_only=True)
    class Careful(Nudge):
        name = "careful"
        effect = Exact()

        def promise(self) -> Unbounded | Exact:
            return Exact() if self.by == 0 else Unbounded()

    assert Careful(by=0.5).run(small_graph()).record.effect == "unbounded"


def test_the_predicate_of_a_property_sees_the_changed_graph() -> None:
    seen: list[str] = []
    watched = Property("watched", "somebody looks", lambda graph: not seen.append(graph.fingerprint()))
    result = pass_that(scale_first, establishes=(watched,)).run(small_graph())
    assert seen == [result.record.after]
