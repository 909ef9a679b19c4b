"""What ranges are said to come from: whatever took a share of the time that a reader can see."""

import pytest

from nadoo_core.cost import CostNumber, Device
from nadoo_hardware.estimators.basis import latency_basis
from nadoo_hardware.estimators.latency import BASES, Timed

FIRST, SECOND, *_ = BASES


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((1.0, 0.0), [BASES[FIRST]]),
        ((1.0, 0.004), [BASES[FIRST]]),
        ((3.0, 1.0), [f"{BASES[FIRST]} (75% of the time)", f"{BASES[SECOND]} (25% of the time)"]),
        ((0.0, 0.0), [BASES[FIRST], BASES[SECOND]]),
    ],
)
def test_bases_of_no_visible_share_are_not_named(seconds: tuple[float, float], expected: list[str]) -> None:
    times = [Timed(CostNumber.exact(each), basis) for each, basis in zip(seconds, (FIRST, SECOND), strict=True)]
    assert latency_basis(Device(name="toy"), times) == "; ".join(expected)
