"""Damaged plans: a required key is never missed, and whatever stands in a plan, only declared errors come of it."""

import json
import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import torch

from nadoo_graphs.errors import LoadError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.plan import canonical_hash, export_plan, import_plan, validate_plan
from nadoo_graphs.saving import Limits
from tests.graphs.captured import captured
from tests.graphs.plan.documents import example, with_graph, write

Slot: TypeAlias = tuple[Any, Any]
SMALL = Limits(document_bytes=2**20, data_bytes=2**20)
ROUNDS = 10
MUTATIONS = 3000
DAMAGES = 250
SIGNATURE = ("input_shape", "input_datatype", "output_shape", "output_datatype")
REQUIRED = {
    "Model": ("type", "ir", "name", *SIGNATURE, "blocks"),
    "Block": ("type", "name", *SIGNATURE, "layers"),
    "Tensor": ("type", "name", "shape", "datatype", "data"),
    "Layer": ("type", "name", "tensor_input", "tensor_output"),
    "Op": ("type", "tensor_input", "tensor_output"),
    "Instance": ("block", "as", "inputs", "outputs"),
}
LISTS = ("input_shape", "output_shape", "shape", "blocks", "layers", "inputs", "outputs")
NUMBERS = (0, 1, -1, 2, 2**31, 2**53, 2**63 - 1, 2**64, 2**1300, -(2**63), 0.5, 1e308)
TEXTS = (
    "", "N", "X", "X0", "X1", "Y", "Y0", "weight", "linear", "first.h", "hidden", "4*N", "(N)//(2)", "N//0", "T",
    "float32", "int8", "int4", "complex64", "../w1.bin", "/etc/passwd", "a" * 600, "\0", "\ud800", "é", "Linear",
    "ReLU", "Reshape", "LSTM", "Split", "write", "opaque", "tensor", "input", "aten.sort.default", "aten.a.b.c",
    "aten.from_file.default", "torch.load", "+", "-", "^", "=", "*", "./", "Tensor", "Layer", "Op", "sym", "msb32",
    "0" * 64, "x_origin",
)  # fmt: skip
KEYS = ("x_note", "x_origin", "quant", "exponent", "graph", "meta", "length", "sha256", "params", "colour", "y" * 600)


def mixed() -> ModelGraph:
    """Signs, a power, a constant, packed codes and a layer with several outputs."""
    graph = ModelGraph("mixed")
    x = graph.add_input("x", ("N", 4))
    graph.add_tensor("codes", torch.tensor([[-8, 7, 1]], dtype=torch.int8), "buffer", format="int4")
    half = graph.add("power", [graph.add("add", [x, x])], other=0.5)
    pieces = graph.add("chunk", [graph.add("mul", [half], other=2)], chunks=2, dim=1)
    graph.set_outputs([pieces, graph.add("sub", [half, graph.add("tensor", tensors={"value": torch.ones(4)})])])
    return graph


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Plans of every form: by hand, as a chain and in a list, exported, shared, with operators of torch's."""
    home = tmp_path_factory.mktemp("plans")
    graphs = [mixed(), *(captured(name).graph for name in ("shared_block", "exotic", "encoded", "nested"))]
    exported = [export_plan(graph, home / graph.name) for graph in graphs]
    return [write(home / "chain", example()), write(home / "graph", with_graph(example())), *exported]


def parts(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a document that the schema knows, with its kind."""
    yield "Model", document
    yield from (("Instance", use) for use in document.get("graph", []))
    for block in document["blocks"]:
        yield "Block", block
        for item in block["layers"]:
            yield item["type"] if item["type"] in {"Tensor", "Layer"} else "Op", item


def wrong_values(key: str) -> tuple[Any, ...]:
    """Values of the wrong kind for a key."""
    return (None, 7, True, {}, "text") if key in LISTS else (None, 7, True, {})


@pytest.mark.parametrize("number", range(7))
def test_every_required_key_is_required(plans: list[Path], tmp_path: Path, number: int) -> None:
    """Law: a plan without one of its keys, or with a value of the wrong kind for it, is refused."""
    home = plans[number].parent
    original = json.loads(plans[number].read_text())
    target = home / "mutated.json"
    for index, (kind, part) in enumerate(parts(original)):
        for key in REQUIRED[kind]:
            for value in (..., *wrong_values(key)):
                document = deepcopy(original)
                _, found = list(parts(document))[index]
                found.pop(key) if value is ... else found.update({key: value})
                target.write_text(json.dumps(document))
                assert validate_plan(target), f"{kind}.{key} = {value} in {part.get('name')}"
    target.unlink()


# --- damage at random -------------------------------------------------------------------------------------------------


def slots(value: Any) -> Iterator[Slot]:
    """Every place in a document."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from slots(value[key])


def junk(chance: random.Random, places: list[Slot]) -> Any:
    """A value from nowhere, or from elsewhere in the document."""
    container, key = chance.choice(places)
    texts = (chance.choice(TEXTS), {"size": chance.choice(TEXTS)}, {"const": chance.choice(NUMBERS)})
    others = (None, True, [], {}, [[]], {"float": "nan"}, chance.choice(NUMBERS), [chance.choice(NUMBERS)])
    return chance.choice((*texts, *others, deepcopy(container[key]), deepcopy(container[key])))


def mutate(chance: random.Random, document: Any) -> None:
    """One change: a value replaced, removed, doubled or exchanged, or a key added."""
    places = list(slots(document))
    container, key = chance.choice(places)
    kind = chance.randrange(6)
    if kind == 0:
        del container[key]
    elif kind == 1 and isinstance(container, list):
        container.insert(key, deepcopy(container[key]))
    elif kind == 2 and isinstance(container, dict):
        container[chance.choice(KEYS)] = junk(chance, places)
    elif kind == 3 and isinstance(container, list):
        chance.shuffle(container)
    else:
        container[key] = junk(chance, places)


def outcome(path: Path) -> str:
    """What a damaged plan leads to: a graph that is valid, or declared problems, the same for every reader."""
    found = validate_plan(path, limits=SMALL)
    if found:
        with pytest.raises(LoadError) as caught:
            import_plan(path, limits=SMALL)
        assert caught.value.problems == found
        return "refused"
    import_plan(path, limits=SMALL).verify()
    assert len(canonical_hash(path)) == 64
    return "taken"


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_damaged_documents_are_refused_or_valid(plans: list[Path], seed: int) -> None:
    """Law: whatever is in a document, a reader gives a valid graph or declared problems, and writes nothing."""
    chance = random.Random(seed)  # noqa: S311
    outcomes: set[str] = set()
    for _ in range(MUTATIONS // ROUNDS):
        source = chance.choice(plans)
        document = json.loads(source.read_text())
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            mutate(chance, document)
        path = source.with_name("damaged.json")
        path.write_bytes(json.dumps(document).encode(errors="replace"))
        before = contents(path.parent)
        outcomes.add(outcome(path))
        assert contents(path.parent) == before
        path.unlink()
    assert outcomes == {"refused", "taken"}


def test_damaged_bytes_are_refused_or_valid(plans: list[Path]) -> None:
    """Law: the same holds for flipped, missing and doubled bytes, in the document and in the data."""
    chance = random.Random(1)  # noqa: S311
    for _ in range(DAMAGES):
        home = chance.choice(plans).parent
        path = chance.choice(sorted(home.iterdir()))
        original = path.read_bytes()
        place = chance.randrange(len(original))
        middle = chance.choice((b"", bytes([chance.randrange(256)]), original[place : place + 1] * 2, b"[" * 2000))
        path.write_bytes(original[:place] + middle + original[place + 1 :])
        assert outcome(home / "model.json") in {"refused", "taken"}
        path.write_bytes(original)


def test_damaged_data_is_noticed_by_its_hash(plans: list[Path]) -> None:
    """Every byte of a data file with a hash counts."""
    home = plans[2].parent
    for path in sorted(home.glob("*.bin")):
        original = path.read_bytes()
        path.write_bytes(bytes([original[0] ^ 1]) + original[1:])
        assert {problem.code for problem in validate_plan(home)} == {"E05"}
        path.write_bytes(original)
    assert validate_plan(home) == ()
