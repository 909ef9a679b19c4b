"""Cost numbers: ranges that add up, and unknowns that stay unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nadoo_core.cost import CostNumber
from nadoo_core.cost.number import total

VALUES = st.floats(0, 1e9)


@st.composite
def numbers(draw: st.DrawFn) -> CostNumber:
    if draw(st.booleans()):
        return CostNumber.unknown(draw(st.sampled_from(["clock_hz is not known", "no bandwidth is known"])))
    return CostNumber.within(draw(VALUES), draw(st.floats(0, 1)), draw(st.floats(1, 5)))


@given(st.lists(numbers(), max_size=6))
def test_a_sum_is_known_only_if_all_parts_are_and_keeps_every_reason(parts: list[CostNumber]) -> None:
    found = total(parts)
    assert found.known == all(part.known for part in parts)
    assert set(found.reasons) == {reason for part in parts for reason in part.reasons}
    if found.value is not None and found.low is not None and found.high is not None:
        assert found.value == pytest.approx(sum(part.value or 0 for part in parts))
        assert found.low <= found.value * (1 + 1e-12)
        assert found.high >= found.value * (1 - 1e-12)


@given(VALUES, st.floats(0, 1e3))
def test_many_of_a_number_are_that_many_times_as_wide(value: float, factor: float) -> None:
    number = CostNumber.within(value, 0.5, 2).times(factor)
    assert number.low == pytest.approx(value * factor / 2)
    assert number.high == pytest.approx(value * factor * 2)


def test_an_unknown_is_no_number_in_documents() -> None:
    assert CostNumber.unknown("x").document("latency_s") == {
        "latency_s": None, "latency_s_low": None, "latency_s_high": None,
    }  # fmt: skip
    assert CostNumber.unknown("x").times(3) == CostNumber.unknown("x")
    assert CostNumber.unknown("x").width == float("inf")
    assert CostNumber.exact(0).width == 0
