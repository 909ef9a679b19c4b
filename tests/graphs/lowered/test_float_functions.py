"""Our own transcendental functions: a few units in the last place from the truth, and right at the edges."""

import math

import numpy as np
import pytest
import torch

from nadoo_graphs.lowered import float_functions as functions
from nadoo_graphs.lowered.evaluation import Evaluator
from nadoo_graphs.lowered.expressions import Call, Load
from nadoo_graphs.lowered.program import Function
from nadoo_graphs.lowered.types import Kind

UNITS = 2.0**-24


def applied(function: Function, values: np.ndarray) -> np.ndarray:
    memory = {"x": values.astype(np.float32).reshape(1, -1)}
    evaluator = Evaluator(function.closure(), memory, 1, "test")
    evaluator.names["i"] = np.arange(values.size).reshape(1, -1)
    from nadoo_graphs.lowered.expressions import Name

    with np.errstate(all="ignore"):
        return np.asarray(evaluator.value(Call(function.name, (Load("x", Name("i"), Kind.F32),), Kind.F32)))[0]


def truth(name: str, values: np.ndarray) -> np.ndarray:
    wide = torch.from_numpy(values.astype(np.float64))
    found = {
        "gelu": torch.nn.functional.gelu,
        "softplus": torch.nn.functional.softplus,
        "round_even": torch.round,
        "gelu_tanh": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    }.get(name, getattr(torch, name, None))
    assert found is not None
    return found(wide).numpy()


@pytest.mark.parametrize(
    ("name", "low", "high", "units"),
    [
        ("exp", -87.0, 88.0, 3), ("expm1", -10.0, 20.0, 4), ("tanh", -9.0, 9.0, 4), ("erf", -5.0, 5.0, 4),
        ("sigmoid", -80.0, 30.0, 4), ("log", 1e-30, 1e30, 3), ("log1p", -0.9, 100.0, 4), ("sqrt", 0.0, 1e30, 2),
        ("softplus", -30.0, 30.0, 5), ("gelu", -2.0, 8.0, 16), ("gelu_tanh", -2.0, 8.0, 24),
        ("round_even", -1e6, 1e6, 0),
    ],
)  # fmt: skip
def test_close_to_the_truth(name: str, low: float, high: float, units: int) -> None:
    values = np.random.default_rng(0).uniform(low, high, 20_000).astype(np.float32)
    found, wanted = applied(getattr(functions, name)(), values), truth(name, values)
    spacing = np.maximum(np.abs(wanted), 1e-37) * UNITS * 2
    if name.startswith("gelu"):
        spacing = np.maximum(spacing, UNITS)
    assert (
        np.abs(found - wanted).max() <= units * 1.0 if units == 0 else (np.abs(found - wanted) / spacing).max() <= units
    )


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "erf", "sqrt", "sigmoid"])
def test_not_a_number_stays_what_it_is(name: str) -> None:
    assert np.isnan(applied(getattr(functions, name)(), np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("exp", math.inf, math.inf), ("exp", -math.inf, 0.0), ("exp", -200.0, 0.0), ("exp", 200.0, math.inf),
        ("exp", 0.0, 1.0), ("log", 0.0, -math.inf), ("log", math.inf, math.inf), ("log", 1.0, 0.0),
        ("tanh", math.inf, 1.0), ("tanh", -math.inf, -1.0), ("erf", math.inf, 1.0), ("sqrt", 0.0, 0.0),
        ("sqrt", math.inf, math.inf), ("sqrt", 4.0, 2.0), ("sigmoid", -math.inf, 0.0), ("sigmoid", math.inf, 1.0),
    ],
)  # fmt: skip
def test_edges(name: str, given: float, wanted: float) -> None:
    assert applied(getattr(functions, name)(), np.array([given]))[0] == wanted


def test_the_logarithm_of_a_negative_number_is_none() -> None:
    assert np.isnan(applied(functions.log(), np.array([-1.0]))[0])
    assert np.isnan(applied(functions.sqrt(), np.array([-1.0]))[0])
