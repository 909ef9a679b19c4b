"""room_for_bias: scales that leave a bias room in the accumulator, and no others than those that have to."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.quantizing import room_for_bias

LARGEST = 2.0**29


@given(
    bias=st.floats(-100, 100, width=32),
    scale=st.floats(2.0**-100, 10, width=32),
    step=st.floats(2.0**-30, 10, width=32),
    unit=st.sampled_from([1.0, 127.0]),
)
def test_a_bias_fits_and_scales_that_it_fits_at_stay(bias: float, scale: float, step: float, unit: float) -> None:
    found = room_for_bias(torch.tensor([scale, 1e3]), torch.tensor([bias, bias]), step, unit).double()
    assert abs(bias) * unit / (step * float(found[0])) <= LARGEST * (1 + 1e-6)
    if abs(bias) * unit / (step * scale) <= LARGEST * (1 - 1e-6):
        assert float(found[0]) == scale


def test_one_scale_for_all_channels_has_room_for_the_largest_bias() -> None:
    found = room_for_bias(torch.tensor(1e-20), torch.tensor([0.5, -2.0]), 0.25, 1.0)
    assert found.shape == ()
    assert float(found) * 0.25 * LARGEST == 2.0


def test_without_a_bias_every_scale_stays() -> None:
    scale = torch.tensor([1e-30, 1.0])
    assert room_for_bias(scale, None, 1e-9, 1.0) is scale
