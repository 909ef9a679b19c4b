"""Graphs to save, and ways to damage what was saved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve

from nadoo_graphs.contract import CaptureReport, Contract, InputContract, Structure
from nadoo_graphs.encoding import canonical
from nadoo_graphs.errors import LoadError
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.node import Origin
from nadoo_graphs.saving import load, save
from nadoo_graphs.values import ELEMENT_BITS, Value

SORT = "aten.sort.default"


def ramp(*shape: int) -> torch.Tensor:
    """Numbers that differ from each other."""
    return torch.arange(int(torch.Size(shape).numel()), dtype=torch.float32).reshape(shape) / 7 - 1


def tiny_graph() -> ModelGraph:
    """One layer, tied, with two outputs."""
    graph = ModelGraph("tiny")
    source = graph.add_input("x", ("N", 4))
    layer = graph.add("linear", [source], name="fc", tensors={"weight": ramp(3, 4), "bias": ramp(3)})
    graph.tie_tensor("head.weight", "fc.weight")
    graph.add_tensor("mask", torch.tensor([0.0, float("-inf")]), "buffer", persistent=False)
    active = graph.add("relu", [layer], name="act", origin=Origin("block.act", "ReLU", "model.py:3", ("gelu",)))
    graph.set_outputs([active, layer])
    return graph


def rich_graph() -> ModelGraph:
    """Everything that a document can hold: several inputs, symbols, an opaque node, a contract with examples."""
    graph = tiny_graph()
    second = graph.add_input("y", ("T", 3), "int64")
    values = graph.add("reshape", [Value("act")], name="flat", shape=(-1,))
    table = graph.add("tensor", name="table", tensors={"value": ramp(5)})
    arguments = (("operand", 0), -1, True)
    signature = (str(graph.type(table)),)
    options: dict[str, Any] = {"target": SORT, "arguments": arguments, "signature": signature}
    sort = add_opaque(graph, table, options, (graph.type(table), evolve(graph.type(table), dtype="int64")))
    graph.set_outputs([values, sort, Value(sort.node, 1), second])
    graph.contract = rich_contract(graph)
    return graph


def add_opaque(graph: ModelGraph, operand: Value, attributes: dict[str, Any], outputs: tuple[Any, ...]) -> Value:
    """An opaque node, whose types are declared and not inferred."""
    name = "sort"
    full = {"keywords": (), **attributes}
    node = evolve(graph[operand.node], name=name, op="opaque", attributes=full, tensors={}, outputs=outputs)
    graph._put_node(node, graph._new_key())
    graph._connect(operand, name, 0)
    return Value(name)


def rich_contract(graph: ModelGraph) -> Contract:
    """A contract that uses each of its fields."""
    first, second = graph.inputs
    inputs = (
        InputContract(first.name, first.type, -1.0, float("inf"), ramp(2, 4)),
        InputContract(second.name, second.type, 0, 9, torch.zeros(1, 3, dtype=torch.int64)),
    )
    keywords = Structure("dict", (Structure(), Structure("constant", constant=0.5)), ("y", "rate"))
    pair = Structure("named_tuple", (Structure(), Structure()), ("left", "right"), type_name="Pair")
    return Contract(
        inputs=inputs,
        outputs=("a", "b", "c", "d"),
        arguments=Structure("tuple", (Structure(),)),
        keywords=keywords,
        results=Structure("list", (pair, Structure("tuple", (Structure(), Structure())))),
        symbols={"N": (1, None), "T": (2, 64)},
        report=CaptureReport(("dropout is gone",), (SORT,), ("line 1\nline 2",), True),
    )


def graph_of_tensors(tensors: dict[str, torch.Tensor], role: Any = "buffer") -> ModelGraph:
    """A graph that hands out tensors."""
    graph = ModelGraph("tensors")
    for name, value in tensors.items():
        graph.add_tensor(name, value, role)
    graph.set_outputs([graph.add("tensor", tensors={"value": name}) for name in tensors])
    return graph


def every_dtype() -> dict[str, torch.Tensor]:
    """One tensor of every dtype, with numbers that only that dtype can hold."""
    bits = torch.arange(16, dtype=torch.uint8)
    found = {name: bits.view(getattr(torch, name)) for name in ELEMENT_BITS if name != "bool"}
    return {**found, "bool": torch.tensor([True, False])}


def saved(graph: ModelGraph, folder: Path) -> Path:
    """The folder of a saved graph."""
    return save(graph, folder / "graph")


def read(home: Path) -> dict[str, Any]:
    """The document of a saved graph."""
    return json.loads((home / "graph.json").read_text(encoding="utf-8"))


def write(home: Path, document: Any) -> None:
    """Put another document in the place of the one that was saved."""
    (home / "graph.json").write_text(canonical(document), encoding="utf-8")


def change(home: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """Edit the document of a saved graph."""
    document = read(home)
    edit(document)
    write(home, document)
    return home


def node(document: dict[str, Any], name: str) -> dict[str, Any]:
    """One node of a document."""
    return next(item for item in document["nodes"] if item["name"] == name)


def contents(home: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in home.iterdir()}


def data_file(home: Path, kind: str = "tensors") -> Path:
    """The data file of a saved graph."""
    return next(home.glob(f"{kind}-*.safetensors"))


def refused(home: Path, **options: Any) -> LoadError:
    """The refusal of a folder."""
    with pytest.raises(LoadError) as caught:
        load(home, **options)
    return caught.value
