"""The worked example as a level-1 document written by hand, and what its form leaves open."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nadoo_graphs.plan import canonical_hash, export_plan, import_plan, validate_plan
from tests.graphs.plan.documents import (
    EXAMPLE_INPUT,
    EXAMPLE_OUTPUT,
    FILES,
    block,
    example,
    layer,
    model,
    of_two,
    operation,
    tensor,
    with_graph,
    write,
)


def output(path: Path, *inputs: Any) -> torch.Tensor:
    given = inputs or (torch.tensor(EXAMPLE_INPUT),)
    return import_plan(path).run(*given).outputs[0]


def test_the_worked_example_gives_what_the_specification_says(tmp_path: Path) -> None:
    path = write(tmp_path, example())
    graph = import_plan(path)
    run = graph.run(torch.tensor(EXAMPLE_INPUT), keep="*")
    assert validate_plan(path) == ()
    assert run.outputs[0].tolist() == [EXAMPLE_OUTPUT]
    assert run.values["hidden.h"].tolist() == [-2.5, 2.0, 0.0]
    assert run.values["hidden.Y"].tolist() == [0.0, 2.0, 0.0]


def test_the_folder_and_the_document_are_both_a_path_to_the_plan(tmp_path: Path) -> None:
    write(tmp_path, example())
    assert output(tmp_path) == output(tmp_path / "model.json")


def test_a_listed_graph_computes_what_the_chain_does(tmp_path: Path) -> None:
    assert output(write(tmp_path, with_graph(example()))).tolist() == [EXAMPLE_OUTPUT]


def test_a_block_that_is_used_twice_shares_its_tensors(tmp_path: Path) -> None:
    square = block("square", [2], [2], [tensor("W", [2, 2], "w.bin"), layer("Linear", "X", "Y", {"weight": "W"})])
    graph = [
        {"block": "square", "as": "a", "inputs": ["X"], "outputs": ["h"]},
        {"block": "square", "as": "b", "inputs": ["a.h"], "outputs": ["Y"]},
    ]
    path = write(tmp_path, model([2], [2], [square], graph=graph), {"w.bin": (0, 2, 1, 1)})
    graph_read = import_plan(path)
    assert list(graph_read.tensors) == ["a.W"]
    assert graph_read.tensor_users("a.W") == ("a.Y", "b.Y")
    assert output(path, torch.tensor([1.0, 2.0])).tolist() == [6.0, 7.0]


def test_constants_of_two_blocks_with_one_place_are_one_tensor(tmp_path: Path) -> None:
    pieces = [
        block(name, [2], [2], [tensor(name, [2], "b.bin"), operation("+", ["X", name], "Y")]) for name in ("a", "b")
    ]
    graph = import_plan(write(tmp_path, model([2], [2], pieces), {"b.bin": (1, 2)}))
    assert list(graph.tensors) == ["a.a"]
    assert graph.run(torch.zeros(2)).outputs[0].tolist() == [2.0, 4.0]


def test_a_constant_lies_in_a_part_of_a_file(tmp_path: Path) -> None:
    """One file may hold several tensors, each with its offset and its length."""
    piece = block(
        "both",
        [2],
        [2],
        [
            tensor("a", [2], "all.bin", offset=4, length=8),
            tensor("b", [], "all.bin", offset=12, length=4),
            operation(".*", ["X", "a"], "h"),
            operation("-", ["h", "b"], "Y"),
        ],
    )
    path = write(tmp_path, model([2], [2], [piece]), {"all.bin": (9, 2, 3, 1)})
    assert output(path, torch.tensor([1.0, 10.0])).tolist() == [1.0, 29.0]


def test_extensions_are_ignored_wherever_they_stand(tmp_path: Path) -> None:
    document = with_graph(example())
    parts = [document, document["blocks"][0], *document["blocks"][0]["layers"], *document["graph"]]
    for part in parts:
        part["x_note"] = {"by": ["a person", None, 1.5]}
    document["meta"] = {"x_note": True}
    document["blocks"][0]["layers"][2]["params"]["x_note"] = 1
    assert output(write(tmp_path, document)).tolist() == [EXAMPLE_OUTPUT]


def test_layers_of_the_first_plans_have_neither_params_nor_weights(tmp_path: Path) -> None:
    document = example()
    relu = document["blocks"][0]["layers"][3]
    del relu["params"], relu["weights"]
    assert output(write(tmp_path, document)).tolist() == [EXAMPLE_OUTPUT]


def test_a_minus_with_one_operand_is_a_negation(tmp_path: Path) -> None:
    piece = block("only", [3], [3], [operation("-", "X", "Y")])
    path = write(tmp_path, model([3], [3], [piece]))
    assert output(path, torch.tensor([1.0, -2.0, 0.5])).tolist() == [-1.0, 2.0, -0.5]


def test_the_plan_can_be_moved(tmp_path: Path) -> None:
    """Law: a document and its data files are relocatable together."""
    write(tmp_path / "here", example())
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert output(tmp_path / "there").tolist() == [EXAMPLE_OUTPUT]


def test_data_may_lie_in_a_folder_below(tmp_path: Path) -> None:
    document = example()
    document["blocks"][1]["layers"][0]["data"] = "deep/er/w2.bin"
    path = write(tmp_path, document, {**FILES, "deep/er/w2.bin": FILES["w2.bin"]})
    assert output(path).tolist() == [EXAMPLE_OUTPUT]


def renamed(document: dict[str, Any]) -> dict[str, Any]:
    """The example with other names for everything inside."""
    names = {
        '"W1"': '"kernel"', '"b1"': '"shift"', '"h"': '"between"', '"hidden"': '"one"', '"head"': '"two"',
        '"W2"': '"a"', '"b2"': '"b"', '"first"': '"f"', '"second"': '"s"', '"first.h"': '"f.between"',
        '"w1.bin"': '"other.bin"',
    }  # fmt: skip
    text = json.dumps(document)
    for old, new in names.items():
        text = text.replace(old, new)
    return json.loads(text)


@pytest.mark.parametrize("form", [example(), with_graph(example())], ids=["chain", "graph"])
def test_renaming_changes_neither_the_output_nor_the_hash(tmp_path: Path, form: dict[str, Any]) -> None:
    """Law: internal names mean nothing."""
    before = write(tmp_path / "before", form)
    after = write(tmp_path / "after", renamed(form), {**FILES, "other.bin": FILES["w1.bin"]})
    assert before.read_text() != after.read_text()
    assert torch.equal(output(before), output(after))
    assert canonical_hash(before) == canonical_hash(after)


def test_the_chain_and_the_same_graph_in_a_list_have_one_hash(tmp_path: Path) -> None:
    chain, listed = write(tmp_path / "a", example()), write(tmp_path / "b", with_graph(example()))
    assert canonical_hash(chain) == canonical_hash(listed)


CHANGES = {
    "a weight": (example(), {**FILES, "w1.bin": (1, 2, 0, -1, 3, 2)}),
    "a layer": (json.loads(json.dumps(example()).replace("ReLU", "Tanh")), FILES),
    "a symbol": ({**example(), "meta": {"symbols": {"T": [1, 4]}}}, FILES),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_hash_sees_what_is_computed(tmp_path: Path, name: str) -> None:
    document, files = CHANGES[name]
    changed = write(tmp_path / "changed", document, files)
    assert canonical_hash(changed) != canonical_hash(write(tmp_path / "plain", example()))


def test_an_imported_example_is_exported_and_imported_again(tmp_path: Path) -> None:
    graph = import_plan(write(tmp_path / "hand", example()))
    path = export_plan(graph, tmp_path / "ours")
    assert import_plan(path).fingerprint() == graph.fingerprint()
    assert output(path).tolist() == [EXAMPLE_OUTPUT]


ARITHMETIC: dict[str, tuple[dict[str, Any], Any]] = {
    "sum": (of_two("+", ["X0", "X1"]), lambda x, y: x + y),
    "sum of many": (of_two("+", ["X0", "X1", "X0", "X1"]), lambda x, y: ((x + y) + x) + y),
    "difference": (of_two("-", ["X0", "X1"]), lambda x, y: x - y),
    "product": (of_two(".*", ["X0", "X1"]), lambda x, y: x * y),
    "quotient": (of_two("./", ["X0", "X1"]), lambda x, y: x / y),
    "remainder": (of_two("%", ["X0", "X1"]), lambda x, y: x - y * np.floor(x / y)),
    "power": (of_two("^", "X0", exponent=3), lambda x, y: x**3),
    "number": (of_two("-", ["X0", {"const": 0.5}]), lambda x, y: x - np.float32(0.5)),
    "whole number": (of_two(".*", ["X0", {"const": 3}]), lambda x, y: x * 3),
    "alias": (of_two("=", "X1"), lambda x, y: y),
    "matrix product": (of_two("*", ["X0", "X1"], [2, 2]), lambda x, y: x @ y),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_signs_mean_what_numpy_computes(tmp_path: Path, name: str) -> None:
    document, reference = ARITHMETIC[name]
    shape = document["input_shape"][0]
    left = np.array([1.5, -2.0, 3.25, -0.5], "f4").reshape(shape)
    right = np.array([2.0, 0.75, -1.5, 4.0], "f4").reshape(shape)
    found = output(write(tmp_path, document), torch.from_numpy(left), torch.from_numpy(right))
    np.testing.assert_allclose(found.numpy(), reference(left, right), rtol=1e-6)


def test_the_batch_may_be_any_number(tmp_path: Path) -> None:
    document = json.loads(json.dumps(example()).replace('_shape": [', '_shape": ["N", '))
    graph = import_plan(write(tmp_path, document))
    assert graph.run(torch.tensor([EXAMPLE_INPUT] * 5)).outputs[0].tolist() == [[EXAMPLE_OUTPUT]] * 5


def test_a_declared_symbol_has_its_bounds_in_the_contract(tmp_path: Path) -> None:
    piece = block("only", ["T", 2], ["T", 2], [layer("Tanh", "X", "Y")])
    document = model(["T", 2], ["T", 2], [piece], meta={"symbols": {"T": [2, 8]}})
    graph = import_plan(write(tmp_path, document))
    assert graph.contract.symbols == {"T": (2, 8)}
    assert str(graph.inputs[0].type) == "float32[T, 2]"


def test_one_number_stands_for_all_axes_as_in_pytorch(tmp_path: Path) -> None:
    piece = block("pool", [1, 4, 4], [1, 2, 2], [layer("MaxPool2d", "X", "Y", kernel_size=2, stride=None)])
    graph = import_plan(write(tmp_path, model([1, 4, 4], [1, 2, 2], [piece])))
    values = torch.arange(16.0).reshape(1, 4, 4)
    assert torch.equal(graph.run(values).outputs[0], torch.nn.MaxPool2d(2)(values))


def test_statistics_of_a_norm_are_no_parameters(tmp_path: Path) -> None:
    """Without an origin, a role says whether a tensor is trained."""
    names = {"weight": "w", "bias": "b", "running_mean": "m", "running_var": "v"}
    items = [tensor(local, [2], f"{local}.bin") for local in names.values()]
    piece = block("norm", ["N", 2], ["N", 2], [*items, layer("BatchNorm", "X", "Y", names, num_features=2)])
    graph = import_plan(
        write(tmp_path, model(["N", 2], ["N", 2], [piece]), {f"{local}.bin": (1, 2) for local in "wbmv"})
    )
    roles = {name: record.role for name, record in graph.tensors.items()}
    assert roles == {"norm.w": "parameter", "norm.b": "parameter", "norm.m": "buffer", "norm.v": "buffer"}
