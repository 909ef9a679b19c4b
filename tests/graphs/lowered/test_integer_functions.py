"""Requantization and roots against the definitions in `nadoo_graphs.formats` and Python's own integers."""

from math import isqrt

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nadoo_graphs.formats.requantize import requantize
from nadoo_graphs.lowered import integer_functions as functions
from nadoo_graphs.lowered.evaluation import Evaluator
from nadoo_graphs.lowered.expressions import Call, Number
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.types import Kind

INT32 = st.integers(-(2**31), 2**31 - 1)


def called(function: Function, *values: int) -> int:
    kinds = [kind for _, kind in function.parameters]
    arguments = tuple(Number(value, kind) for value, kind in zip(values, kinds, strict=True))
    return int(Evaluator({function.name: function}, {}, 0, "test").value(Call(function.name, arguments, Kind.I64)))


@settings(max_examples=300, deadline=None)
@given(INT32, st.integers(2**30, 2**31 - 1), st.integers(-31, 31))
def test_scaling_is_the_formats_own(value: int, multiplier: int, exponent: int) -> None:
    whole = (-(2**31), 2**31 - 1)
    for function, mode in ((functions.scale_double(), "double"), (functions.scale_single(), "single")):
        wanted = requantize(np.array([value], dtype=np.int64), multiplier, exponent, 0, *whole, mode)
        assert called(function, value, multiplier, exponent) == int(wanted[0])


def test_the_worked_values() -> None:
    double, single = functions.scale_double(), functions.scale_single()
    quarter, half = (2**30, -1), (2**30, 0)
    assert [called(double, -2, *quarter), called(single, -2, *quarter)] == [-1, 0]
    assert [called(double, 3, *half), called(double, -3, *half), called(double, -1, *half)] == [2, -1, 0]
    assert called(double, 1000, 1992157658, -7) == 7


@given(st.integers(0, 2**62 - 1))
def test_roots(value: int) -> None:
    assert called(functions.integer_sqrt(), value) == isqrt(value)


@given(st.integers(0, 2**31 - 1))
def test_bit_lengths(value: int) -> None:
    assert called(functions.bit_length(), value) == value.bit_length()
