"""A format of any levels: what a plugin needs no codec and no packing of its own for."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.errors import FormatError
from nadoo_graphs.formats import level_table

LEVELS = st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=40, unique=True).map(sorted)


@settings(max_examples=50)
@given(LEVELS, st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=9), st.sampled_from([1.0, 0.25, 3.0]))
def test_a_value_becomes_the_nearest_level_and_survives_packing(
    levels: list[float], values: list[float], scale: float
) -> None:
    row = level_table("mine", levels, "drawn")
    codes = row.encode(torch.tensor([values]), scale, allow_degenerate=True)
    for value, code in zip(values, codes[0].tolist(), strict=True):
        distances = [abs(value / scale - level) for level in levels]
        assert distances[code] == pytest.approx(min(distances), rel=1e-6, abs=1e-12)
    assert torch.equal(row.unpack(row.pack(codes), codes.shape), codes)
    assert row.has_zero is (0.0 in levels)
    assert row.bits == (len(levels) - 1).bit_length()


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([0.0, 1.0, 1.0], "each above the one before"),
        ([1.0, 0.0], "each above the one before"),
        ([0.0, float("nan")], "give finite numbers"),
        ([0.0, float("inf")], "give finite numbers"),
        ([], "it has 0 codes"),
        ([1.0], "it has 1 codes"),
        (list(range(257)), "it has 257 codes"),
    ],
)
def test_levels_that_make_no_format_are_refused(levels: list[float], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        level_table("mine", levels, "wrong")
