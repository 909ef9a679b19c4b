"""Every way of writing a formula becomes its rows."""

import pytest
import torch

from tests.graphs.capture.importers.calls import Use, check_use, use

CURVES = (
    *("neg", "abs", "sign", "square", "floor", "ceil", "trunc", "round", "exp", "exp2", "expm1", "log", "log2"),
    *("log10", "log1p", "sqrt", "rsqrt", "reciprocal", "erf", "erfc", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh"),
)

USES = (
    *(use(name, getattr(torch, name)) for name in CURVES),
    use("sum of two", lambda x: x + x, "add"),
    use("sum with a number", lambda x: 1 + x + 2.5, "add", "add"),
    use("difference", lambda x: x - x * 2, "mul", "sub"),
    use("difference with a factor", lambda x: torch.sub(x, x, alpha=0.5), "sub"),
    use("difference from a number", lambda x: 1 - x, "sub"),
    use("rsub", lambda x: torch.rsub(x, x * 3), "mul", "sub"),
    use("quotient", lambda x: x / 3 / (x + 9), "div", "add", "div"),
    use("quotient of a number", lambda x: 2 / x, "reciprocal", "mul"),
    use("rounded quotient", lambda x: torch.div(x, 0.3, rounding_mode="floor"), "div"),
    use("rounded quotient of two", lambda x: torch.div(x, x, rounding_mode="trunc"), "div"),
    use("powers", lambda x: (x**2, 2**x, x**x), "power", "power", "power"),
    use("remainders", lambda x: (x % 2, 3 % x, x % x), "remainder", "remainder", "remainder"),
    use("fmod", lambda x: torch.fmod(torch.fmod(x, 0.7), x), "fmod", "fmod"),
    use("floor_divide", lambda x: (x // 2, 3 // x, x // x), "floor_divide", "floor_divide", "floor_divide"),
    use("extrema of two", lambda x: torch.max(torch.minimum(x, -x), x), "neg", "minimum", "maximum"),
    use("atan2", lambda x: torch.atan2(x, x)),
    use("clamp", lambda x: (x.clamp(-1, 1), x.clamp_min(0), x.clamp_max(0.5)), "clamp", "clamp", "clamp"),
    use("round to decimals", lambda x: torch.round(x, decimals=2), "round"),
    use("matrix product", lambda x: x @ x.mT, "transpose", "matmul"),
    use("bmm", lambda x: torch.bmm(x, x.mT), "transpose", "matmul"),
    use("mm", lambda x: torch.mm(x[0], x[0].t()), "select", "select", "transpose", "matmul"),
    use("mv", lambda x: torch.mv(x[0], x[0, 0]), "select", "select", "select", "matmul"),
    use(
        "addmm",
        lambda x: torch.addmm(torch.ones(4), x.flatten(0, 1), torch.ones(6, 4), beta=2),
        "full",
        "flatten",
        "full",
        "addmm",
    ),
)


@pytest.mark.parametrize("one", USES, ids=str)
def test_a_use_becomes_its_rows(one: Use) -> None:
    check_use(one)


def test_a_sum_with_a_factor_stays_opaque() -> None:
    """add has no alpha, so that its operands may change places."""
    check_use(use("alpha", lambda x: torch.add(x, x, alpha=2), "opaque"))
