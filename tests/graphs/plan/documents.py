"""Plans written by hand: the model of the worked example, Linear(2→3) · relu · Linear(3→1), in pieces to change."""

import copy
import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Document: TypeAlias = dict[str, Any]
EXAMPLE_INPUT = (1.0, -2.0)
EXAMPLE_OUTPUT = 1.25
FILES: dict[str, tuple[float, ...]] = {
    "w1.bin": (1, 2, 0, -1, 3, 1),
    "b1.bin": (0.5, 0, -1),
    "w2.bin": (1, 0.5, -2),
    "b2.bin": (0.25,),
}


def tensor(name: str, shape: list[int], data: str, **more: Any) -> Document:
    return {"type": "Tensor", "name": name, "shape": shape, "datatype": "float32", "data": data, **more}


def layer(name: str, inputs: Any, outputs: Any, weights: dict[str, str] | None = None, **params: Any) -> Document:
    return {
        "type": "Layer",
        "name": name,
        "params": params,
        "weights": weights or {},
        "tensor_input": inputs,
        "tensor_output": outputs,
    }


def operation(sign: str, inputs: Any, output: str, **more: Any) -> Document:
    return {"type": sign, "tensor_input": inputs, "tensor_output": output, **more}


def block(name: str, inputs: list[Any], outputs: list[Any], layers: list[Document]) -> Document:
    return {
        "type": "Block",
        "name": name,
        "input_shape": inputs,
        "input_datatype": "float32",
        "output_shape": outputs,
        "output_datatype": "float32",
        "layers": layers,
    }


def model(inputs: list[Any], outputs: list[Any], blocks: list[Document], **more: Any) -> Document:
    return {
        "type": "Model",
        "ir": "1.0",
        "name": "by hand",
        "input_shape": inputs,
        "input_datatype": "float32",
        "output_shape": outputs,
        "output_datatype": "float32",
        "blocks": blocks,
        **more,
    }


def example() -> Document:
    """The worked example: X = (1, -2) → (-2.5, 2, 0) → (0, 2, 0) → Y = 1.25."""
    hidden = block(
        "hidden",
        [2],
        [3],
        [
            tensor("W1", [3, 2], "w1.bin"),
            tensor("b1", [3], "b1.bin"),
            layer("Linear", "X", "h", {"weight": "W1", "bias": "b1"}, in_features=2, out_features=3),
            layer("ReLU", "h", "Y"),
        ],
    )
    head = block(
        "head",
        [3],
        [1],
        [
            tensor("W2", [1, 3], "w2.bin"),
            tensor("b2", [1], "b2.bin"),
            layer("Linear", "X", "Y", {"weight": "W2", "bias": "b2"}, in_features=3, out_features=1),
        ],
    )
    return model([2], [1], [hidden, head])


def with_graph(document: Document) -> Document:
    """The example with its blocks put together by a list instead of by their order."""
    graph = [
        {"block": "hidden", "as": "first", "inputs": ["X"], "outputs": ["h"]},
        {"block": "head", "as": "second", "inputs": ["first.h"], "outputs": ["Y"]},
    ]
    return {**document, "graph": graph}


def of_two(sign: str, second: Any, shape: list[Any] | None = None, **more: Any) -> Document:
    """A model with one operation on its two inputs, or on one of them and something else."""
    shape = shape or [4]
    piece = block("only", [shape, shape], shape, [operation(sign, second, "Y", **more)])
    document = model([shape, shape], shape, [piece])
    for part in (piece, document):
        part["input_datatype"] = ["float32", "float32"]
    return document


def write(folder: Path, document: Any, files: dict[str, tuple[float, ...]] | None = None) -> Path:
    """A plan in a folder, its files as little-endian float32."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, numbers in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(np.array(numbers, "<f4").tobytes())
    path = folder / "model.json"
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def without_extensions(value: Any) -> Any:
    """A document without any key that begins with `x_`; a symbol may be called so all the same."""
    if isinstance(value, list):
        return [without_extensions(item) for item in value]
    if not isinstance(value, dict):
        return copy.copy(value)
    return {
        key: item if key == "symbols" else without_extensions(item)
        for key, item in value.items()
        if not key.startswith("x_")
    }
