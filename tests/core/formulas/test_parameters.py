"""The checks themselves: what they let through, and what a refusal says."""

from decimal import Decimal
from math import inf, nan

import numpy as np
import pytest

from nadoo_core.formulas import FormulaError
from nadoo_core.formulas.parameters import above, at_least, below, between, one_of, ordered, require, whole


def test_nothing_wrong_raises_nothing() -> None:
    require(None, between("a", 0, 0, 1), whole("b", 2, 2, 2))


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int8(1), np.float64(1)])
def test_numbers_of_python_and_numpy_are_numbers(value: float) -> None:
    checks = (at_least("x", value, 1), above("x", value, 0), between("x", value, 0, 1), ordered("x", value))
    assert checks == (None,) * 4


@pytest.mark.parametrize("value", [True, "1", None, nan, Decimal(1), [1.0]])
def test_what_is_no_number_is_refused(value: object) -> None:
    for check in (at_least, above):
        assert check("x", value, 0) is not None  # type: ignore[arg-type]
    for check in (between, below):
        assert check("x", value, 0, 2) is not None  # type: ignore[arg-type]
    assert ordered("x", value) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, 1.0, "1", nan, np.float64(1)])
def test_what_is_no_integer_is_refused(value: object) -> None:
    assert whole("x", value, 0) is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [inf, -inf, 10**400])
def test_what_float64_cannot_hold_is_refused_where_a_finite_number_is_asked(value: float) -> None:
    assert at_least("x", value, 0) is not None
    assert above("x", value, 0) is not None


def test_the_ends_of_an_interval_are_in_or_out_as_said() -> None:
    assert between("x", 1, 0, 1) is None
    assert below("x", 1, 0, 1) is not None
    assert below("x", 0, 0, 1) is None
    assert above("x", 0, 0) is not None
    assert ordered("x", inf) is None


def test_a_refusal_reads_as_a_sentence() -> None:
    with pytest.raises(FormulaError) as refusal:
        require(between("tau", 2, 0, 1), None, one_of("cooling", "warm", ("cold", "cool")))
    assert str(refusal.value) == (
        "E01 tau: 2 is not allowed; give a number from 0 to 1\n"
        "E01 cooling: 'warm' is not allowed; give one of cold, cool"
    )
