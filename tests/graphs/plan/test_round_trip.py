"""Law: a plan loses nothing. What was exported and imported is the same graph, and computes the same without names."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings

from nadoo_graphs.errors import SaveError
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Origin
from nadoo_graphs.parts import Part
from nadoo_graphs.plan import canonical_hash, export_plan, import_plan, validate_plan
from nadoo_graphs.plan.decode import decode_model
from nadoo_graphs.plan.encode import encode_model
from nadoo_graphs.plan.text import text_of
from tests.graphs.captured import captured, same_leaf, tensors
from tests.graphs.plan.documents import without_extensions
from tests.graphs.random_graphs import graphs, weight

MODELS = (
    "chain", "branches", "residual", "shared_block", "shared_norm", "siamese", "direct_parameters",
    "unused_parameters", "frozen_parameters", "gradient_blocks", "straight_through", "computed_weight",
    "mixed_precision", "double", "static_batch", "convolution_block", "inverted_residual", "squeeze_excite",
    "concatenation", "shared_convolution", "grouped", "dynamic_image", "padding_same", "conv3d", "transposed_2d",
    "batch_norm_plain", "batch_norm_frozen", "layer_norm_plain", "group_norm", "instance_norm", "rms_norm",
    "every_activation", "max_pool_indices", "average_pool_divisor", "upsample_bicubic", "gru_batch_first",
    "lstm_projected", "recurrent_cells", "attention_dropout", "attention_infinite_mask", "multihead_cross",
    "encoder_layer", "language_model", "selections", "splits", "made_in_forward", "table_lookup", "scalars", "masks",
    "casts", "reductions", "exotic", "fourier", "products", "encoded", "in_place_chain", "call_counter",
    "masked_write", "input_view_returned", "several_ends", "keywords", "nested", "named_tuple", "ordered", "variadic",
    "mixed_outputs", "odd_names", "tied", "same_module_twice", "constants", "functional_dropout",
    "vision_transformer_tiny",
)  # fmt: skip
MASKS = {"attention_infinite_mask"}
"""Whose buffers hold infinities; without an origin, nothing says that they are no parameters."""


def run(graph: ModelGraph, *arguments: Any, **keywords: Any) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(5)
    return graph.run(*arguments, **keywords).outputs


def alike(left: tuple[torch.Tensor, ...], right: tuple[torch.Tensor, ...]) -> bool:
    return len(left) == len(right) and all(map(same_leaf, left, right))


@pytest.mark.parametrize("name", MODELS)
def test_a_captured_model_comes_back_as_the_same_graph(tmp_path: Path, name: str) -> None:
    """Law: equal fingerprints, orders, state dicts and outputs, and exporting again gives the same bytes."""
    found = captured(name)
    graph = found.graph
    path = export_plan(graph, tmp_path / "first")
    back = import_plan(path)
    arguments, keywords = found.case.arguments()
    assert not graph.diff(back)
    assert back.fingerprint() == graph.fingerprint()
    assert (back.order(), back.state_order) == (graph.order(), graph.state_order)
    assert [node.origin for node in back] == [node.origin for node in graph]
    assert list(back.to_module().state_dict()) == list(found.model().state_dict())
    assert alike(run(graph, *arguments, **keywords), run(back, *arguments, **keywords))
    assert export_plan(back, tmp_path / "second").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", MODELS)
def test_without_extensions_a_plan_still_computes_the_same(tmp_path: Path, name: str) -> None:
    """Law: `x_` keys carry names and no meaning."""
    found = captured(name)
    path = export_plan(found.graph, tmp_path / "plan")
    before = canonical_hash(path)
    path.write_text(json.dumps(without_extensions(json.loads(path.read_text()))))
    plain = import_plan(path)
    arguments, keywords = found.case.arguments()
    leaves = tensors((arguments, keywords))
    assert canonical_hash(path) == before
    assert alike(run(found.graph, *arguments, **keywords), run(plain, *leaves))
    again = export_plan(plain, tmp_path / "again", allow_nonfinite=name in MASKS)
    assert import_plan(again).fingerprint() == plain.fingerprint()


@pytest.mark.parametrize("name", MODELS[::8])
def test_dumping_what_was_loaded_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    """Law: the text of a document is canonical."""
    content = export_plan(captured(name).graph, tmp_path).read_bytes()
    problems: list[Any] = []
    loaded = decode_model(Part(json.loads(content), problems, "model.json"), standard_formats())
    assert problems == []
    assert text_of(encode_model(loaded)) == content


@given(graph=graphs)
@settings(max_examples=60)
def test_random_graphs_come_back(tmp_path_factory: pytest.TempPathFactory, graph: ModelGraph) -> None:
    """Law: import(export(graph)) is the graph, with the table that it was made with."""
    path = export_plan(graph, tmp_path_factory.mktemp("plan"))
    assert not graph.diff(import_plan(path, ops=graph.ops))


def test_training_goes_on_after_a_round_trip(tmp_path: Path) -> None:
    """Gradients and statistics of the imported module are those of the exported one."""
    found = captured("convolution_block")
    modules = [found.graph.to_module().train(), import_plan(export_plan(found.graph, tmp_path)).to_module().train()]
    for module in modules:
        sum(leaf.sum() for leaf in tensors(found.call(module))).backward()
    one, other = (dict(module.state_dict()) for module in modules)
    gradients = [[parameter.grad for parameter in module.parameters()] for module in modules]
    assert all(same_leaf(one[name], other[name]) for name in one)
    assert all(map(same_leaf, *gradients))


def test_the_calls_of_one_module_are_one_block(tmp_path: Path) -> None:
    path = export_plan(captured("shared_block").graph, tmp_path)
    document = json.loads(path.read_text())
    assert [piece["name"] for piece in document["blocks"]] == ["block", "head"]
    assert [use["block"] for use in document["graph"]] == ["block", "block", "block", "head"]


def test_symbols_of_a_plan_are_declared_with_their_bounds(tmp_path: Path) -> None:
    document = json.loads(export_plan(captured("chain").graph, tmp_path).read_text())
    assert document["meta"]["symbols"] == {"N": [1, None]}
    assert document["input_shape"] == ["N", 8]


def test_operators_of_torch_stand_with_their_schema(tmp_path: Path) -> None:
    document = json.loads(export_plan(captured("exotic").graph, tmp_path).read_text())
    layers = [item for piece in document["blocks"] for item in piece["layers"] if item["type"] == "Layer"]
    found = next(item for item in layers if item["name"] == "aten.cummax.default")
    assert found["params"]["schema"] == str(torch.ops.aten.cummax.default._schema)
    assert found["params"]["outputs"][1] == ["int64", [{"size": "N"}, 5, 8]]


@pytest.mark.parametrize("name", ["attention_infinite_mask"])
def test_masks_may_hold_infinities(tmp_path: Path, name: str) -> None:
    document = json.loads(export_plan(captured(name).graph, tmp_path).read_text())
    assert document["meta"]["allow_nonfinite"] is True


# --- graphs that no capture gives -------------------------------------------------------------------------------------


def dead_tensors() -> ModelGraph:
    """Tensors that no node reads: one of no node, one of a node without readers, one that is tied."""
    graph = ModelGraph("dead")
    x = graph.add_input("X", ("N", 4))
    graph.add_tensor("unused", torch.ones(3), "buffer", persistent=False)
    graph.add("tensor", name="unread", tensors={"value": torch.arange(4.0)})
    y = graph.add("linear", [x], name="Y", tensors={"weight": weight(1, 4, 4)})
    graph.tie_tensor("tied", "Y.weight")
    graph.set_outputs([y, y, x], name="results")
    return graph


def crossing() -> ModelGraph:
    """Modules that are used in turns: contracted they would stand in a circle."""
    graph = ModelGraph("crossing")
    x = graph.add_input("x", ("N", 4))
    one, other = Origin(module="a"), Origin(module="b")
    first = graph.add("relu", [x], origin=one)
    second = graph.add("tanh", [first], origin=other)
    third = graph.add("add", [first, second], origin=one)
    graph.set_outputs([graph.add("mul", [third, second], origin=other)])
    return graph


def late_input() -> ModelGraph:
    """An input that is added after nodes, and one that nothing reads."""
    graph = ModelGraph("late")
    first = graph.add("relu", [graph.add_input("b", ("N", 4))], origin=Origin(module="m"))
    second = graph.add("add", [first, graph.add_input("a", ("N", 4))], origin=Origin(module="n"))
    graph.add_input("idle", ("T",), "int64")
    graph.set_outputs([second])
    return graph


def packed() -> ModelGraph:
    """Constants in formats below eight bits, of which rows are padded."""
    graph = ModelGraph("packed")
    x = graph.add_input("x", ("N", 4))
    codes = torch.tensor([[-8, 7, 1, -1, 0], [1, 2, 3, 4, 5]], dtype=torch.int8)
    graph.add_tensor("codes", codes, "buffer", format="int4")
    graph.add_tensor("trits", torch.tensor([[1, 0, -1] * 7], dtype=torch.int8), "buffer", format="ternary")
    graph.add_tensor("signs", torch.tensor([1, -1, -1], dtype=torch.int8), "buffer", format="int1")
    graph.add_tensor("thirds", torch.tensor([[3, -4, 0]], dtype=torch.int8), "buffer", format="int3")
    graph.add_tensor("bytes", torch.tensor([-127, 127], dtype=torch.int8), "buffer", format="int8")
    graph.add_tensor("plain", torch.tensor([-128, 127], dtype=torch.int8), "buffer")
    graph.set_outputs([graph.add("relu", [x])])
    return graph


def dtypes() -> ModelGraph:
    """Constants of every dtype."""
    graph = ModelGraph("dtypes")
    x = graph.add_input("x", (3,), "int16")
    for name in ("float64", "float16", "bfloat16", "int64", "uint8", "bool", "complex64", "complex128", "uint32"):
        graph.add_tensor(name, torch.tensor([0, 1, 1]).to(getattr(torch, name)), "buffer")
    graph.set_outputs([graph.add("add", [x, x])])
    return graph


@pytest.mark.parametrize("make", [dead_tensors, crossing, late_input, packed, dtypes], ids=lambda make: make.__name__)
def test_graphs_by_hand_come_back(tmp_path: Path, make: Any) -> None:
    graph = make()
    path = export_plan(graph, tmp_path / "first")
    back = import_plan(path)
    assert not graph.diff(back)
    assert back.order() == graph.order()
    assert validate_plan(path) == ()
    assert export_plan(back, tmp_path / "second").read_bytes() == path.read_bytes()


def test_packed_tensors_lie_in_the_words_of_the_c_export(tmp_path: Path) -> None:
    """The codes of int4 stand from the most significant bits of words of 32 bits, which are little-endian."""
    path = export_plan(packed(), tmp_path)
    items = {item["name"]: item for item in json.loads(path.read_text())["blocks"][0]["layers"]}
    assert items["codes"]["datatype"] == "int4"
    assert items["codes"]["quant"]["packing"] == "msb32"
    content = (tmp_path / items["codes"]["data"]).read_bytes()
    assert [content[start : start + 4][::-1].hex() for start in (0, 4)] == ["871f0000", "12345000"]
    assert (items["trits"]["quant"]["packing"], items["trits"]["quant"]["bits"]) == ("base3_16", 1.6)
    assert "quant" not in items["plain"]


def test_small_integers_are_added_by_a_layer(tmp_path: Path) -> None:
    """A sign stands only where nothing overflows unnoticed."""
    items = json.loads(export_plan(dtypes(), tmp_path).read_text())["blocks"][0]["layers"]
    assert items[-1]["name"] == "Add"


# --- refusals of the exporter -----------------------------------------------------------------------------------------


def test_a_plan_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    export_plan(crossing(), tmp_path)
    with pytest.raises(SaveError, match="overwrite=True") as caught:
        export_plan(packed(), tmp_path)
    assert caught.value.codes == ("E05",)
    export_plan(packed(), tmp_path, overwrite=True)
    assert import_plan(tmp_path).name == "packed"


def test_overwriting_leaves_no_data_of_the_old_plan(tmp_path: Path) -> None:
    export_plan(packed(), tmp_path)
    own = tmp_path / "notes-0123456789ab.bin"
    own.write_bytes(b"mine")
    export_plan(crossing(), tmp_path, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", own.name}


def test_empty_tensors_have_no_place_in_a_plan(tmp_path: Path) -> None:
    graph = crossing()
    graph.add_tensor("nothing", torch.empty(0, 3), "buffer")
    with pytest.raises(SaveError) as caught:
        export_plan(graph, tmp_path / "plan")
    assert caught.value.codes == ("E01",)
    assert not (tmp_path / "plan").exists()


def test_parameters_must_be_finite_unless_that_is_allowed(tmp_path: Path) -> None:
    graph = dead_tensors()
    graph.set_tensor("Y.weight", torch.full((4, 4), torch.nan))
    with pytest.raises(SaveError) as caught:
        export_plan(graph, tmp_path / "plan")
    assert caught.value.codes == ("E09",)
    path = export_plan(graph, tmp_path / "plan", allow_nonfinite=True)
    assert import_plan(path).tensor("Y.weight").isnan().all()


def test_a_graph_that_is_not_valid_is_not_exported(tmp_path: Path) -> None:
    graph = ModelGraph("open")
    graph.add_input("x", (2,))
    with pytest.raises(SaveError) as caught:
        export_plan(graph, tmp_path / "plan")
    assert caught.value.codes == ("E06",)
