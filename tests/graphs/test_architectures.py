"""The networks that everybody knows, each captured, executed, trained for a step, saved and loaded."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from nadoo_graphs.capture import capture
from nadoo_graphs.saving import load
from tests.models.architectures import MobileNetV2, VisionTransformer, densenet_121, resnet_50

NETWORKS = {
    "resnet_50": (resnet_50, 64),
    "mobilenet_v2": (MobileNetV2, 64),
    "densenet_121": (densenet_121, 64),
    "vision_transformer": (lambda: VisionTransformer(image=64, depth=3, dropout=0.1), 64),
}


def stepped(module: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """The state after one step of training from a fixed seed."""
    torch.manual_seed(2)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    module(images).square().mean().backward()
    optimizer.step()
    return module.state_dict()


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_of_a_network_is_lost(name: str, tmp_path: Path) -> None:
    build, size = NETWORKS[name]
    model = build().eval()
    graph = capture(model, torch.randn(1, 3, size, size))
    assert graph.contract.report.lines() == ()
    images = torch.randn(3, 3, size, size)
    loaded = load(graph.save(tmp_path))
    module = loaded.to_module()
    assert loaded.fingerprint() == graph.fingerprint()
    assert torch.equal(module(images), model(images))
    ours, theirs = stepped(module, images), stepped(copy.deepcopy(model), images)
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    graph.set_tensors(ours)
    graph.verify()
    assert graph.fingerprint() != loaded.fingerprint()
