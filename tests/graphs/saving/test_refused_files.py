"""Damaged data files, paths that lead elsewhere, and sizes beyond every limit are refused."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import Call, Op, OpTable
from nadoo_graphs.ops.structure import ROWS
from nadoo_graphs.saving import Limits, load
from nadoo_graphs.saving.document import StoredTensor
from nadoo_graphs.saving.write import DataFile
from nadoo_graphs.tensors import content_digest
from nadoo_graphs.values import ValueType
from tests.graphs.saving.samples import (
    change,
    data_file,
    graph_of_tensors,
    node,
    ramp,
    refused,
    rich_graph,
    saved,
    tiny_graph,
)

# --- data files -------------------------------------------------------------------------------------------------------


def header_of(length: int) -> bytes:
    return length.to_bytes(8, "little")


DATA_EDITS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "empty": ("is shorter than its header says", lambda data: b""),
    "cut in the header": ("is shorter than its header says", lambda data: data[:20]),
    "cut by a byte": ("the file is shorter than its tensors", lambda data: data[:-1]),
    "longer by a byte": ("the file is longer than its tensors", lambda data: data + b"\0"),
    "a flipped bit": ("has another sha256", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "endless header": ("is shorter than its header says", lambda data: header_of(2**63) + data[8:]),
    "header of another kind": ("must be an object, not an array", lambda data: header_of(2) + b"[]"),
    "no header": ("'fc.bias' is missing", lambda data: header_of(2) + b"{}"),
}


@pytest.mark.parametrize("case", DATA_EDITS)
def test_a_wrong_data_file_is_refused(case: str, tmp_path: Path) -> None:
    message, edit = DATA_EDITS[case]
    home = saved(tiny_graph(), tmp_path)
    data_file(home).write_bytes(edit(data_file(home).read_bytes()))
    error = refused(home)
    assert set(error.codes) <= {"E05", "E01"}
    assert message in str(error)


def rewrite_header(home: Path, old: bytes, new: bytes) -> None:
    """Replace a piece of a data file's header by one of the same length."""
    data = data_file(home).read_bytes()
    assert old in data
    data_file(home).write_bytes(data.replace(old, new.ljust(len(old))))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"fc.bias":{', b'"fc.bIas":{', "tensor 'fc.bIas' is not in the graph's table"),
        (b'"dtype":"F32","shape":[3,4]', b'"dtype":"I32","shape":[3,4]', "is int32 [3, 4]"),
        (b'"dtype":"F32","shape":[3,4]', b'"dtype":"X99","shape":[3,4]', "is 'X99'; allowed: F64"),
        (b'"shape":[3,4]', b'"shape":[4,3]', "is float32 [4, 3], but the graph says float32 [3, 4]"),
        (b'"shape":[3,4]', b'"shape":[3,4', "is not strict JSON"),
        (b'"data_offsets":[0,12]', b'"data_offsets":[0,10]', "they must span 12 bytes"),
        (b'"data_offsets":[0,12]', b'"data_offsets":[1,13]', "tensors must lie side by side"),
        (b'"data_offsets":[0,12]', b'"data_offsets":[0]', "they must span 12 bytes"),
    ],
)
def test_a_wrong_header_is_refused(old: bytes, new: bytes, message: str, tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    rewrite_header(home, old, new)
    assert message in str(refused(home))


def test_a_parameter_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    weights = {"good": ramp(3), "bad": torch.tensor([1.0, float("inf")]), "worse": torch.tensor([float("nan")])}
    error = refused(saved(graph_of_tensors(weights, "parameter"), tmp_path))
    assert error.codes == ("E09", "E09")
    assert "tensor 'bad': holds NaN or infinities" in str(error)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.complex64, torch.complex128])
def test_every_dtype_of_a_parameter_must_be_finite(dtype: torch.dtype, tmp_path: Path) -> None:
    values = torch.tensor([1.0, float("nan")]).to(dtype)
    assert refused(saved(graph_of_tensors({"w": values}, "parameter"), tmp_path)).codes == ("E09",)


def test_large_finite_parameters_are_not_mistaken_for_infinite_ones(tmp_path: Path) -> None:
    largest = torch.full((1000,), torch.finfo(torch.float16).max, dtype=torch.float16)
    loaded = load(saved(graph_of_tensors({"w": largest}, "parameter"), tmp_path))
    assert torch.equal(loaded.tensor("w"), largest)


@pytest.mark.parametrize("role", ["buffer", "constant"])
def test_buffers_and_constants_may_hold_infinities(role: str, tmp_path: Path) -> None:
    mask = torch.tensor([0.0, float("-inf")])
    assert torch.equal(load(saved(graph_of_tensors({"mask": mask}, role), tmp_path)).tensor("mask"), mask)


def test_booleans_other_than_0_and_1_are_refused(tmp_path: Path) -> None:
    home = saved(graph_of_tensors({"mask": torch.tensor([True, False])}), tmp_path)
    strange = torch.tensor([2, 0], dtype=torch.uint8).view(torch.bool)
    entry = StoredTensor("mask", ValueType((2,), "bool"), content_digest(strange))
    DataFile("tensors", (entry,), {"mask": strange}).write(data_file(home))
    change(home, lambda document: document["tensors"]["mask"].update(sha256=entry.sha256))
    assert "holds booleans other than 0 and 1" in str(refused(home))


# --- paths ------------------------------------------------------------------------------------------------------------


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    outside = data_file(home).rename(tmp_path / data_file(home).name)
    (home / outside.name).symlink_to(outside)
    error = refused(home)
    assert error.codes == ("E12",)
    assert "is a symbolic link to" in str(error)


def test_a_document_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    outside = (home / "graph.json").rename(tmp_path / "other.json")
    (home / "graph.json").symlink_to(outside)
    assert refused(home).codes == ("E12",)


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph.json").symlink_to(tmp_path / "graph.json")
    assert set(refused(tmp_path).codes) <= {"E05", "E12"}


def test_a_link_to_the_folder_itself_is_followed(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    (tmp_path / "link").symlink_to(home)
    assert load(tmp_path / "link").fingerprint() == tiny_graph().fingerprint()


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    name = data_file(home).name
    data_file(home).unlink()
    os.mkfifo(home / name)
    assert "is not a regular file" in str(refused(home))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_folder_that_cannot_exist_is_refused(name: str, tmp_path: Path) -> None:
    assert set(refused(tmp_path / name).codes) <= {"E05", "E12"}


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["document_bytes", "header_bytes", "data_bytes", "nodes", "tensors"])
def test_every_limit_is_kept_and_named(limit: str, tmp_path: Path) -> None:
    home = saved(rich_graph(), tmp_path)
    error = refused(home, limits=Limits(**{limit: 1}))
    assert set(error.codes) == {"E13"}
    assert f"at most 1 are read; give load(limits=Limits({limit}=…))" in str(error)


def test_a_size_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    factor = "(" + "+".join("abcdefghij") + ")"
    text = "*".join([factor] * 40)
    shape = [{"shape": [text, 4], "dtype": "float32"}]
    error = refused(change(saved(tiny_graph(), tmp_path), lambda d: node(d, "x").update(outputs=shape)))
    assert "E13" in error.codes


@pytest.mark.parametrize(("op", "size", "attributes"), [("unbind", 10**12, {}), ("chunk", 0, {"chunks": 10**12})])
def test_outputs_without_number_are_refused(op: str, size: int, attributes: dict[str, int], tmp_path: Path) -> None:
    graph = ModelGraph("parts")
    source = graph.add_input("x", (2,))
    graph.set_outputs([graph.add(op, [source], name="cut", **dict.fromkeys(attributes, 2))])

    def edit(document: dict[str, Any]) -> None:
        node(document, "x")["outputs"] = [{"shape": [size], "dtype": "float32"}]
        node(document, "cut")["attributes"] |= attributes

    error = refused(change(saved(graph, tmp_path), edit))
    assert "E13" in error.codes
    assert f"gives {10**12} outputs" in str(error)


def test_a_sparse_file_of_a_terabyte_is_not_read(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    with data_file(home).open("rb+") as file:
        file.truncate(2**40)
    assert refused(home).codes == ("E13",)


def test_a_row_that_stumbles_makes_a_refusal(tmp_path: Path) -> None:
    def stumble(call: Call) -> Any:
        return 1 // int(call.attributes.get("zero", 0))  # type: ignore[arg-type]

    graph = ModelGraph("bare")
    graph.set_outputs([graph.add("relu", [graph.add_input("x", ("N",))])])
    table = OpTable((*ROWS, Op(name="relu", summary="Divides by zero.", infer=stumble)))
    error = refused(saved(graph, tmp_path), ops=table)
    assert "cannot be checked (ZeroDivisionError" in str(error)
