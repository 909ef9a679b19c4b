"""Small recurrent layers over codes, beside the numbers from which the reference computes them."""

from typing import Any

import numpy as np
import torch
from attrs import frozen

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from tests.graphs.ops.quantized import reference as ref
from tests.graphs.ops.quantized.recurrent_reference import GATES, Cell, Ints, stacked

STEPS, BATCH, FEATURES, HIDDEN = 5, 2, 4, 3


@frozen
class Drawn:
    """A graph, its inputs, and the codes that the reference gives for them."""

    graph: ModelGraph
    inputs: tuple[torch.Tensor, ...]
    codes: tuple[Ints, ...]

    @property
    def node(self) -> str:
        """The name of the layer."""
        return next(node.name for node in self.graph.nodes() if node.op.startswith("quantized_"))


def matrices(
    random: np.random.Generator, kind: str, layers: int, endings: tuple[str, ...], biased: bool
) -> dict[str, Any]:
    """Matrices with a scale for each row or for all, and biases."""
    found: dict[str, Any] = {}
    rows = HIDDEN * GATES[kind]
    for layer in range(layers):
        for ending in endings:
            name = f"l{layer}{ending}"
            columns = HIDDEN * len(endings) if layer else FEATURES
            for part, width in (("ih", columns), ("hh", HIDDEN)):
                found[f"weight_{part}_{name}"] = random.normal(size=(rows, width)).astype(np.float32)
                shape = (rows,) if random.random() < 0.5 else ()
                found[f"scale_{part}_{name}"] = np.asarray(random.uniform(0.02, 0.3, shape), dtype=np.float32)
                if biased:
                    found[f"bias_{part}_{name}"] = random.normal(size=rows).astype(np.float32)
    return found


def drawn_recurrent(seed: int, kind: str) -> Drawn:
    """A layer of one kind; everything else is drawn."""
    random = np.random.default_rng(seed)
    layers, biased, first = int(random.integers(1, 3)), bool(random.random() < 0.7), bool(random.random() < 0.5)
    endings = ("", "_reverse") if random.random() < 0.5 else ("",)
    form = str(random.choice(["int8", "int4", "4bitsym", "ternary"]))
    mode, name = str(random.choice(["double", "single", "shift"])), str(random.choice(["int8", "uint8", "int16"]))
    point = int(random.integers(100, 156)) if name == "uint8" else None
    bits = 15 if kind == "gru" else int(random.integers(8, 16))
    steps = {
        "input": np.float32(random.uniform(0.01, 0.05)),
        "output": np.float32(random.uniform(0.005, 0.02) / (200 if name == "int16" else 1)),
        "state": np.float32(2.0**-bits),
    }
    cell = Cell(kind, mode, form, (float(steps["input"]), 0), (float(steps["output"]), point or 0),
                ref.code_range(name, point) if point is not None or name != "uint8" else (0, 255), bits,
                matrices(random, kind, layers, endings, biased))  # fmt: skip
    return built(random, cell, steps, name, (layers, endings, biased, first))


Form = tuple[int, tuple[str, ...], bool, bool]
"""Layers, endings of directions, whether there are biases, and whether the batch comes first."""


def built(random: np.random.Generator, cell: Cell, steps: dict[str, Any], name: str, form: Form) -> Drawn:
    """The graph of a cell: quantized inputs, the layer, and its codes as outputs."""
    layers, endings, biased, first = form
    graph = ModelGraph(f"{cell.kind}")
    scales = {role: graph.add_tensor(f"{role}_step", torch.tensor(step), "buffer") for role, step in steps.items()}
    output = {"scale": scales["output"]}
    if cell.target[1]:
        output["zero_point"] = graph.add_tensor("output_point", torch.tensor(cell.target[1]), "buffer")
    grids = [("int8", {"scale": scales["input"]}), (name, output), ("int16", {"scale": scales["state"]})]
    shape = ("N", STEPS, FEATURES) if first else (STEPS, "N", FEATURES)
    states = {"lstm": grids[1:], "gru": grids[2:]}.get(cell.kind, grids[1:2])
    values = [quantized(random, graph, (index, shape if not index else (layers * len(endings), "N", HIDDEN)), grid)
              for index, grid in enumerate([grids[0], *states])]  # fmt: skip
    roles = {"input_scale": scales["input"], **{f"output_{role}": tensor for role, tensor in output.items()}}
    roles |= {"state_scale": scales["state"]} if cell.kind in {"lstm", "gru"} else {}
    given = {role: torch.as_tensor(item) for role, item in cell.tensors.items()}
    graph.add(f"quantized_{cell.kind}", [item[0] for item in values], name="layer", tensors={**given, **roles},
              layers=layers, bidirectional=len(endings) > 1, batch_first=first, has_biases=biased,
              weight_format=cell.form, output_format=name, requantize=cell.mode)  # fmt: skip
    graph.set_outputs([Value("layer", index) for index in range(len(values))])
    codes = [item[2] for item in values]
    value, ends = stacked(cell, codes[0].transpose(1, 0, 2) if first else codes[0], codes[1:], layers, endings)
    return Drawn(graph, tuple(item[1] for item in values), (value.transpose(1, 0, 2) if first else value, *ends))


def quantized(
    random: np.random.Generator, graph: ModelGraph, place: tuple[int, tuple[Any, ...]], grid: tuple[str, dict[str, str]]
) -> tuple[Value, torch.Tensor, Ints]:
    """An input as codes of a grid: the value, its numbers, and the reference's codes."""
    (index, sizes), (name, tensors) = place, grid
    value = graph.add_input(f"in{index}", sizes)
    real = random.normal(size=[BATCH if size == "N" else size for size in sizes]).astype(np.float32)
    made = graph.add("quantize", [value], format=name, tensors=tensors)
    zero = int(graph.tensor(tensors["zero_point"])) if "zero_point" in tensors else 0
    codes = ref.quantize(real, float(graph.tensor(tensors["scale"])), zero, ref.code_range(name, zero or None))
    return made, torch.from_numpy(real), codes
