"""Each kind of wrong file is refused, with its code and a message that says what to do."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from nadoo_graphs.errors import LoadError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.ops import Call, Op, OpTable
from nadoo_graphs.ops.structure import ROWS
from nadoo_graphs.saving import Limits, load
from nadoo_graphs.saving.document import StoredTensor
from nadoo_graphs.saving.write import DataFile
from nadoo_graphs.tensors import content_digest
from nadoo_graphs.values import ValueType

from tests.graphs.saving.samples import (
    SORT,
    change,
    data_file,
    graph_of_tensors,
    node,
    ramp,
    read,
    rich_graph,
    saved,
    tiny_graph,
    write,
)

Edit = Callable[[dict[str, Any]], object]
HUGE = 2**40


def refused(home: Path, **options: Any) -> LoadError:
    """The refusal of a folder."""
    with pytest.raises(LoadError) as caught:
        load(home, **options)
    return caught.value


def first_input(document: dict[str, Any]) -> dict[str, Any]:
    return document["contract"]["inputs"][0]


def sort_target(document: dict[str, Any], target: str) -> None:
    node(document, "sort")["attributes"]["target"] = target


def sort_argument(document: dict[str, Any], argument: Any) -> None:
    node(document, "sort")["attributes"]["arguments"] = [argument]


def tie_cycle(document: dict[str, Any]) -> None:
    node(document, "fc")["operands"] = [["act", 0]]


def swap_nodes(document: dict[str, Any]) -> None:
    document["nodes"][1:3] = document["nodes"][2:0:-1]


DOCUMENT_EDITS: dict[str, tuple[str, str, Edit]] = {
    "unknown key": ("E01", r"graph\.json: unknown key 'extra'; allowed: aliases, ", lambda d: d.update(extra=1)),
    "unknown key of a node": (
        "E01",
        r"graph\.json\.nodes\[1\] 'fc': unknown key 'code'",
        lambda d: node(d, "fc").update(code="os.system"),
    ),
    "missing key": ("E01", "graph.json: key 'state_order' is missing", lambda d: d.pop("state_order")),
    "wrong kind": ("E01", r"nodes: must be an array, not an object", lambda d: d.update(nodes={})),
    "text for a number": ("E01", "must be an integer, not '0'", lambda d: node(d, "act").update(operands=[["fc", "0"]])),
    "true for a number": ("E01", "must be an integer, not true", lambda d: node(d, "act").update(operands=[["fc", True]])),
    "operand of three": ("E01", "array of a node's name", lambda d: node(d, "act").update(operands=[["fc", 0, 0]])),
    "unknown role": ("E01", "is 'weight'; allowed: parameter", lambda d: d["tensors"]["fc.bias"].update(role="weight")),
    "not a size": (
        "E01",
        r"outputs\[0\]\.shape\[0\]: expected",
        lambda d: node(d, "x").update(outputs=[{"shape": ["N +"], "dtype": "float32"}]),
    ),
    "size of another spelling": (
        "E01",
        "'N\\*3' is not canonical; write it as '3\\*N'",
        lambda d: node(d, "flat").update(outputs=[{"shape": ["N*3"], "dtype": "float32"}]),
    ),
    "number as a text": (
        "E01",
        "'4' is the number 4; write it as one",
        lambda d: node(d, "x").update(outputs=[{"shape": ["N", "4"], "dtype": "float32"}]),
    ),
    "unknown tag": ("E01", "an object here is", lambda d: node(d, "flat")["attributes"].update(shape={"code": "N"})),
    "custom container": ("E01", "kind: is 'custom'; allowed", lambda d: d["contract"].update(results={"kind": "custom"})),
    "leaf with children": (
        "E01",
        "a leaf holds nothing",
        lambda d: d["contract"].update(results={"kind": "leaf", "children": [{"kind": "leaf"}]}),
    ),
    "keys without children": (
        "E01",
        "1 keys for 0 children",
        lambda d: d["contract"].update(results={"kind": "dict", "keys": ["a"]}),
    ),
    "named tuple of code": (
        "E01",
        "must be Python identifiers",
        lambda d: d["contract"]["results"]["children"][0].update(keys=["__class__", "x; y"]),
    ),
    "half a surrogate pair": ("E01", "half of a surrogate", lambda d: d.update(name="\ud800")),
    "order of execution": ("E01", "stands before 'fc', which it reads", swap_nodes),
    "duplicate node": ("E02", "node 'act': is defined 2 times", lambda d: d["nodes"].append(dict(node(d, "act")))),
    "undefined operand": ("E02", "reads 'gone', which no node", lambda d: node(d, "act").update(operands=[["gone", 0]])),
    "undefined output": ("E02", "reads output 7 of 'fc'", lambda d: node(d, "act").update(operands=[["fc", 7]])),
    "undefined tensor": ("E02", "tensor 'w' .weight. is not", lambda d: node(d, "fc")["tensors"].update(weight="w")),
    "undefined holder": ("E02", "is tied to 'gone'", lambda d: d["aliases"].update({"head.weight": "gone"})),
    "alias that is a tensor": ("E02", "are tensors and tied names", lambda d: d["aliases"].update({"fc.bias": "fc.weight"})),
    "state order": ("E02", "every tensor and every tied name exactly once", lambda d: d["state_order"].pop()),
    "empty name": ("E02", "'' is not a name", lambda d: node(d, "act").update(name="")),
    "name with a newline": ("E02", "is not a name", lambda d: node(d, "act").update(name="a\nb")),
    "contract of another input": ("E02", "names inputs", lambda d: first_input(d).update(name="z")),
    "two inputs of one name": ("E02", "is a second input", lambda d: first_input(d).update(name="y")),
    "declared shape": (
        "E03",
        r"output 0 is declared float32\[N, 5\], but float32\[N, 3\] follows",
        lambda d: node(d, "fc").update(outputs=[{"shape": ["N", 5], "dtype": "float32"}]),
    ),
    "declared dtype": (
        "E04",
        r"output 0 is declared int64\[N, 3\], but float32",
        lambda d: node(d, "fc").update(outputs=[{"shape": ["N", 3], "dtype": "int64"}]),
    ),
    "unknown dtype": (
        "E04",
        "is 'float8'; allowed: float64",
        lambda d: node(d, "x").update(outputs=[{"shape": ["N", 4], "dtype": "float8"}]),
    ),
    "hash": ("E05", "has another sha256", lambda d: d["tensors"]["fc.bias"].update(sha256="0" * 64)),
    "no hash": ("E01", "64 hexadecimal digits", lambda d: d["tensors"]["fc.bias"].update(sha256="0")),
    "tensor shape": ("E05", "but the graph says float32 .4.", lambda d: d["tensors"]["fc.bias"].update(shape=[4])),
    "tensor dtype": ("E05", "but the graph says float16", lambda d: d["tensors"]["fc.bias"].update(dtype="float16")),
    "tensor that no file has": (
        "E05",
        "'more' is missing",
        lambda d: d["tensors"].update(more=d["tensors"]["fc.bias"]) or d["state_order"].append("more"),
    ),
    "no data file": ("E05", "names no data file for 4 tensors", lambda d: d["files"].pop("tensors")),
    "absent data file": ("E05", "cannot be read", lambda d: d["files"].update(tensors=f"tensors-{'0' * 16}.safetensors")),
    "no output": ("E06", "has 0 output nodes", lambda d: d["nodes"].pop()),
    "two outputs": ("E06", "has 2 output nodes", lambda d: d["nodes"].append({**node(d, "output"), "name": "more"})),
    "results of another number": ("E06", "results hold 1 tensors", lambda d: d["contract"].update(results={"kind": "leaf"})),
    "unknown op": ("E07", "operator 'eval' has no row", lambda d: node(d, "act").update(op="eval")),
    "unknown attribute": ("E07", "unknown attribute 'code'", lambda d: node(d, "act").update(attributes={"code": 1})),
    "unknown format": (
        "E07",
        "there is no such number format",
        lambda d: d["tensors"]["fc.bias"].update(format="int5000"),
    ),
    "opaque file": ("E07", "'aten.from_file.default' is not on", lambda d: sort_target(d, "aten.from_file.default")),
    "opaque set": ("E07", "is not on the allow-list", lambda d: sort_target(d, "aten.set_.source_Storage")),
    "opaque of Python": ("E07", "is not on the allow-list", lambda d: sort_target(d, "prim.os.system")),
    "opaque argument": ("E07", "which is no value", lambda d: sort_argument(d, ["torch", "torch.load"])),
    "opaque operand": ("E07", "which is no value", lambda d: sort_argument(d, ["operand", 7])),
    "cycle": ("E08", "depends on itself", tie_cycle),
    "symbolic tensor": ("E10", "a symbolic size", lambda d: d["tensors"]["fc.bias"].update(shape=["N"])),
    "unknown symbol": ("E10", "symbol 'Q' comes from no input", lambda d: node(d, "flat")["attributes"].update(shape=[{"size": "Q"}])),
    "path upwards": ("E12", "is not a plain file name", lambda d: d["files"].update(tensors="../tensors.safetensors")),
    "absolute path": ("E12", "is not a plain file name", lambda d: d["files"].update(tensors="/etc/x.safetensors")),
    "path of windows": ("E12", "is not a plain file name", lambda d: d["files"].update(tensors="C:\\x.safetensors")),
    "another kind of file": ("E12", "ends in .safetensors", lambda d: d["files"].update(tensors="model.pt")),
    "huge number": ("E13", "must be from", lambda d: node(d, "act").update(operands=[["fc", 2**63]])),
    "huge size": (
        "E13",
        "it must be from 0 to",
        lambda d: node(d, "x").update(outputs=[{"shape": ["N", 2**63], "dtype": "float32"}]),
    ),
    "sizes that overflow": (
        "E13",
        r"overflows 2\*\*63 bytes",
        lambda d: node(d, "x").update(outputs=[{"shape": ["N", HUGE, HUGE], "dtype": "float32"}]),
    ),
    "symbolic size that overflows": (
        "E13",
        "does not fit in 64 bits",
        lambda d: node(d, "x").update(outputs=[{"shape": [f"{2**63}*N", 4], "dtype": "float32"}]),
    ),
    "many axes": ("E13", "at most 64", lambda d: node(d, "x").update(outputs=[{"shape": [1] * 65, "dtype": "float32"}])),
    "long name": ("E13", "at most 512", lambda d: node(d, "act").update(name="a" * 513)),
    "long text": ("E13", "at most 65536", lambda d: d["contract"]["report"].update(notes=["a" * 65537])),
    "float that overflows": ("E13", "does not fit", lambda d: first_input(d).update(maximum=float("1e308"))),
}  # fmt: skip


@pytest.mark.parametrize("case", DOCUMENT_EDITS)
def test_a_wrong_document_is_refused(case: str, tmp_path: Path) -> None:
    code, message, edit = DOCUMENT_EDITS[case]
    home = saved(rich_graph(), tmp_path)
    if case == "half a surrogate pair":
        replace_text(home, '"name":"tiny"', '"name":"\\ud800"')
    elif case == "float that overflows":
        replace_text(home, '"minimum":-1.0', '"minimum":-1e999')
    else:
        change(home, edit)
    error = refused(home)
    assert code in error.codes
    assert error.problems
    with pytest.raises(LoadError, match=f"{code} .*{message}"):
        raise error


def replace_text(home: Path, old: str, new: str) -> None:
    """Replace a piece of the document's text."""
    path = home / "graph.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (b"", "E01", "is not strict JSON"),
        (b"\xff", "E01", "byte 0 is not UTF-8"),
        (b"[]", "E01", "is no saved graph"),
        (b'{"schema":"nadoo-graph"}', "E01", "is no saved graph"),
        (b'{"schema":"nadoo-graph","version":2}', "E01", "has version 2, this nadoo reads up to 1; update nadoo"),
        (b'{"schema":"nadoo-graph","version":-9}', "E01", "nothing leads from -9 to -8"),
        (b'{"schema":"nadoo-graph","version":1,"version":1}', "E01", "key 'version' is given twice"),
        (b'{"schema":"nadoo-graph","version":1,"name":NaN}', "E01", "NaN is not a JSON number"),
        (b'{"schema":"nadoo-graph","version":' + b"1" * 5000 + b"}", "E01", "is not strict JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "E13", "nests deeper than 100 levels"),
        (b'{"a":' * 10_000, "E13", "nests deeper than 100 levels"),
        (b'"' + b"[" * 10_000 + b'"', "E01", "is no saved graph"),
    ],
)
def test_a_text_that_is_no_document_is_refused(text: bytes, code: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_bytes(text)
    error = refused(tmp_path)
    assert error.codes == (code,)
    assert message in str(error)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    home = saved(rich_graph(), tmp_path)
    document = read(home)
    node(document, "act")["op"] = "nothing"
    node(document, "fc")["outputs"] = [{"shape": ["N", 5], "dtype": "float32"}]
    document["tensors"]["fc.bias"]["sha256"] = "0" * 64
    document["files"]["examples"] = f"examples-{'0' * 16}.safetensors"
    sort_target(document, "aten.from_file.default")
    write(home, document)
    assert {"E03", "E05", "E07"} <= set(refused(home).codes)
    assert [problem.code.value for problem in refused(home).problems].count("E05") == 2


def test_a_refusal_names_the_folder(tmp_path: Path) -> None:
    home = saved(tiny_graph(), tmp_path)
    data_file(home).unlink()
    assert str(refused(home)).startswith(f"{str(home)!r} was refused:\n  E05 file 'tensors-")


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


def test_the_operator_of_the_samples_is_on_the_list(tmp_path: Path) -> None:
    assert load(saved(rich_graph(), tmp_path))["sort"].attributes["target"] == SORT
