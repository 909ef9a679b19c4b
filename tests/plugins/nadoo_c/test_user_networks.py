"""Networks as users have them, in several formats: exported, verified, and run with every warning and sanitizer."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nadoo_c.exporting import Options, export
from nadoo_c.host import SANITIZERS, WARNINGS, compile_host
from nadoo_c.kernels import KernelTable
from nadoo_c.verifying import same_bits
from nadoo_cleanup.fold_batch_norm import FoldBatchNorm
from nadoo_core.data import Examples
from nadoo_core.passes import Context, LayerTable, Services
from nadoo_core.registry import Registry
from nadoo_graphs.capture import capture
from nadoo_graphs.graph import ModelGraph
from nadoo_quantization.quantize import Quantize
from tests.plugins.nadoo_c.user_networks import NETWORKS, made

FORMATS = ("float", "int8", "int4", "ternary")
QUICK = {"grouped": "int4", "sides": "float"}
"""One format of some networks; all of all are slow."""


def graph_of(name: str, weights: str) -> tuple[ModelGraph, list[torch.Tensor]]:
    """A network in a format, and inputs."""
    module, inputs = made(name)
    graph = capture(module, tuple(value[:2] for value in inputs))
    if graph.nodes(op="batch_norm"):
        graph = FoldBatchNorm().run(graph).graph
    if weights == "float":
        return graph, inputs
    services = Services(data={"calibration": Examples(inputs[0])})
    step = Quantize(weights=LayerTable({"*": weights}), report="weights")
    return step.run(graph, Context(step="quantize", services=services)).graph, inputs


def exports(name: str, weights: str, folder: Path) -> None:
    """Export, verify, and run once more with sanitizers."""
    graph, inputs = graph_of(name, weights)
    artifact = export(graph, folder, Options(name="net"), inputs, KernelTable.of(Registry.of()))
    assert artifact.report["verified"]["against_graph"] is not None
    checked = compile_host(artifact.unit, folder, folder / "build", (*WARNINGS, "-O1", *SANITIZERS), "checked")
    vectors = np.load(folder / "vectors.npz")
    found, _ = checked.run([vectors[f"in_{index}"] for index in range(len(inputs))])
    assert all(same_bits(array, vectors[f"out_{index}"]).all() for index, array in enumerate(found))


@pytest.mark.parametrize("name", QUICK)
def test_networks_of_users_become_c(name: str, tmp_path: Path) -> None:
    exports(name, QUICK[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("weights", FORMATS)
@pytest.mark.parametrize("name", [name for name in NETWORKS if len(NETWORKS[name][1]) == 1])
def test_networks_of_users_become_c_in_every_format(name: str, weights: str, tmp_path: Path) -> None:
    exports(name, weights, tmp_path)
