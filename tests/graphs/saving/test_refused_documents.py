"""Each kind of wrong file is refused, with its code and a message that says what to do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.graphs.saving.samples import (
    change,
    data_file,
    node,
    read,
    refused,
    rich_graph,
    saved,
    tiny_graph,
    write,
)

Edit = Callable[[dict[str, Any]], object]
HUGE = 2**40


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
    "text for a number": (
        "E01",
        "must be an integer, not '0'",
        lambda d: node(d, "act").update(operands=[["fc", "0"]]),
    ),
    "true for a number": (
        "E01",
        "must be an integer, not true",
        lambda d: node(d, "act").update(operands=[["fc", True]]),
    ),
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
    "custom container": (
        "E01",
        "kind: is 'custom'; allowed",
        lambda d: d["contract"].update(results={"kind": "custom"}),
    ),
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
    "order of execution": ("E01", "stands before 'fc', which it reads", swap_nodes),
    "duplicate node": ("E02", "node 'act': is defined 2 times", lambda d: d["nodes"].append(dict(node(d, "act")))),
    "undefined operand": (
        "E02",
        "reads 'gone', which no node",
        lambda d: node(d, "act").update(operands=[["gone", 0]]),
    ),
    "undefined output": ("E02", "reads output 7 of 'fc'", lambda d: node(d, "act").update(operands=[["fc", 7]])),
    "undefined tensor": ("E02", "tensor 'w' .weight. is not", lambda d: node(d, "fc")["tensors"].update(weight="w")),
    "undefined holder": ("E02", "is tied to 'gone'", lambda d: d["aliases"].update({"head.weight": "gone"})),
    "alias that is a tensor": (
        "E02",
        "are tensors and tied names",
        lambda d: d["aliases"].update({"fc.bias": "fc.weight"}),
    ),
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
    "absent data file": (
        "E05",
        "cannot be read",
        lambda d: d["files"].update(tensors=f"tensors-{'0' * 16}.safetensors"),
    ),
    "no output": ("E06", "has 0 output nodes", lambda d: d["nodes"].pop()),
    "two outputs": ("E06", "has 2 output nodes", lambda d: d["nodes"].append({**node(d, "output"), "name": "more"})),
    "results of another number": (
        "E06",
        "results hold 1 tensors",
        lambda d: d["contract"].update(results={"kind": "leaf"}),
    ),
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
    "unknown symbol": (
        "E10",
        "symbol 'Q' comes from no input",
        lambda d: node(d, "flat")["attributes"].update(shape=[{"size": "Q"}]),
    ),
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
    "many axes": (
        "E13",
        "at most 64",
        lambda d: node(d, "x").update(outputs=[{"shape": [1] * 65, "dtype": "float32"}]),
    ),
    "long name": ("E13", "at most 512", lambda d: node(d, "act").update(name="a" * 513)),
    "long text": ("E13", "at most 65536", lambda d: d["contract"]["report"].update(notes=["a" * 65537])),
}


@pytest.mark.parametrize("case", DOCUMENT_EDITS)
def test_a_wrong_document_is_refused(case: str, tmp_path: Path) -> None:
    code, message, edit = DOCUMENT_EDITS[case]
    error = refused(change(saved(rich_graph(), tmp_path), edit))
    assert code in error.codes
    assert re.search(f"{code} .*{message}", str(error))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"name":"tiny"', '"name":"\\ud800"', "E01 graph.json.name: holds half of a surrogate pair"),
        ('"minimum":-1.0', '"minimum":-1e999', "E13 graph.json.contract.inputs[0].minimum: does not fit"),
    ],
)
def test_a_text_that_json_can_write_and_a_graph_cannot_is_refused(
    old: str, new: str, problem: str, tmp_path: Path
) -> None:
    home = saved(rich_graph(), tmp_path)
    replace_text(home, old, new)
    assert problem in str(refused(home))


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
