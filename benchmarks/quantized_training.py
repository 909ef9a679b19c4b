"""A training step over codes against the step of the float network, and the encoding of 25 million weights.

python -m benchmarks.quantized_training [--record]

The network is three convolutions and a linear layer at 16×16 and 28×28, batch 64; times are the processor's, the best
of 24 steps that take turns.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import argparse
import json
import time
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.figures import RESULTS, SEED
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value

CHANNELS, BATCH, ROUNDS = 32, 64, 24
LAYERS = ((CHANNELS, False), (CHANNELS, True), (2 * CHANNELS, True))
WEIGHTS = (5000, 5000)


def float_network(side: int) -> nn.Module:
    """The network in floating point."""
    layers: list[nn.Module] = []
    inputs = 1
    for outputs, pooled in LAYERS:
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), *([nn.MaxPool2d(2)] if pooled else [])]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * (side // 4) ** 2, 10))


def quantized_network(side: int, form: str, mode: str) -> nn.Module:
    """The same network over codes."""
    graph = ModelGraph("network")
    value, scale, inputs = graph.add_input("x", ("N", 1, side, side)), "quantize.scale", 1
    value = graph.add("quantize", [value], tensors={"scale": torch.tensor(1 / 127)})
    for index, (outputs, pooled) in enumerate(LAYERS):
        value = convolution(graph, value, (inputs, outputs), scale, {"weight_format": form, "requantize": mode})
        value = graph.add("max_pool2d", [value], kernel_size=(2, 2)) if pooled else value
        scale, inputs = f"{graph.nodes(op='quantized_conv2d')[index].name}.output_scale", outputs
    weight = torch.randn(10, inputs * (side // 4) ** 2) / 50
    tensors: dict[str, Any] = {"weight": weight, "weight_scale": torch.tensor(0.01), "input_scale": scale}
    settings: dict[str, Any] = {"weight_format": form, "output_format": "int32", "requantize": "none"}
    sums = graph.add("quantized_linear", [graph.add("flatten", [value])], tensors=tensors, **settings)
    names = {"scale": scale, "weight_scale": "quantized_linear.weight_scale"}
    graph.set_outputs([graph.add("dequantize", [sums], tensors=names)])
    return graph.to_module()


def convolution(graph: ModelGraph, value: Value, sizes: tuple[int, int], scale: str, settings: dict[str, Any]) -> Value:
    """A convolution over codes with a relu in its clamp."""
    inputs, outputs = sizes
    tensors: dict[str, Any] = {
        "weight": torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5,
        "weight_scale": torch.full((outputs,), 0.02),
        "bias": torch.zeros(outputs),
        "input_scale": scale,
        "output_scale": torch.tensor(0.02),
    }
    return graph.add("quantized_conv2d", [value], padding=(1, 1), minimum=0, tensors=tensors, **settings)


def step_seconds(module: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> float:
    """One step of training."""
    started = time.process_time()
    optimizer.zero_grad()
    F.cross_entropy(module(images), labels).backward()
    optimizer.step()
    return time.process_time() - started


def steps(side: int) -> dict[str, float]:
    """Each quantized step over the float one."""
    images, labels = torch.rand(BATCH, 1, side, side), torch.randint(0, 10, (BATCH,))
    modules = {"float": float_network(side), "int8, double": quantized_network(side, "int8", "double")}
    modules["int8, single"] = quantized_network(side, "int8", "single")
    modules["4bitsym, double"] = quantized_network(side, "4bitsym", "double")
    optimizers = {name: torch.optim.Adam(module.train().parameters()) for name, module in modules.items()}
    best = dict.fromkeys(modules, float("inf"))
    for _ in range(ROUNDS):
        for name, module in modules.items():
            best[name] = min(best[name], step_seconds(module, optimizers[name], images, labels))
    return {name: round(seconds / best["float"], 2) for name, seconds in best.items()}


def encodings() -> dict[str, float]:
    """Seconds for 25 million weights."""
    weights, found = torch.randn(WEIGHTS), dict[str, float]()
    for name in ("int8", "int4", "4bitsym", "ternary", "fp130", "nf4"):
        started = time.process_time()
        standard_formats()[name].encode(weights, 0.1)
        found[name] = round(time.process_time() - started, 3)
    return found


def main() -> None:
    """Print the ratios, and write them where they are kept if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    result: dict[str, Any] = {"step_over_float": {str(side): steps(side) for side in (16, 28)}}
    result["encode_25_million_seconds"] = encodings()
    result |= {"seed": SEED, "torch": version("torch"), "command": "python -m benchmarks.quantized_training --record"}
    print(json.dumps(result, indent=2))
    if options.record:
        (RESULTS / "quantized_training.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
