"""Every refusal with its code: what is planted in the worked example, and what is said of it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from nadoo_graphs.errors import LoadError
from nadoo_graphs.plan import export_plan, import_plan, validate_plan
from nadoo_graphs.saving import Limits
from tests.graphs.captured import captured
from tests.graphs.plan.documents import (
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

Change: TypeAlias = Callable[[dict[str, Any]], Any]
HIDDEN, HEAD = 0, 1
W1, B1, LINEAR, RELU = 0, 1, 2, 3


def item(document: dict[str, Any], index: int, piece: int = HIDDEN) -> dict[str, Any]:
    return document["blocks"][piece]["layers"][index]


def hidden(document: dict[str, Any]) -> list[Any]:
    return document["blocks"][HIDDEN]["layers"]


def in_model(**changes: Any) -> Change:
    return lambda document: document.update(changes)


def in_block(piece: int, **changes: Any) -> Change:
    return lambda document: document["blocks"][piece].update(changes)


def in_item(index: int, **changes: Any) -> Change:
    """A change of an item of the first block."""
    return lambda document: item(document, index).update(changes)


def in_use(index: int, **changes: Any) -> Change:
    return lambda document: document["graph"][index].update(changes)


def only(*layers: dict[str, Any], shape: list[Any] | None = None) -> dict[str, Any]:
    """A model of one block."""
    shape = shape or [2]
    return model(shape, shape, [block("only", shape, shape, list(layers))])


CHANGED: dict[str, tuple[str, str, Change]] = {
    "no version": ("E01", "'ir' is missing", lambda d: d.pop("ir")),
    "another version": ("E01", "allowed: 1.0", in_model(ir="2.0")),
    "an unknown key": ("E01", "unknown key 'colour'", in_item(RELU, colour="red")),
    "an unknown key in meta": ("E01", "unknown key 'symbol'", in_model(meta={"symbol": {}})),
    "a size of zero": ("E01", "is 0; a size in a plan is positive", in_item(W1, shape=[3, 0])),
    "a size of zero in a block": ("E01", "is 0", in_block(HIDDEN, output_shape=[0])),
    "an unknown datatype": ("E01", "is 'float31'; allowed: float64", in_model(input_datatype="float31")),
    "another layout": ("E01", "allowed: C", in_item(W1, layout="F")),
    "one datatype in brackets": (
        "E01",
        "write one as a text",
        in_model(input_shape=[[2]], input_datatype=["float32"]),
    ),
    "an item of an unknown type": ("E01", "is '^2'; allowed: Tensor, Layer, =, +", in_item(RELU, type="^2")),
    "too few outputs named": ("E01", "names 0 outputs, but has 1", in_item(RELU, tensor_output=[])),
    "a name defined twice": ("E02", "defines 'W1' again", in_item(B1, name="W1")),
    "a name that nothing defines": ("E02", "reads 'g', which nothing defines", in_item(RELU, tensor_input="g")),
    "a name used before it is defined": ("E02", "before it is defined by", lambda d: hidden(d).reverse()),
    "a name that is no identifier": ("E02", "'a b' is no identifier", in_item(RELU, tensor_input="a b")),
    "a reserved name": ("E02", "defines 'Xyz'; names with X or Y", in_item(W1, name="Xyz")),
    "a weight that is a value": ("E02", "is no Tensor", lambda d: item(d, LINEAR)["weights"].update(bias="X")),
    "two blocks of one name": ("E02", "is defined 2 times", in_block(HEAD, name="hidden")),
    "another output shape": ("E03", "declared float32[4], but float32[3] follows", in_block(HIDDEN, output_shape=[4])),
    "a weight that does not fit": ("E03", "must end in 3", in_item(W1, shape=[2, 3])),
    "a parameter against the weights": (
        "E03",
        "in_features is 3, but the weights say 2",
        lambda d: item(d, LINEAR)["params"].update(in_features=3),
    ),
    "blocks that do not fit": ("E03", "block 'head' input: is declared float32[2]", in_block(HEAD, input_shape=[2])),
    "a model of another shape": ("E03", "model output", in_model(output_shape=[2])),
    "another output datatype": ("E04", "declared float64[3]", in_block(HIDDEN, output_datatype="float64")),
    "a weight of another datatype": ("E04", "the bias is int32", in_item(B1, datatype="int32")),
    "a missing data file": ("E05", "No such file", in_item(W1, data="none.bin")),
    "a short data file": ("E05", "has 12 bytes, but 24 are needed", in_item(W1, data="b1.bin")),
    "a long data file": ("E05", "only 12 are declared", in_item(B1, data="w1.bin")),
    "another length": ("E05", "declared with 20 bytes, but its type takes 24", in_item(W1, length=20)),
    "an offset past the end": ("E05", "are needed", in_item(W1, offset=4, length=24)),
    "another hash": ("E05", "another sha256", in_item(W1, sha256="0" * 64)),
    "a folder as a data file": ("E05", "not a regular file", in_item(W1, data="folder")),
    "an output that is not assigned": ("E06", "'Y' is never assigned", in_item(RELU, tensor_output="r")),
    "an output that is assigned twice": ("E06", "defines 'Y' again", in_item(LINEAR, tensor_output="Y")),
    "no blocks": ("E01", "model input gives 1 values", in_model(blocks=[], output_shape=[], output_datatype=[])),
    "an unknown layer": ("E07", "did you mean 'Linear'", in_item(LINEAR, name="Linea")),
    "an unknown parameter": ("E07", "unknown attribute 'slope'", lambda d: item(d, RELU)["params"].update(slope=1)),
    "an unknown weight": ("E07", "has no tensor 'gain'", lambda d: item(d, LINEAR)["weights"].update(gain="b1")),
    "an operator off the list": (
        "E07",
        "'aten.from_file.default' is not on the allow-list",
        in_item(RELU, name="aten.from_file.default"),
    ),
    "a scale that no layer reads": (
        "E07",
        "no layer of the library computes with scaled codes",
        in_item(B1, quant={"scheme": "sym", "scale": 0.5, "zero_point": 0, "axis": None, "bits": 32}),
    ),
    "a cycle in a block": ("E08", "depends on it; break the circle", in_item(LINEAR, tensor_input="Y")),
    "an undeclared symbol": ("E10", "symbol 'T' is not declared", in_model(input_shape=["T"])),
    "a symbol in a parameter": (
        "E10",
        "symbol 'K' is not declared",
        lambda d: d["blocks"][HEAD]["layers"].append(layer("Reshape", "X", "r", shape=[{"size": "K"}])),
    ),
    "a path to a parent": ("E12", "no '..'", in_item(W1, data="../w1.bin")),
    "an absolute path": ("E12", "is not a path below", in_item(W1, data="/etc/passwd")),
    "a path of another system": ("E12", "is not a path below", in_item(W1, data="c:\\w1.bin")),
    "a link that leads out": ("E12", "outside of the document's folder", in_item(W1, data="link.bin")),
    "a size that overflows": ("E13", "overflows 2**63 bytes", in_item(W1, shape=[2**40, 2**40])),
    "a size of 70 bits": ("E13", "it must be from", in_model(input_shape=[2**70])),
    "a number that no double holds": ("E13", "64 bits of floating point", in_item(RELU, params={"x": 1e308 * 10})),
}  # fmt: skip


def planted(folder: Path, document: Any) -> Path:
    path = write(folder / "plan", document)
    (folder / "plan" / "folder").mkdir()
    (folder / "outside.bin").write_bytes(bytes(24))
    (folder / "plan" / "link.bin").symlink_to(folder / "outside.bin")
    return path


def refusal(path: Path, **options: Any) -> tuple[tuple[str, ...], str]:
    """The codes and the text of a refusal, which is the same for the importer and for the validator."""
    with pytest.raises(LoadError) as caught:
        import_plan(path, **options)
    assert validate_plan(path, **options) == caught.value.problems
    return caught.value.codes, str(caught.value)


@pytest.mark.parametrize("name", CHANGED)
def test_a_planted_mistake_is_named_with_its_code(tmp_path: Path, name: str) -> None:
    code, said, change = CHANGED[name]
    document = example()
    change(document)
    text = planted(tmp_path, document)
    text.write_text(text.read_text().replace("Infinity", "1e999"))
    codes, message = refusal(text)
    assert code in codes
    assert said in message


USES: dict[str, tuple[str, str, Change]] = {
    "an unknown block": ("E02", "uses block 'body', which is not defined", in_use(0, block="body")),
    "an unknown port": ("E02", "reads 'first.g', which nothing defines", in_use(1, inputs=["first.g"])),
    "the wrong order": ("E02", "before it is defined by graph[1] 'first'", lambda d: d["graph"].reverse()),
    "two instances of one name": ("E02", "is used twice", in_use(1, **{"as": "first"})),
    "a reserved port": ("E02", "port 'Y3' begins like", in_use(0, outputs=["Y3"])),
    "too many inputs": ("E01", "lists 2 inputs, but block 'hidden' has 1", in_use(0, inputs=["X", "X"])),
    "no outputs": ("E01", "lists 0 outputs", in_use(0, outputs=[])),
    "an input of another shape": ("E03", "is declared float32[3], but float32[2]", in_use(1, inputs=["X"])),
    "an output of another shape": ("E03", "output Y: is declared float32[1]", in_use(0, outputs=["Y"])),
    "an output given twice": ("E06", "'Y' is assigned 2 times", in_use(0, outputs=["Y"])),
    "an output given by nobody": ("E06", "'Y' is never assigned", in_use(1, outputs=["z"])),
    "a circle": ("E08", "depends on it", in_use(0, inputs=["second.Y"])),
}  # fmt: skip


@pytest.mark.parametrize("name", USES)
def test_a_mistake_between_blocks_is_named_with_its_code(tmp_path: Path, name: str) -> None:
    code, said, change = USES[name]
    document = with_graph(example())
    change(document)
    codes, message = refusal(write(tmp_path, document))
    assert code in codes
    assert said in message


OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "one operand too few": ("E01", "'.*' has 1 operands; allowed: 2", only(operation(".*", "X", "Y"))),
    "one operand too many": ("E01", "'-' has 3 operands", only(operation("-", ["X", "X", "X"], "Y"))),
    "a number on the left": ("E01", "only the second", only(operation("-", [{"const": 1}, "X"], "Y"))),
    "a truth value": ("E01", "must be a number, not true", only(operation("+", ["X", {"const": True}], "Y"))),
    "two results": ("E01", "must be one name", only(operation("+", ["X", "X"], ["Y", "z"]))),  # type: ignore[arg-type]
    "a power without exponent": ("E01", "is what '^' needs", only(operation("^", "X", "Y"))),
    "an exponent without power": ("E01", "is what '^' needs", only(operation("neg", "X", "Y", exponent=2))),
    "vectors in a matrix product": ("E03", "both operands have two axes", only(operation("*", ["X", "X"], "Y"))),
    "shapes that do not broadcast": ("E03", "broadcast", of_two("+", ["X0", "b"])),
    "two datatypes": ("E04", "computes with float32, float64; they must be equal", of_two("+", ["X0", "d"])),
    "a quotient of integers": ("E04", "computes with int32; allowed: bfloat16", of_two("./", ["i", "i"])),
    "a sum of small integers": ("E04", "computes with int8", of_two("+", ["s", "s"])),
    "an integer and a float": ("E04", "computes int32 with the float 0.5", of_two("+", ["i", {"const": 0.5}])),
}  # fmt: skip
CONSTANTS = [
    tensor("b", [3], "twelve.bin"),
    tensor("d", [1], "eight.bin", datatype="float64"),
    tensor("i", [3], "twelve.bin", datatype="int32"),
    tensor("s", [8], "eight.bin", datatype="int8"),
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_sign_that_does_not_fit_is_named_with_its_code(tmp_path: Path, name: str) -> None:
    code, said, document = OPERATIONS[name]
    document = json.loads(json.dumps(document))
    document["blocks"][0]["layers"][:0] = CONSTANTS
    codes, message = refusal(write(tmp_path, document, {"twelve.bin": (1, 2, 3), "eight.bin": (1, 2)}))
    assert code in codes
    assert said in message


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    document = with_graph(example())
    item(document, RELU)["name"] = "RELU"
    item(document, W1)["data"] = "none.bin"
    item(document, B1, HEAD)["sha256"] = "1" * 64
    document["blocks"][HEAD]["output_shape"] = [5]
    document["graph"][0]["block"] = "nothing"
    codes, message = refusal(write(tmp_path, document))
    assert {"E02", "E03", "E05", "E07"} <= set(codes)
    assert message.count("E05") == 2


def test_one_mistake_is_one_problem(tmp_path: Path) -> None:
    """What depends on an item that cannot be understood is passed over."""
    document = example()
    item(document, LINEAR)["name"] = "Nothing"
    codes, _ = refusal(write(tmp_path, document))
    assert codes == ("E07",)


NOT_FINITE = {**FILES, "w2.bin": (1, float("nan"), float("inf"))}


def test_weights_must_be_finite_unless_it_is_said_that_they_need_not(tmp_path: Path) -> None:
    codes, message = refusal(write(tmp_path / "a", example(), NOT_FINITE))
    assert codes == ("E09",)
    assert "tensor 'W2'" in message
    allowed = write(tmp_path / "b", {**example(), "meta": {"allow_nonfinite": True}}, NOT_FINITE)
    assert validate_plan(allowed) == ()
    assert validate_plan(tmp_path / "a", allow_nonfinite=True) == ()


def test_operators_beyond_the_list_can_be_vouched_for(tmp_path: Path) -> None:
    path = export_plan(captured("exotic").graph, tmp_path)
    text = path.read_text().replace("aten.cummax.default", "aten.cummin.default").replace("cummax", "cummin")
    path.write_text(text)
    assert validate_plan(path) == ()
    path.write_text(text.replace("aten.cummin.default", "aten.frobnicate.default"))
    assert refusal(path)[0] == ("E07",)
    codes, message = refusal(path, allow_operators=["aten.frobnicate.default"])
    assert codes == ("E07",)
    assert "this torch has None" in message


def test_an_operator_of_another_torch_is_refused(tmp_path: Path) -> None:
    path = export_plan(captured("exotic").graph, tmp_path)
    path.write_text(
        path.read_text().replace("aten::cummax(Tensor self, int dim)", "aten::cummax(Tensor self, int axis)")
    )
    codes, message = refusal(path)
    assert codes == ("E07",)
    assert "has the schema" in message


ORIGINS: dict[str, tuple[str, str, Change]] = {
    "two nodes of one name": ("E02", "two nodes", lambda d: item(d, 0, 1)["x_origin"][0].update(node="0")),
    "two tensors of one name": ("E02", "another tensor", lambda d: item(d, 0, 2)["x_origin"].update(name="0.weight")),
    "an unknown role": ("E01", "allowed: parameter", lambda d: item(d, 0)["x_origin"].update(role="weight")),
    "a state dict without a tensor": ("E02", "state_order", lambda d: d["x_origin"]["state_order"].pop()),
    "a name tied to nothing": ("E02", "aliases", lambda d: d["x_origin"]["aliases"].update({"0.weight": "9.weight"})),
    "another input": ("E02", "names inputs", lambda d: d["x_origin"]["inputs"][0].update(node="other")),
    "too many inputs": ("E01", "names 2 inputs", lambda d: d["x_origin"]["inputs"].append({"node": "more"})),
    "another structure": (
        "E02",
        "arguments hold 0",
        lambda d: d["x_origin"]["contract"].update(arguments={"kind": "tuple"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORIGINS)
def test_an_origin_that_contradicts_the_plan_is_refused(tmp_path: Path, name: str) -> None:
    code, said, change = ORIGINS[name]
    path = export_plan(captured("chain").graph, tmp_path)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    codes, message = refusal(path)
    assert code in codes
    assert said in message


TEXTS: dict[str, tuple[str, bytes]] = {
    "nothing": ("E01", b""),
    "no JSON": ("E01", b"{"),
    "a comment": ("E01", b'{"type": "Model" // a model\n}'),
    "a trailing comma": ("E01", b'{"type": "Model",}'),
    "a number that is none": ("E01", json.dumps(example()).replace("[2]", "[NaN]", 1).encode()),
    "a key twice": ("E01", b'{"type": "Model", "type": "Model"}'),
    "no UTF-8": ("E01", b"\xff\xfe{}"),
    "an array": ("E01", b"[]"),
    "ten thousand levels": ("E13", b"[" * 10_000 + b"]" * 10_000),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_document_is_refused(tmp_path: Path, name: str) -> None:
    code, text = TEXTS[name]
    path = tmp_path / "model.json"
    path.write_bytes(text)
    assert code in refusal(path)[0]


def test_limits_hold_for_documents_items_and_data(tmp_path: Path) -> None:
    path = write(tmp_path, example())
    assert refusal(path, limits=Limits(document_bytes=100))[0] == ("E13",)
    assert refusal(path, limits=Limits(nodes=6))[0] == ("E13",)
    assert set(refusal(path, limits=Limits(data_bytes=30))[0]) == {"E13"}


def test_a_plan_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none")[0] == ("E05",)
    assert refusal(tmp_path)[0] == ("E05",)


def test_a_right_hash_is_accepted(tmp_path: Path) -> None:
    """The hash of a constant is the sha256 of the bytes of the file."""
    document, folder = example(), tmp_path / "plan"
    path = write(folder, document)
    item(document, W1)["sha256"] = hashlib.sha256((folder / "w1.bin").read_bytes()).hexdigest()
    path.write_text(json.dumps(document))
    assert validate_plan(path) == ()
