"""The formulas of GAP8: worked by hand, rising in steps, and never falling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.formulas import FormulaError, gap8_conv_cycles, gap8_depthwise_cycles, gap8_linear_cycles

SIZE = st.integers(1, 64)


def test_a_convolution_worked_by_hand() -> None:
    # 3×3, 16 inputs: k²c = 144; ⌈8/2⌉·⌈8/8⌉·(288 + ⌈32/4⌉·(5 + 14·36 + 10))
    assert gap8_conv_cycles(3, 16, 32, 8, 8) == 4 * 1 * (288 + 8 * 519)


def test_a_depthwise_convolution_and_a_linear_layer_worked_by_hand() -> None:
    assert gap8_depthwise_cycles(3, 30, 8, 10) == 4 * 8 * 80 * 9
    assert gap8_linear_cycles(101, 10) == 51 * 3


@given(SIZE, SIZE)
def test_channels_within_one_tile_cost_the_same(inputs: int, tiles: int) -> None:
    costs = {gap8_conv_cycles(3, inputs, 4 * tiles - spare, 8, 8) for spare in range(4)}
    assert len(costs) == 1
    assert gap8_conv_cycles(3, inputs, 4 * tiles + 1, 8, 8) > costs.pop()


@given(SIZE, SIZE, SIZE, SIZE, st.integers(1, 7))
def test_no_size_makes_it_faster(inputs: int, outputs: int, height: int, width: int, kernel: int) -> None:
    base = gap8_conv_cycles(kernel, inputs, outputs, height, width)
    assert base > 0
    assert gap8_conv_cycles(kernel + 1, inputs, outputs, height, width) >= base
    assert gap8_conv_cycles(kernel, inputs + 1, outputs, height, width) >= base
    assert gap8_conv_cycles(kernel, inputs, outputs + 1, height, width) >= base
    assert gap8_conv_cycles(kernel, inputs, outputs, height + 1, width + 1) >= base
    assert gap8_linear_cycles(inputs + 1, outputs + 1) >= gap8_linear_cycles(inputs, outputs)
    assert gap8_depthwise_cycles(kernel, inputs + 1, height, width) >= gap8_depthwise_cycles(
        kernel, inputs, height, width
    )


def test_sizes_below_one_are_refused_together() -> None:
    with pytest.raises(FormulaError) as caught:
        gap8_conv_cycles(0, 1, 1, -2, 1)
    assert [item.where for item in caught.value.problems] == ["kernel", "height"]
