"""The models that our recipes begin with."""

import torch

import nadoo_core as nadoo
from nadoo_recipes.models import digits_cnn


def test_the_digits_network_classifies_images_of_8_by_8() -> None:
    assert digits_cnn()(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


def test_its_width_is_an_argument() -> None:
    sizes = [sum(item.numel() for item in digits_cnn(channels).parameters()) for channels in (4, 8)]
    assert sizes[0] < sizes[1]


def test_it_is_captured_without_opaque_nodes() -> None:
    graph = nadoo.capture(digits_cnn(), torch.zeros(2, 1, 8, 8))
    assert graph.nodes(op="opaque") == ()
    assert len(graph.nodes(op="batch_norm")) == 3
