"""Augmentation: each option does what it says, and the same place in a training sees the same images."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from nadoo_core.data import Augmentation, Examples
from nadoo_core.data.augmentation import Draws
from nadoo_core.data.images import resized
from nadoo_core.data.order import derived_seed
from nadoo_core.errors import DataError, OptionError

EVERYTHING = Augmentation(
    flip=True, flip_vertical=True, rotation=30, shift=0.2, scale=(0.8, 1.2), brightness=0.2, contrast=0.2,
    saturation=0.5, elastic=0.05,
)  # fmt: skip


def images(count: int = 6, channels: int = 3, height: int = 8, width: int = 8) -> torch.Tensor:
    return torch.rand((count, channels, height, width), generator=torch.Generator().manual_seed(1))


def test_without_options_the_images_are_the_same_object() -> None:
    given_images = images()
    assert Augmentation().apply(given_images, 0, 0, 0) is given_images


@given(st.integers(0, 2**31), st.integers(0, 50), st.integers(0, 500))
def test_a_place_in_the_training_decides(seed: int, epoch: int, batch: int) -> None:
    """apply is a function of images, seed, epoch and batch; the originals and the global random state are untouched."""
    original, before = images(), torch.get_rng_state()
    first = EVERYTHING.apply(original, seed, epoch, batch)
    assert torch.equal(first, EVERYTHING.apply(original, seed, epoch, batch))
    assert not torch.equal(first, EVERYTHING.apply(original, seed, epoch, batch + 1))
    assert torch.equal(original, images()) and torch.equal(before, torch.get_rng_state())


def test_images_of_a_batch_are_varied_independently() -> None:
    same = images(1).expand(8, -1, -1, -1)
    varied = EVERYTHING.apply(same, 0, 0, 0)
    assert len({tuple(image.reshape(-1).tolist()) for image in varied}) == 8


@pytest.mark.parametrize(("options", "axis"), [({"flip": True}, 3), ({"flip_vertical": True}, 2)])
def test_a_flip_mirrors_some_images_and_leaves_the_others(options: dict[str, bool], axis: int) -> None:
    original = images(40)
    varied = Augmentation(**options).apply(original, 0, 0, 0)
    mirrored = original.flip(axis)
    same = torch.isclose(varied, original, atol=1e-5).all(-1).all(-1).all(-1)
    flipped = torch.isclose(varied, mirrored, atol=1e-5).all(-1).all(-1).all(-1)
    assert bool((same ^ flipped).all()) and 5 < int(flipped.sum()) < 35


def test_a_shift_moves_by_at_most_its_share() -> None:
    spot = torch.zeros(50, 1, 21, 21)
    spot[:, 0, 10, 10] = 1
    varied = Augmentation(shift=0.2).apply(spot, 0, 0, 0)
    places = varied.reshape(50, -1).argmax(1)
    rows, columns = places // 21 - 10, places % 21 - 10
    assert int(rows.abs().max()) <= 5 and int(columns.abs().max()) <= 5 and len(places.unique()) > 10


def test_a_rotation_turns_about_the_centre_whatever_the_aspect() -> None:
    """The distance from the centre is kept in pixels, also in images that are no squares."""
    spot = torch.zeros(30, 1, 21, 41)
    spot[:, 0, 10, 26] = 1
    varied = Augmentation(rotation=90).apply(spot, 0, 0, 0)
    places = varied.reshape(30, -1).argmax(1)
    rows, columns = (places // 41 - 10).double(), (places % 41 - 20).double()
    distance = (rows**2 + columns**2).sqrt()
    assert float((distance - 6).abs().max()) < 1 and float(rows.abs().max()) > 4


def test_a_scale_magnifies() -> None:
    disc = torch.zeros(1, 1, 20, 20)
    disc[:, :, 8:12, 8:12] = 1
    larger = Augmentation(scale=(2.0, 2.0)).apply(disc, 0, 0, 0)
    assert float(larger.sum()) == pytest.approx(4 * float(disc.sum()), rel=0.05)


def test_an_elastic_displacement_bends_and_stays_small() -> None:
    ramp = torch.linspace(0, 1, 32).expand(4, 1, 32, 32)
    varied = Augmentation(elastic=0.05).apply(ramp, 0, 0, 0)
    assert 0.005 < float((varied - ramp).abs().max()) < 0.1


def test_brightness_adds_the_same_to_all_pixels() -> None:
    original = images()
    change = (Augmentation(brightness=0.3).apply(original, 0, 0, 0) - original).flatten(1)
    assert float(change.std(1).max()) < 1e-6 and 0 < float(change.abs().max()) <= 0.3


def test_contrast_keeps_the_mean() -> None:
    original = images()
    varied = Augmentation(contrast=0.5).apply(original, 0, 0, 0)
    assert torch.allclose(varied.mean((1, 2, 3)), original.mean((1, 2, 3)), atol=1e-6)
    ratio = varied.flatten(1).std(1) / original.flatten(1).std(1)
    assert float(ratio.min()) >= 0.5 and float(ratio.max()) <= 1.5 and float(ratio.std()) > 0.01


def test_saturation_keeps_grey_images_and_the_luminance() -> None:
    colour, grey = images(), images(channels=1)
    strong = Augmentation(saturation=1.0)
    assert torch.equal(strong.apply(grey, 0, 0, 0), grey)
    varied = strong.apply(colour, 0, 0, 0)
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    assert torch.allclose((varied * weights).sum(1), (colour * weights).sum(1), atol=1e-6)
    assert not torch.allclose(varied, colour)


def test_a_resize_changes_the_size_only() -> None:
    assert Augmentation(resize=5).apply(images(), 0, 0, 0).shape == (6, 3, 5, 5)
    flat = torch.full((2, 1, 8, 8), 0.25)
    assert torch.allclose(Augmentation(resize=16).apply(flat, 0, 0, 0), torch.tensor(0.25))


def test_larger_images_are_varied_and_then_shrunk() -> None:
    """What a share leaves alone is the input itself, and what is moved is as sharp as that."""
    larger = images(channels=1, height=16, width=16)
    examples = Examples(resized(larger, 8), None, larger)
    assert torch.equal(Augmentation(share=0.0, flip=True).vary(examples, "cpu", 0, 0, 0), examples.inputs)
    varied = EVERYTHING.vary(examples, "cpu", 3, 2, 1)
    assert torch.equal(varied, resized(EVERYTHING.apply(larger, 3, 2, 1), 8))
    alone = EVERYTHING.vary(Examples(examples.inputs), "cpu", 3, 2, 1)
    assert torch.equal(alone, EVERYTHING.apply(examples.inputs, 3, 2, 1)) and not torch.equal(alone, varied)


@pytest.mark.parametrize("wrong", [torch.rand(4, 16), torch.zeros(2, 1, 4, 4, dtype=torch.uint8)])
def test_what_is_no_image_is_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(DataError, match="is for floating images"):
        EVERYTHING.apply(wrong, 0, 0, 0)


def test_wrong_options_are_named_at_once() -> None:
    with pytest.raises(OptionError) as caught:
        Augmentation(rotation=200, shift=2.0, brightness=-1.0, elastic_points=1, resize=0)
    assert len(caught.value.problems) == 5
    with pytest.raises(OptionError, match="give the smaller magnification first"):
        Augmentation(scale=(1.2, 0.8))
    with pytest.raises(OptionError, match=r"share is 0\.5 and resize changes the size of every image"):
        Augmentation(share=0.5, resize=8)


def test_a_share_of_the_images_is_varied_and_the_rest_stays_bit_for_bit() -> None:
    original = torch.rand(400, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    everything = Augmentation(rotation=20, brightness=0.2).apply(original, 3, 1, 2)
    half = Augmentation(rotation=20, brightness=0.2, share=0.5).apply(original, 3, 1, 2)
    same = (half == original).flatten(1).all(1)
    assert 120 < int(same.sum()) < 280
    assert torch.equal(half[~same], everything[~same])
    assert torch.equal(Augmentation(rotation=20, share=0.0).apply(original, 3, 1, 2), original)


@pytest.mark.parametrize("side", [(12, 20), (16, 16), (5, 7)])
def test_images_move_as_torch_would_move_them(side: tuple[int, int]) -> None:
    """The map and the displacement are computed at once here; torch's own functions take twice as long."""
    given_images = images(6, 2, *side)
    chosen = Augmentation(rotation=20, shift=0.2, scale=(0.7, 1.2), flip=True, elastic=0.1)
    draws = Draws(derived_seed("augmentation", 3, 1, 2), given_images)
    grid = F.affine_grid(chosen.maps(draws), [6, 2, *side], align_corners=False)
    bound = 2 * chosen.elastic
    field = draws.uniform(-bound, bound, (2, chosen.elastic_points, chosen.elastic_points))
    grid = grid + F.interpolate(field, size=side, mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    expected = F.grid_sample(given_images, grid, padding_mode="border", align_corners=False)
    assert torch.allclose(chosen.apply(given_images, 3, 1, 2), expected, atol=1e-5)
