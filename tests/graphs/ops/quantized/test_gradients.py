"""Gradients against their definitions: straight-through, LSQ, PACT, and finite differences of what is smooth."""

from typing import Any

import pytest
import torch

from nadoo_graphs.graph import ModelGraph
from tests.graphs.ops.quantized.samples import drawn


def fake_quantized(
    x: torch.Tensor, scale: float, format: str, rule: str, point: int | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """x̂ of a quantize and a dequantize, and the gradients of its sum to x and to the scale."""
    graph = ModelGraph("fake")
    graph.add_tensor("s", torch.tensor(scale, dtype=x.dtype), "parameter")
    tensors = {"scale": "s"}
    if point is not None:
        tensors["zero_point"] = graph.add_tensor("z", torch.tensor(point), "buffer")
    value = graph.add_input("x", x.shape, str(x.dtype).removeprefix("torch."))
    codes = graph.add("quantize", [value], format=format, step_gradient=rule, tensors=tensors)
    graph.set_outputs([graph.add("dequantize", [codes], tensors=tensors)])
    module = graph.to_module().train()
    leaf = x.clone().requires_grad_()
    found = module(leaf)
    found.sum().backward()
    return found.detach(), leaf.grad, module.s.grad  # type: ignore[return-value]


VALUES = torch.tensor([-2, -0.9, -0.2, 0.1, 0.4, 0.8, 1.3, 3], dtype=torch.float64)


def test_a_learned_step() -> None:
    """LSQ, b = 4, s = 0.25: the values of the definition; the boundary point counts as clipped."""
    found, by_value, by_step = fake_quantized(VALUES, 0.25, "int4", "plain", 0)
    assert found.tolist() == [-2, -1, -0.25, 0, 0.5, 0.75, 1.25, 1.75]
    assert by_value.tolist() == [0, 1, 1, 1, 1, 1, 1, 0]
    assert float(by_step) == pytest.approx(-2.0)
    _, _, scaled = fake_quantized(VALUES[None], 0.25, "int4", "lsq", 0)
    assert float(scaled) == pytest.approx(-2.0 / (8 * 7) ** 0.5)
    assert float(scaled) == pytest.approx(-0.267261, abs=1e-6)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (8, [0, 0, 0.30588, 0.98824, 2.49412, 4, 6, 6]),
        (4, [0, 0, 0.4, 0.8, 2.4, 4, 6, 6]),
        (2, [0, 0, 0, 0, 2, 4, 6, 6]),
    ],
)
def test_a_learned_clip(bits: int, expected: list[float]) -> None:
    """PACT, α = 6: values; the gradient is 1 to x inside (0, α), and to α 1 for each x ≥ α."""
    x = torch.tensor([-1, 0, 0.3, 1, 2.5, 4, 6, 9], dtype=torch.float64)
    steps = 2**bits - 1
    found, by_value, by_step = fake_quantized(x, 6 / steps, f"uint{bits}", "pact")
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    assert by_value.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert float(by_step) / steps == pytest.approx(2.0)


@pytest.mark.parametrize("rule", ["plain", "lsq"])
def test_a_quantized_layer_learns_like_fake_quantization(rule: str) -> None:
    """All gradients of a layer over codes are those of the same layer with quantized reals, scales included."""
    torch.manual_seed(0)
    x, weight, bias = torch.randn(6, 5), torch.randn(3, 5), torch.randn(3)
    steps = {"sx": 0.02, "sw": 0.07, "sy": 0.05}
    module = layer_module(weight, bias, steps, rule)
    module.train()
    leaf = x.clone().requires_grad_()
    module(leaf).square().sum().backward()
    found = {name: parameter.grad for name, parameter in module.named_parameters()} | {"x": leaf.grad}
    expected = straight_through(x, weight, bias, steps)
    scaled = {"sx": (5 * 127) ** 0.5, "sw": (15 * 127) ** 0.5, "sy": (3 * 127) ** 0.5} if rule == "lsq" else {}
    for name, gradient in expected.items():
        reference = gradient / scaled.get(name, 1.0)
        torch.testing.assert_close(found[name], reference.float(), rtol=2e-3, atol=2e-3 * float(reference.abs().max()))


def layer_module(weight: torch.Tensor, bias: torch.Tensor, steps: dict[str, float], rule: str) -> Any:
    """Quantize, a layer over codes, dequantize, with all scales learned."""
    graph = ModelGraph("layer")
    for name, step in steps.items():
        graph.add_tensor(name, torch.tensor(step), "parameter")
    graph.add_tensor("weight", weight)
    graph.add_tensor("bias", bias)
    codes = graph.add(
        "quantize", [graph.add_input("x", ("N", weight.shape[1]))], step_gradient=rule, tensors={"scale": "sx"}
    )
    tensors = {"weight": "weight", "bias": "bias", "weight_scale": "sw", "input_scale": "sx", "output_scale": "sy"}
    made = graph.add(
        "quantized_linear", [codes], weight_gradient="clipped", step_gradient=rule, tensors=tensors, minimum=0
    )
    graph.set_outputs([graph.add("dequantize", [made], tensors={"scale": "sy"})])
    return graph.to_module()


def straight_through(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, steps: dict[str, float]
) -> dict[str, torch.Tensor]:
    """The same with reals: every rounding and clamp written out, in float64."""
    names = ("x", "weight", "bias", *steps)
    held = [x, weight, bias, *(torch.tensor(step) for step in steps.values())]
    leaves = {name: each.double().requires_grad_() for name, each in zip(names, held, strict=True)}

    def faked(value: torch.Tensor, step: torch.Tensor, low: int, high: int) -> torch.Tensor:
        scaled = (value / step).clamp(low, high)
        return (scaled + (scaled.round() - scaled).detach()) * step

    inputs = faked(leaves["x"], leaves["sx"], -127, 127)
    weights = faked(leaves["weight"], leaves["sw"], -127, 127)
    result = faked(inputs @ weights.T + leaves["bias"], leaves["sy"], 0, 127)
    result.square().sum().backward()
    return {name: leaf.grad for name, leaf in leaves.items()}  # type: ignore[misc]


@pytest.mark.parametrize("seed", range(4))
def test_every_parameter_of_a_random_graph_gets_a_finite_gradient(seed: int) -> None:
    grower, _ = drawn(seed)
    module = grower.graph.to_module().train()
    sum(each.double().sum() for each in module(*grower.inputs)).backward()  # type: ignore[union-attr]
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name


def test_the_gradient_of_relu_norm() -> None:
    """A constant shift, or, as the norm that it stands for, none along the values themselves."""
    for rule in ("constant", "rms"):
        graph = ModelGraph("normed")
        codes = graph.add(
            "quantize", [graph.add_input("x", ("N", 6))], format="int16", tensors={"scale": torch.tensor(1.0)}
        )
        graph.set_outputs([graph.add("relu_norm", [codes], gradient=rule)])
        x = torch.tensor([[1000.0, -3, 500, 20, 0, 7]]).requires_grad_()
        slope = torch.tensor([[1.0, 2, 3, 4, 5, 6]])
        (graph.to_module().train()(x) * slope).sum().backward()
        plain = slope * (x.detach() > 0) * 2.0**-3
        if rule == "constant":
            assert torch.equal(x.grad, plain)  # type: ignore[arg-type]
        else:
            values = x.detach()
            expected = plain - values * (plain * values).sum() / values.square().sum()
            torch.testing.assert_close(x.grad, expected)


def test_the_gradient_of_a_fixed_shift() -> None:
    """Straight through where a number is neither below zero nor cut off."""
    graph = ModelGraph("shifted")
    codes = graph.add(
        "quantize", [graph.add_input("x", ("N", 5))], format="int16", tensors={"scale": torch.tensor(1.0)}
    )
    graph.set_outputs([graph.add("relu_norm", [codes], shift=2)])
    x = torch.tensor([[600.0, 508, -3, 20, 1]]).requires_grad_()
    found = graph.to_module().train()(x)
    assert found.tolist() == [[127, 127, 0, 5, 0]]
    found.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[0, 0.25, 0, 0.25, 0.25]]


def test_encoded_weights_learn_straight_through() -> None:
    for form, scale in (("nf4", 1.0), ("4bitsym", 0.1), ("float16", 1.0), ("dorefa4", 1 / 15)):
        graph = ModelGraph("encoded")
        tensors: dict[str, Any] = {"weight": torch.randn(3, 4)}
        if form != "float16":
            tensors["weight_scale"] = torch.tensor(scale)
        layer = graph.add("encoded_linear", [graph.add_input("x", ("N", 4))], weight_format=form, tensors=tensors)
        graph.set_outputs([layer])
        module = graph.to_module().train()
        x = torch.randn(2, 4)
        module(x).sum().backward()
        row = graph.formats[form]
        factor = row.gradient(tensors["weight"], scale)
        expected = x.sum(0).expand(3, 4) * factor
        torch.testing.assert_close(module.encoded_linear.weight.grad, expected)
        codes = row.encode(tensors["weight"], scale)
        torch.testing.assert_close(module(x).detach(), x @ row.decode(codes, scale).T, rtol=1e-5, atol=1e-5)
