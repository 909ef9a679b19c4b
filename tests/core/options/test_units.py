"""Numbers with units: what a text stands for, and why some stand for nothing."""

import pytest
from hypothesis import given, strategies

from nadoo_core.options import Unit


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        (Unit.BYTES, "64 KiB", 65536), (Unit.BYTES, "2MiB", 2 * 1024**2), (Unit.BYTES, "0.5 KiB", 512),
        (Unit.BYTES, "17 B", 17), (Unit.BYTES, "1 GiB", 1024**3), (Unit.SECONDS, "2 ms", 0.002),
        (Unit.SECONDS, "3 µs", 3e-6), (Unit.SECONDS, "1.5 min", 90.0), (Unit.SECONDS, "5 ns", 5e-9),
        (Unit.SHARE, "1 %", 0.01), (Unit.SHARE, "12.5%", 0.125), (Unit.SHARE, "100 %", 1.0),
    ],
)  # fmt: skip
def test_a_text_stands_for_a_number(unit: Unit, text: str, expected: float) -> None:
    assert unit.read(text) == expected


@pytest.mark.parametrize(
    ("unit", "text", "reason"),
    [
        (Unit.BYTES, "64 KB", "write '64 KiB'"), (Unit.BYTES, "64 kB", "write '64 KiB'"),
        (Unit.BYTES, "2 MB", r"write '2 MiB' \(1048576 B each\)"), (Unit.BYTES, "0.3 B", "a whole number of bytes"),
        (Unit.BYTES, "9999999999999 GiB", "below 2"), (Unit.BYTES, "1 XiB", "the unit 'XiB' is unknown"),
        (Unit.BYTES, "-1 KiB", "give bytes"), (Unit.BYTES, "KiB", "give bytes"), (Unit.SECONDS, "2", "give seconds"),
        (Unit.SECONDS, "2 m", "the unit 'm' is unknown"), (Unit.SHARE, "1 percent", "the unit 'percent' is unknown"),
        (Unit.SHARE, "nan %", "give a fraction"), (Unit.SHARE, "1e2 %", "give a fraction"),
    ],
)  # fmt: skip
def test_a_text_that_could_mean_something_else_is_refused(unit: Unit, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unit.read(text)


@given(strategies.integers(0, 2**40))
def test_a_size_in_kibibytes_is_that_many_times_1024(size: int) -> None:
    """read("n KiB") = 1024 n, exactly."""
    assert Unit.BYTES.read(f"{size} KiB") == size * 1024


@given(strategies.text())
def test_any_text_is_a_number_or_a_reason(text: str) -> None:
    """Reading a text gives a number of at least 0 or a ValueError."""
    for unit in Unit:
        try:
            found: float | str = unit.read(text)
        except ValueError as error:
            found = str(error)
        assert "give" in found or "write" in found if isinstance(found, str) else found >= 0
