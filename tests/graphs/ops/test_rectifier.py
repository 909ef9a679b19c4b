"""The activations of nadoo's own definition: reference values, laws, derivatives and edges.

`CATALOGUE` also holds those of torch's that the laws are stated for.
"""

import math
from collections.abc import Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops import Op, activation, rectifier
from nadoo_graphs.values import ValueType
from tests.graphs.ops.comparing import BATCH, agree, by_name, call, execute, infer, tensors

TABLE = by_name((*activation.ROWS, *rectifier.ROWS))
POINTS = torch.tensor([-6, -3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 2, 3, 6], dtype=torch.float64)
INFINITY = float("inf")

VALUES = {
    ("gelu",): (
        -0.0,
        -0.00405,
        -0.0455,
        -0.10021,
        -0.15866,
        -0.15427,
        0,
        0.34573,
        0.84134,
        1.9545,
        2.99595,
        6,
    ),
    ("gelu", "tanh"): (
        *(-0.0, -0.00364, -0.0454, -0.10043, -0.15881, -0.15429),
        *(0, 0.34571, 0.84119, 1.9546, 2.99636, 6),
    ),
    ("leaky_relu", 0.125): (-0.75, -0.375, -0.25, -0.1875, -0.125, -0.0625, 0, 0.5, 1, 2, 3, 6),
    ("hardswish",): (0, 0, -0.33333, -0.375, -0.33333, -0.20833, 0, 0.29167, 0.66667, 1.66667, 3, 6),
    ("xrelu", 3, 6): (0, 0, -0.33333, -0.375, -0.33333, -0.20833, 0, 0.29167, 0.66667, 1.66667, 3, 9),
    ("xrelu", 1, 1): (0, 0, 0, 0, 0, -0.25, 0, 0.75, 2, 6, 12, 42),
    ("xrelu", 3, 1): (0, 0, -2, -2.25, -2, -1.25, 0, 1.75, 4, 10, 18, 54),
    ("xrelu6", 3, 1): (0, 0, -2, -2.25, -2, -1.25, 0, 1.75, 4, 10, 18, 36),
    ("xrelu6", 1, 1): (0, 0, 0, 0, 0, -0.25, 0, 0.75, 2, 6, 12, 36),
    ("shifted_relu", 1): (-1, -1, -1, -1, -1, -0.5, 0, 0.5, 1, 2, 3, 6),
}

PARAMETERS = {
    "gelu": ("approximate",),
    "leaky_relu": ("negative_slope",),
    "xrelu": ("c", "k"),
    "xrelu6": ("c", "k"),
    "shifted_relu": ("c",),
    "relu_topq": ("q",),
    "relu_topk": ("q", "rescale"),
}


def attributes(key: tuple[Attribute, ...]) -> tuple[Op, Mapping[str, Attribute]]:
    """A row and its attributes from the short form of the tables here."""
    name, *values = key
    names = PARAMETERS.get(str(name), ())
    return TABLE[str(name)], dict(zip(names, values, strict=False))


def apply(key: tuple[Attribute, ...], x: Tensor) -> Tensor:
    """An activation from its short form."""
    row, given_attributes = attributes(key)
    return execute(row, [x], given_attributes)


@pytest.mark.parametrize(("key", "expected"), VALUES.items())
def test_reference_values(key: tuple[Attribute, ...], expected: tuple[float, ...]) -> None:
    torch.testing.assert_close(apply(key, POINTS), torch.tensor(expected, dtype=torch.float64), rtol=0, atol=6e-6)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ((1, 2, 3, 4), (0, 0, 2, 4)),
        ((-1, -2, -3, -4), (0, 0, 0, 0)),
        ((4, 4, 4, -8), (4, 4, 4, 0)),
        ((-1, 5, 2.5, 2.6), (0, 5, 0, 0.2)),
    ],
)
def test_topq_reference_values(row: tuple[float, ...], expected: tuple[float, ...]) -> None:
    found = apply(("relu_topq", 0.5), torch.tensor([row], dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float64))


@pytest.mark.parametrize(("width", "share"), [(16, 0.201), (48, 0.139), (64, 0.126), (256, 0.082)])
def test_topq_keeps_few_of_normal_rows(width: int, share: float) -> None:
    found = apply(("relu_topq", 0.5), torch.randn(200_000 // width, width))
    assert abs((found > 0).double().mean().item() - share) < 0.005


MOMENTS = {
    ("relu",): (0.39894, 0.34085),
    ("relu2",): (0.5, 1.25),
    ("gelu",): (0.28209, 0.34564),
    ("leaky_relu", 0.125): (0.34907, 0.38596),
    ("hardswish",): (0.16622, 0.30394),
    ("xrelu", 3, 1): (0.99865, 10.99979),
    ("xrelu6", 3, 1): (0.99730, 10.94182),
    ("shifted_relu", 1): (0.08332, 0.75109),
    ("shifted_relu", 2): (0.00849, 0.96020),
}


@pytest.mark.parametrize(("key", "expected"), MOMENTS.items())
def test_moments_under_the_normal_distribution(key: tuple[Attribute, ...], expected: tuple[float, float]) -> None:
    """Mean and variance by quadrature over [-12, 12]."""
    x = torch.linspace(-12, 12, 480_001, dtype=torch.float64)
    weight = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi) * (x[1] - x[0])
    y = apply(key, x)
    mean = (y * weight).sum()
    variance = ((y - mean) ** 2 * weight).sum()
    assert (mean.item(), variance.item()) == pytest.approx(expected, abs=1.1e-5)


CATALOGUE: tuple[tuple[Attribute, ...], ...] = (
    ("relu",),
    ("relu2",),
    ("gelu",),
    ("gelu", "tanh"),
    ("leaky_relu", 0.0),
    ("leaky_relu", 0.0625),
    ("hardswish",),
    ("xrelu", 0, 1),
    ("xrelu", 3, 6),
    ("xrelu", -1, 2),
    ("xrelu6", 3, 6),
    ("xrelu6", 14, 2),
    ("xrelu6", -1, 2),
    ("shifted_relu", 0),
    ("shifted_relu", 1.5),
    ("relu_topq", 0.5),
    ("relu_topk", 0.5),
)
ELEMENTWISE = tuple(key for key in CATALOGUE if key[0] not in {"relu_topq", "relu_topk"})
SAME_POSITIVE_SET = tuple(
    key for key in ELEMENTWISE if not (key[0] in {"xrelu", "xrelu6"} and isinstance(key[1], int) and key[1] < 0)
)


@pytest.mark.parametrize("key", CATALOGUE)
def test_zero_stays_zero(key: tuple[Attribute, ...]) -> None:
    """A1: f(0) = 0, and not -0."""
    found = apply(key, torch.zeros(1, 3))
    assert torch.equal(found, torch.zeros(1, 3))
    assert not found.signbit().any()


@pytest.mark.parametrize("key", SAME_POSITIVE_SET)
def test_the_positive_set_is_that_of_the_operand(key: tuple[Attribute, ...]) -> None:
    """A2: f(x) > 0 exactly where x > 0; relu_topq, and c < 0, are exceptions."""
    x = torch.linspace(-20, 20, 4001, dtype=torch.float64)
    assert torch.equal(apply(key, x) > 0, x > 0)


@pytest.mark.parametrize(
    ("key", "degree"), [(("relu",), 1), (("leaky_relu", 0.125), 1), (("relu_topq", 0.5), 1), (("relu2",), 2)]
)
@given(scale=st.floats(1e-3, 1e3))
def test_homogeneous(key: tuple[Attribute, ...], degree: int, scale: float) -> None:
    """A3: f(a·x) = aᵏ·f(x) for a > 0."""
    x = POINTS.reshape(2, 6)
    torch.testing.assert_close(apply(key, scale * x), scale**degree * apply(key, x))


@pytest.mark.parametrize("key", CATALOGUE)
def test_idempotent_where_it_should_be_and_nowhere_else(key: tuple[Attribute, ...]) -> None:
    """A4: f(f(x)) = f(x) for relu, shifted_relu, and leaky_relu without a slope."""
    x = torch.linspace(-7, 7, 100, dtype=torch.float64).reshape(5, 20)
    once = apply(key, x)
    idempotent = key[0] in {"relu", "shifted_relu"} or key == ("leaky_relu", 0.0)
    assert torch.equal(apply(key, once), once) == idempotent


def test_limits() -> None:
    """A5: gelu(x) - x → 0; hardswish is x from 3 and 0 up to -3; xrelu6 is 6x/k from 6 - c."""
    far = torch.linspace(8, 100, 50, dtype=torch.float64)
    torch.testing.assert_close(apply(("gelu",), far), far, rtol=0, atol=1e-12)
    torch.testing.assert_close(apply(("hardswish",), far - 5), far - 5, rtol=1e-15, atol=0)
    assert torch.equal(apply(("hardswish",), -far), torch.zeros_like(far))
    assert torch.equal(apply(("xrelu6", 2, 4), far - 4), 6 * (far - 4) / 4)


@given(st.floats(0, 10), st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_shifted_relu_is_a_maximum(c: float, values: list[float]) -> None:
    """A6: shifted_relu(x; c) = max(x, -c) exactly."""
    x = torch.tensor(values, dtype=torch.float64)
    assert torch.equal(apply(("shifted_relu", c), x), x.clamp(min=-c))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
def test_xrelu_without_a_shift_is_relu2(values: list[float]) -> None:
    """A6: xrelu(x; 0) = relu2(x) = relu(x)²."""
    x = torch.tensor(values, dtype=torch.float64)
    assert torch.equal(apply(("xrelu", 0, 1), x), apply(("relu2",), x))
    assert torch.equal(apply(("relu2",), x), torch.relu(x) ** 2)


@given(
    st.lists(st.lists(st.floats(-100, 100), min_size=6, max_size=6), min_size=1, max_size=4),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
)
def test_topq_laws(rows: list[list[float]], one: float, two: float) -> None:
    """A7: 0 ≤ y ≤ m, the maximum is kept, y > 0 exactly where x > q·m, and fewer are positive for a larger q."""
    x = torch.tensor(rows, dtype=torch.float64)
    low, high = sorted((one, two))
    y = apply(("relu_topq", low), x)
    maximum = x.amax(1, keepdim=True)
    assert torch.equal(y > 0, (x > maximum * low) & (x - maximum * low > 0))
    torch.testing.assert_close(y.amax(1, keepdim=True), maximum.clamp(min=0))
    assert bool((y >= 0).all())
    assert bool((y <= maximum.clamp(min=0) * (1 + 1e-12)).all())
    assert (apply(("relu_topq", high), x) > 0).sum() <= (y > 0).sum()


BOUNDS = {
    ("relu",): 0.0,
    ("relu2",): 0.0,
    ("gelu",): -0.169971,
    ("gelu", "tanh"): -0.170041,
    ("hardswish",): -0.375,
    ("xrelu", 3, 6): -9 / 24,
    ("xrelu", 0, 1): 0.0,
    ("xrelu", -1, 2): 0.0,
    ("xrelu6", 3, 6): -9 / 24,
    ("xrelu6", 14, 2): 6 * (6 - 14) / 2,
    ("xrelu6", -1, 2): 0.0,
    ("shifted_relu", 1.5): -1.5,
    ("relu_topq", 0.5): 0.0,
    ("relu_topk", 0.5): 0.0,
}


@pytest.mark.parametrize(("key", "lowest"), BOUNDS.items())
def test_the_smallest_value_is_the_table_s(key: tuple[Attribute, ...], lowest: float) -> None:
    """A8: the smallest value of f over the reals."""
    x = torch.linspace(-20, 20, 400_001, dtype=torch.float64).reshape(1, -1)
    assert apply(key, x).min().item() == pytest.approx(lowest, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("key", [("xrelu", 3, 6), ("xrelu6", 3, 6), ("xrelu6", 1, 1), ("relu2",), ("shifted_relu", 2)])
def test_infinities_saturate_and_nan_stays(key: tuple[Attribute, ...], dtype: torch.dtype) -> None:
    """x·relu(x + c) is 0 at -Inf, where the plain formula is -Inf·0 = NaN."""
    low, nan, high = apply(key, torch.tensor([-INFINITY, math.nan, INFINITY], dtype=dtype))
    assert low == (-2 if key[0] == "shifted_relu" else 0)
    assert nan.isnan()
    assert high == INFINITY


@pytest.mark.parametrize(
    ("key", "points", "expected"),
    [
        (("relu",), (-1, 0, 1), (0, 0, 1)),
        (("relu6",), (-1, 0, 3, 6, 7), (0, 0, 1, 0, 0)),
        (("leaky_relu", 0.25), (-1, 0, 1), (0.25, 0.25, 1)),
        (("relu2",), (-1, 0, 3), (0, 0, 6)),
        (("xrelu", 3, 2), (-4, -3, 0, 1), (0, 0, 1.5, 2.5)),
        (("xrelu6", 3, 1), (-4, -3, 0, 3, 5), (0, 0, 3, 6, 6)),
        (("shifted_relu", 2), (-3, -2, -1), (0, 0, 1)),
    ],
)
def test_derivatives_at_kinks(
    key: tuple[Attribute, ...], points: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    """relu'(0) = relu6'(0) = relu6'(6) = 0, leaky'(0) = its slope, relu2' = 2·relu."""
    x = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    apply(key, x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == list(expected)


@pytest.mark.parametrize("detach", [False, True])
def test_topq_s_gradient_flows_through_its_maximum(detach: bool) -> None:
    """The largest coordinate receives -q/(1 - q) for each other active one, unless the maximum is detached."""
    x = torch.tensor([[4.0, 3.0, 3.5, 1.0]], requires_grad=True)
    execute(TABLE["relu_topq"], [x], {"q": 0.5, "detach_max": detach}).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[2.0 if detach else -1.0, 2.0, 2.0, 0.0]]


@given(
    st.lists(st.lists(st.integers(-4, 9), min_size=1, max_size=7), min_size=1, max_size=1),
    st.floats(0.01, 1),
)
def test_topk_keeps_the_largest_share_of_the_positive_values(rows: list[list[int]], q: float) -> None:
    """The ⌈q·P⌉ largest of the P positive values stay, the lower index first; all others become 0."""
    (row,) = rows
    positive = [place for place, value in enumerate(row) if value > 0]
    ranked = sorted(positive, key=lambda place: (-row[place], place))
    kept = set(ranked[: math.ceil(q * len(positive))])
    found = apply(("relu_topk", q), torch.tensor(rows, dtype=torch.float64))
    assert found.tolist() == [[value if place in kept else 0 for place, value in enumerate(row)]]


@given(st.lists(st.lists(st.integers(-4, 9), min_size=5, max_size=5), min_size=1, max_size=3), st.floats(0.01, 1))
def test_topk_rescaled_keeps_the_sum(rows: list[list[int]], q: float) -> None:
    """With l1, a row's sum is that of its relu; rows without positive values stay zero."""
    x = torch.tensor(rows, dtype=torch.float64)
    found = apply(("relu_topk", q, "l1"), x)
    torch.testing.assert_close(found.sum(1), torch.relu(x).sum(1))
    assert torch.equal(found > 0, apply(("relu_topk", q), x) > 0)


def test_topk_s_gradient_is_one_for_what_is_kept() -> None:
    x = torch.tensor([[4.0, -1.0, 3.0, 1.0, 0.0]], requires_grad=True)
    execute(TABLE["relu_topk"], [x], {"q": 0.5}).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 0.0, 1.0, 0.0, 0.0]]


OWN = {"xrelu": {"c": 3, "k": 6}, "xrelu6": {"c": 3, "k": 6}, "shifted_relu": {"c": 1.0}}


@given(tensors())
def test_types_are_torch_s_for_any_shape_and_dtype(x: Tensor) -> None:
    """For every row, shape and dtype: inference gives what the execution gives, and refuses where it refuses."""
    for name in ("relu2", "xrelu", "xrelu6", "shifted_relu"):
        row = TABLE[name]
        if x.is_floating_point() or name == "relu2":
            agree(row, (x,), OWN.get(name))


@pytest.mark.parametrize(
    ("name", "given_attributes", "message"),
    [
        ("xrelu", {"c": 1, "k": 0}, "k is 0; give a positive number"),
        ("xrelu6", {"c": INFINITY}, "c is inf; give a finite number"),
        ("shifted_relu", {"c": -1}, "c is -1; give a finite number of at least 0"),
        ("relu_topq", {"q": 1}, "q is 1; give a number from 0 to below 1"),
        ("relu_topk", {"q": 0}, "q is 0; give a number above 0 and at most 1"),
        ("relu_topk", {"rescale": "l2"}, "rescale is 'l2'; give 'none' or 'l1'"),
        ("relu_topq", {"dim": 2}, "dim is 2, but the operand has 2 axes"),
    ],
)
def test_a_wrong_parameter_is_named(name: str, given_attributes: dict[str, float | str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        infer(TABLE[name], [ValueType((2, 3), "float32")], given_attributes)


@pytest.mark.parametrize(
    ("key", "work"),
    [
        (("relu2",), BATCH * 16),
        (("xrelu", 3, 1), BATCH * 24),
        (("xrelu", 3, 6), BATCH * 32),
        (("xrelu6", 3, 6), BATCH * 40),
        (("shifted_relu", 1), BATCH * 8),
        (("relu_topq", 0.5), BATCH * 31),
    ],
)
def test_work(key: tuple[Attribute, ...], work: int) -> None:
    row, given_attributes = attributes(key)
    made = call(row, [ValueType((BATCH, 8), "float32")], given_attributes)
    assert row.elementary(made, row.infer(made)) == work


def test_every_row_can_be_exported() -> None:
    """A module that runs these rows is captured by torch.export as any other."""

    class Every(nn.Module):
        def forward(self, x: Tensor) -> list[Tensor]:
            return [apply(key, x) for key in CATALOGUE]

    x = torch.randn(3, 5)
    exported = torch.export.export(Every(), (x,), strict=False).module()
    assert all(map(torch.equal, exported(x), Every()(x)))
