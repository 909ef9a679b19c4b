"""Memory plans of graphs."""

import pytest
import torch

from nadoo_graphs.counting import held_bytes
from nadoo_graphs.errors import FormatError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.memory import InPlace, MemoryPlanError, plan_memory
from nadoo_graphs.memory.planner import ValueSizes
from nadoo_graphs.ops import standard_ops
from nadoo_graphs.values import Value, value_type
from tests.graphs.ops.quantized.samples import drawn


def linear(graph: ModelGraph, operand: Value, name: str, inputs: int, outputs: int) -> Value:
    return graph.add("linear", [operand], name=name, tensors={"weight": torch.zeros(outputs, inputs)})


def residual_block() -> ModelGraph:
    """x[N, 4] → fc → act → flat → out, and out + flat."""
    graph = ModelGraph("block")
    hidden = linear(graph, graph.add_input("x", ("N", 4)), "fc", 4, 8)
    flat = graph.add("flatten", [graph.add("relu", [hidden], name="act")], name="flat")
    graph.set_outputs([graph.add("add", [linear(graph, flat, "out", 8, 8), flat], name="sum")])
    return graph


def swelling_branches() -> ModelGraph:
    """Two branches that swell before they shrink, interleaved."""
    graph = ModelGraph("branches")
    x = graph.add_input("x", ("N", 4))
    wide = [linear(graph, x, f"swell{index}", 4, 100) for index in range(2)]
    small = [linear(graph, value, f"shrink{index}", 100, 4) for index, value in enumerate(wide)]
    graph.set_outputs([graph.add("add", small, name="join")])
    return graph


def test_a_plan_counts_the_values_between_the_nodes() -> None:
    plan = plan_memory(residual_block(), in_place=False)
    assert plan.steps == ("fc", "act", "flat", "out", "sum")
    assert plan.sizes == {"x": 16, "fc": 32, "act": 32, "flat": 32, "out": 32, "sum": 32}
    assert plan.timeline.totals == (48, 64, 32, 64, 96)
    assert (plan.peak, plan.peak_node, plan.lower_bound, plan.arena.size) == (96, "sum", 96, 96)
    assert plan.offset("flat") == plan.offset("act")
    plan.arena.check()


def test_results_overwrite_operands_that_die() -> None:
    plan = plan_memory(residual_block())
    assert plan.in_place == (InPlace("act", "fc", "act"), InPlace("sum", "out", "sum"))
    assert plan.timeline.totals == (48, 32, 32, 64, 64)
    assert plan.arena.size == 64


def test_an_operand_that_is_broadcast_is_not_overwritten() -> None:
    graph = ModelGraph()
    row = graph.add("relu", [graph.add_input("x", (1, 4))], name="row")
    column = graph.add("relu", [graph.add_input("z", (4, 1))], name="column")
    graph.set_outputs([graph.add("add", [row, column], name="sum")])
    assert "sum" not in {use.step for use in plan_memory(graph).in_place}


def test_symbols_are_bound_and_the_batch_is_one_unless_said_otherwise() -> None:
    assert plan_memory(residual_block(), bindings={"N": 3}).peak == 3 * plan_memory(residual_block()).peak


def test_every_unbound_symbol_is_named() -> None:
    graph = ModelGraph()
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N", "T"))], name="act")])
    with pytest.raises(MemoryPlanError) as caught:
        plan_memory(graph)
    assert [(problem.code.value, problem.where) for problem in caught.value.problems] == [
        ("E10", "node 'x'"),
        ("E10", "node 'act'"),
    ]
    assert plan_memory(graph, bindings={"T": 2}).peak == 8


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(MemoryPlanError, match="so that none is negative"):
        plan_memory(residual_block(), bindings={"N": -1})


def test_sizes_are_rounded_up_to_the_alignment() -> None:
    graph = ModelGraph()
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N", 3), "int8")], name="act")])
    assert plan_memory(graph, in_place=False).peak == 8
    assert plan_memory(graph, in_place=False, alignment=1).peak == 6
    with pytest.raises(MemoryPlanError, match="give the number of bytes of a boundary"):
        plan_memory(graph, alignment=0)


def test_weights_can_be_counted_as_resident() -> None:
    graph = residual_block()
    weights = 4 * (4 * 8 + 8 * 8)
    plan = plan_memory(graph, weights_in_ram=True)
    assert plan.peak == plan_memory(graph).peak + weights
    plan.arena.check()


def test_resident_weights_take_what_their_format_takes() -> None:
    graph = drawn(1)[0].graph
    weights = sum(size + -size % 4 for size in held_bytes(graph).values())
    floats = sum(tensor.value.numel() * 4 for tensor in graph.tensors.values())
    assert plan_memory(graph, weights_in_ram=True).peak == plan_memory(graph).peak + weights
    assert weights < floats / 2


def test_a_parameter_used_as_an_operand_is_not_in_the_arena() -> None:
    graph = ModelGraph()
    x = graph.add_input("x", ("N", 4))
    bias = graph.add("tensor", name="offset", tensors={"value": torch.zeros(1, 4)})
    graph.set_outputs([graph.add("add", [bias, x], name="sum")])
    plan = plan_memory(graph)
    assert "offset" not in plan.homes
    assert (plan.peak, plan.in_place) == (16, (InPlace("sum", "x", "sum"),))


def test_scratch_lives_at_its_own_step() -> None:
    plan = plan_memory(residual_block(), scratch={"out": 100})
    assert plan.timeline.totals == (48, 32, 32, 164, 64)
    with pytest.raises(MemoryPlanError, match="no node that runs"):
        plan_memory(residual_block(), scratch={"outt": 100})


def test_an_order_with_a_smaller_peak_is_taken_when_asked_for() -> None:
    graph = swelling_branches()
    given, reordered = plan_memory(graph), plan_memory(graph, reorder=True)
    assert (given.peak, given.reordered) == (816, False)
    assert (reordered.peak, reordered.reordered) == (432, True)
    assert reordered.steps == ("swell0", "shrink0", "swell1", "shrink1", "join")
    reordered.arena.check()


def test_the_given_order_stays_where_none_is_better() -> None:
    assert not plan_memory(residual_block(), reorder=True).reordered


def test_savings_say_what_each_measure_takes_off() -> None:
    savings = plan_memory(swelling_branches()).savings()
    assert (savings.in_place, savings.reordering, savings.both) == (0, 384, 384)
    savings = plan_memory(residual_block()).savings()
    assert (savings.in_place, savings.reordering, savings.both) == (32, 0, 32)


def test_a_graph_that_only_hands_on_its_input_holds_it() -> None:
    graph = ModelGraph()
    graph.set_outputs([graph.add_input("x", ("N", 4))])
    plan = plan_memory(graph, reorder=True)
    assert (plan.peak, plan.peak_node, plan.steps) == (16, None, ())
    assert "(no steps)" in plan.text()


def test_a_value_without_a_place_is_refused_by_name() -> None:
    with pytest.raises(MemoryPlanError, match="has no place in the arena"):
        plan_memory(residual_block()).offset("fc.weight")


def test_the_text_shows_the_summary_and_a_bar_for_each_step() -> None:
    lines = plan_memory(residual_block()).text().splitlines()
    assert lines[0] == "arena        64 bytes (greedy by size, proven smallest)"
    assert lines[1] == "peak         64 bytes at out"
    assert lines[6:] == [
        "fc              48  " + "█" * 30,
        "act             32  " + "█" * 20 + " " * 21 + "in place",
        "flat            32  " + "█" * 20,
        "out             64  " + "█" * 40 + " ← peak",
        "sum             64  " + "█" * 40 + " in place",
    ]


def test_a_format_decides_the_width_of_a_value() -> None:
    sizes = ValueSizes({"N": 5}, alignment=1, formats=None)
    assert sizes.bytes(value_type(("N",), "int8", "int4")) == 3
    assert sizes.bytes(value_type(("N",), "int8", "int2")) == 2
    assert sizes.bytes(value_type(("N",), "int8")) == 5
    with pytest.raises(FormatError):
        sizes.bytes(value_type(("N",), "int8", "int44"))


def test_a_dtype_of_unknown_width_is_refused() -> None:
    with pytest.raises(MemoryPlanError, match="has no known width; use one of float64"):
        ValueSizes({}, alignment=1, formats=None).bytes(value_type((4,), "float12"))


@pytest.mark.parametrize(("inputs", "outputs", "wanted"), [(256, 64, 512), (64, 64, 320), (64, 10, 104)])
def test_a_layer_over_codes_holds_its_bytes_and_its_accumulators(inputs: int, outputs: int, wanted: int) -> None:
    graph = ModelGraph("layer", standard_ops())
    codes = graph.add("quantize", [graph.add_input("x", (1, inputs))], tensors={"scale": torch.tensor(1.0)})
    tensors = {
        "weight": torch.ones(outputs, inputs),
        "weight_scale": torch.tensor(1.0),
        "input_scale": "quantize.scale",
    }
    graph.add(
        "quantized_linear", [codes], name="layer", weight_format="int8", output_format="int32", requantize="none",
        tensors=tensors,
    )  # fmt: skip
    graph.set_outputs([Value("layer")])
    plan = plan_memory(graph)
    assert dict(zip(plan.steps, plan.timeline.totals, strict=False))["layer"] == wanted
