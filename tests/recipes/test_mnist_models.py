"""The networks for digits at 16×16: their work and sizes are those that they are known by."""

import pytest
import torch

import nadoo_core as nadoo
from nadoo_graphs.counting import count
from nadoo_recipes.mnist_models import mnist_cnn, mnist_perceptron

IMAGES = torch.zeros(2, 1, 16, 16)


def weights(model: torch.nn.Module) -> int:
    return sum(item.numel() for item in model.parameters())


def test_the_perceptron_has_as_many_weights_as_multiply_accumulates() -> None:
    graph = nadoo.capture(mnist_perceptron(), IMAGES)
    assert weights(mnist_perceptron()) == 25_216
    assert count(graph).macs({"N": 1}) == 25_216


def test_norms_make_the_size_of_what_a_layer_reads_no_matter() -> None:
    model = mnist_perceptron(norm=True)
    assert weights(model) == 25_216
    images = torch.rand(3, 1, 16, 16)
    assert torch.allclose(model(images), model(images * 1000), rtol=1e-3)
    assert len(nadoo.capture(model, IMAGES).nodes(op="rms_norm")) == 4


@pytest.mark.parametrize(
    ("channels", "hidden", "macs"),
    [
        (16, (64, 48), 51_264 + 4_096 + 3_552),
        (16, (96, 64), 51_264 + 6_144 + 6_784),
        (32, (96, 64), 102_528 + 12_288 + 6_784),
        (64, (96, 64), 205_056 + 24_576 + 6_784),
    ],
)
def test_the_cnn_does_the_published_work(channels: int, hidden: tuple[int, ...], macs: int) -> None:
    graph = nadoo.capture(mnist_cnn(channels, hidden), IMAGES)
    assert count(graph).macs({"N": 1}) == macs


def test_a_third_convolution_that_sees_four_channels_multiplies_four_times_as_much_there() -> None:
    depthwise, mixing = (count(nadoo.capture(mnist_cnn(seen=seen), IMAGES)).macs({"N": 1}) for seen in (1, 4))
    assert mixing - depthwise == 3 * (64 * 9 * 16)


@pytest.mark.parametrize("seen", [0, 3, 16])
def test_channels_that_are_seen_together_divide_all(seen: int) -> None:
    with pytest.raises(ValueError, match=f"seen is {seen}; give a number that divides the 8 channels"):
        mnist_cnn(8, seen=seen)


def test_a_black_image_stays_black_in_every_layer() -> None:
    for model in (mnist_perceptron(), mnist_cnn(8)):
        assert torch.equal(model(IMAGES), torch.zeros(2, 10))
