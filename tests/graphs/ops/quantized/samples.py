"""Small graphs over codes, and what the reference says of them: values are kept beside their codes and scales."""

from typing import Any

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from tests.graphs.ops.quantized import reference as ref

Array = NDArray[Any]
FORMATS = ("int8", "uint8", "int4")
MODES = ("double", "single", "shift")
WEIGHT_FORMATS = ("int8", "int4", "int2", "4bitsym", "2bitsym", "ternary", "binarysym")


@frozen
class Held:
    """A value of a graph, with what the reference made of it."""

    value: Value
    codes: Array
    scale: str
    point: str | None
    format: str


class Grower:
    """Grows a graph and the reference's integers side by side."""

    def __init__(self, seed: int, batch: int = 2) -> None:
        self.random = np.random.default_rng(seed)
        self.graph = ModelGraph(f"drawn{seed}")
        self.batch = batch
        self.inputs: list[torch.Tensor] = []

    # --- drawing ------------------------------------------------------------------------------------------------------

    def choose(self, options: tuple[Any, ...]) -> Any:
        """One of several."""
        return options[int(self.random.integers(len(options)))]

    def step(self, low: float = 0.01, high: float = 0.2) -> str:
        """A scale as a buffer of the graph, in float32."""
        name = f"scale{len(self.graph.tensors)}"
        number = np.float32(np.exp(self.random.uniform(np.log(low), np.log(high))))
        return self.graph.add_tensor(name, torch.tensor(number), "buffer")

    def zero_point(self, name: str) -> str | None:
        """A zero point, or none."""
        if self.random.random() < 0.4:
            return None
        low, high = ref.RANGES[name]
        point = int(self.random.integers(low, high + 1))
        return self.graph.add_tensor(
            f"point{len(self.graph.tensors)}", torch.tensor(point, dtype=torch.int32), "buffer"
        )

    def number(self, name: str) -> float:
        """A scale in float64."""
        return float(self.graph.tensor(name))

    def point(self, name: str | None) -> int:
        """A zero point as a number."""
        return 0 if name is None else int(self.graph.tensor(name))

    def target(self) -> "Target":
        """Format, scale, zero point and bounds of an output."""
        name = self.choose(FORMATS)
        point = self.zero_point(name)
        low, high = ref.code_range(name, None if point is None else 0)
        attributes: dict[str, Any] = {"output_format": name}
        if self.random.random() < 0.5 and low <= self.point(point) <= high:
            attributes["minimum"] = low = self.point(point)
        return Target(name, self.step(), point, (low, high), attributes)

    # --- values -------------------------------------------------------------------------------------------------------

    def input(self, *shape: int) -> Held:
        """An input and its quantization."""
        numbers = torch.from_numpy(self.random.normal(size=(self.batch, *shape)).astype(np.float32))
        self.inputs.append(numbers)
        value = self.graph.add_input(f"x{len(self.inputs)}", ("N", *shape))
        name, scale = self.choose(FORMATS), self.step(0.01, 0.05)
        point = self.zero_point(name)
        tensors = {"scale": scale} | ({} if point is None else {"zero_point": point})
        codes = self.graph.add("quantize", [value], format=name, tensors=tensors)
        bounds = ref.code_range(name, None if point is None else 0)
        found = ref.quantize(numbers.numpy(), self.number(scale), self.point(point), bounds)
        return Held(codes, found, scale, point, name)

    def moved(self, held: Held) -> Array:
        """The distance of codes from their zero point."""
        return held.codes - self.point(held.point)

    def tensors(self, held: Held, target: "Target") -> dict[str, str]:
        """The roles of one operand and the output."""
        roles = {"input_scale": held.scale, "output_scale": target.scale}
        points = {"input_zero_point": held.point, "output_zero_point": target.point}
        return roles | {role: name for role, name in points.items() if name is not None}

    def made(self, value: Value, codes: Array, target: "Target") -> Held:
        """A value with an output's scale."""
        return Held(value, codes, target.scale, target.point, target.format)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def weights(self, shape: tuple[int, ...]) -> tuple[dict[str, Any], Array, Array]:
        """A weight and its scale, the integers, and the scales."""
        name, seed = self.choose(WEIGHT_FORMATS), len(self.graph.tensors)
        weight = self.random.normal(size=shape).astype(np.float32) * np.float32(0.5)
        per_output = bool(self.random.random() < 0.5)
        scales = self.random.uniform(0.02, 0.3, shape[:1] if per_output else ()).astype(np.float32)
        self.graph.add_tensor(f"weight{seed}", torch.from_numpy(weight))
        self.graph.add_tensor(f"weight{seed}_scale", torch.as_tensor(scales), "buffer")
        wide = np.asarray(scales, dtype=np.float64)
        codes = ref.weight_codes(weight, wide, name)
        return {"weight": f"weight{seed}", "weight_scale": f"weight{seed}_scale", "format": name}, codes, wide

    def biased(self, channels: int, unit: Array) -> tuple[dict[str, str], Array]:
        """A bias and its integers, or none."""
        if self.random.random() < 0.4:
            return {}, np.zeros(channels, dtype=np.int64)
        bias = self.random.normal(size=channels).astype(np.float32)
        name = self.graph.add_tensor(f"bias{len(self.graph.tensors)}", torch.from_numpy(bias))
        return {"bias": name}, ref.bias_codes(bias, np.broadcast_to(unit, (channels,)))

    def linear(self, held: Held, raw: bool = False) -> Held:
        """A linear layer."""
        channels = int(self.random.integers(1, 9))
        weight, codes, scales = self.weights((channels, held.codes.shape[-1]))
        return self.layer("quantized_linear", held, weight, codes, scales, ref.linear(self.moved(held), codes), {}, raw)

    def convolution(self, held: Held) -> Held:
        """A convolution, perhaps grouped, strided, dilated."""
        inner = held.codes.shape[1]
        groups = int(self.choose((1, inner)))
        channels = groups * int(self.random.integers(1, 4))
        kernel = [int(self.random.integers(1, 4)) for _ in range(2)]
        options = {name: tuple(int(self.random.integers(low, 3)) for _ in range(2)) for name, low in WINDOWS.items()}
        if min(held.codes.shape[2:]) < 5:
            options = {"stride": (1, 1), "padding": (2, 2), "dilation": (1, 1)}
        weight, codes, scales = self.weights((channels, inner // groups, *kernel))
        parts = (options["stride"], options["padding"], options["dilation"], groups)
        sums = ref.convolve(self.moved(held), codes, *parts)
        return self.layer("quantized_conv2d", held, weight, codes, scales, sums, {**options, "groups": groups}, False)

    def layer(
        self,
        op: str,
        held: Held,
        weight: dict[str, Any],
        codes: Array,
        scales: Array,
        sums: Array,
        options: dict[str, Any],
        raw: bool,
    ) -> Held:
        """What a layer's sums become."""
        lay = (1, -1, *[1] * (sums.ndim - 2)) if op != "quantized_linear" else (-1,)
        unit = self.number(held.scale) * scales
        bias, biases = self.biased(len(codes), unit)
        accumulators = sums + biases.reshape(lay)
        weight_format = weight.pop("format")
        tensors = {**weight, **bias, "input_scale": held.scale}
        tensors |= {} if held.point is None else {"input_zero_point": held.point}
        if raw:
            settings = {**options, "output_format": "int32", "requantize": "none", "weight_format": weight_format}
            value = self.graph.add(op, [held.value], tensors=tensors, **settings)
            return Held(value, accumulators, held.scale, None, "int32")
        target, mode = self.target(), self.choose(MODES)
        tensors |= self.tensors(held, target)
        settings = {**options, **target.attributes, "requantize": mode, "weight_format": weight_format}
        value = self.graph.add(op, [held.value], tensors=tensors, **settings)
        factor = unit / self.number(target.scale)
        factors = factor.reshape(lay) if factor.ndim else factor
        found = ref.rescale(accumulators, np.asarray(factors), mode, self.point(target.point), target.bounds)
        return self.made(value, found, target)

    def relu_norm(self, held: Held) -> Held:
        """Accumulators normalized by a shift that is found for each sample, or by one that is fixed."""
        shift = self.choose((None, 0, 3, 9))
        value = self.graph.add("relu_norm", [held.value], shift=shift)
        axes = tuple(range(1, held.codes.ndim))
        found = ref.relu_norm(held.codes, axes, 127) if shift is None else ref.relu_shift(held.codes, shift, 127)
        one = self.graph.add_tensor(f"one{len(self.graph.tensors)}", torch.tensor(1.0), "buffer")
        return Held(value, found, one, None, "int8")

    def add(self, one: Held, two: Held) -> Held:
        """A sum or difference."""
        target, subtract = self.target(), bool(self.random.random() < 0.3)
        tensors = self.tensors(one, target) | {"other_scale": two.scale}
        tensors |= {} if two.point is None else {"other_zero_point": two.point}
        value = self.graph.add(
            "quantized_add", [one.value, two.value], tensors=tensors, subtract=subtract, **target.attributes
        )
        scales = (self.number(one.scale), self.number(two.scale), self.number(target.scale))
        moved = self.moved(one), self.moved(two)
        found = ref.add(*moved, scales, self.point(target.point), target.bounds, -1 if subtract else 1)
        return self.made(value, found, target)

    def mul(self, one: Held, two: Held) -> Held:
        """A product."""
        target, mode = self.target(), self.choose(MODES)
        tensors = self.tensors(one, target) | {"other_scale": two.scale}
        tensors |= {} if two.point is None else {"other_zero_point": two.point}
        settings = {**target.attributes, "requantize": mode}
        value = self.graph.add("quantized_mul", [one.value, two.value], tensors=tensors, **settings)
        factor = self.number(one.scale) * self.number(two.scale) / self.number(target.scale)
        found = ref.rescale(
            self.moved(one) * self.moved(two), np.array(factor), mode, self.point(target.point), target.bounds
        )
        return self.made(value, found, target)

    def matmul(self, one: Held, two: Held) -> Held:
        """Rows of one against rows of the other."""
        target, mode, alpha = self.target(), self.choose(MODES), float(self.choose((1.0, 0.35)))
        turned = self.graph.add("transpose", [two.value], dim0=-1, dim1=-2)
        tensors = self.tensors(one, target) | {"other_scale": two.scale}
        tensors |= {} if two.point is None else {"other_zero_point": two.point}
        settings = {**target.attributes, "requantize": mode, "alpha": alpha}
        value = self.graph.add("quantized_matmul", [one.value, turned], tensors=tensors, **settings)
        factor = self.number(one.scale) * self.number(two.scale) * alpha / self.number(target.scale)
        sums = self.moved(one) @ self.moved(two).swapaxes(-1, -2)
        found = ref.rescale(sums, np.array(factor), mode, self.point(target.point), target.bounds)
        return self.made(value, found, target)

    def cat(self, one: Held, two: Held) -> Held:
        """Two values side by side."""
        target, mode, parts = self.target(), self.choose(MODES), (one, two)
        tensors = self.tensors(one, target)
        tensors = {role: name for role, name in tensors.items() if role.startswith("output")}
        for index, part in enumerate(parts):
            tensors[f"input_scale_{index}"] = part.scale
            tensors |= {} if part.point is None else {f"input_zero_point_{index}": part.point}
        settings = {**target.attributes, "requantize": mode, "count": 2, "dim": 1}
        value = self.graph.add("quantized_cat", [one.value, two.value], tensors=tensors, **settings)
        factors = [np.array(self.number(part.scale) / self.number(target.scale)) for part in parts]
        ends = (mode, self.point(target.point), target.bounds)
        found = [ref.rescale(self.moved(part), factor, *ends) for part, factor in zip(parts, factors, strict=True)]
        return self.made(value, np.concatenate(found, 1), target)

    def averaged(self, op: str, held: Held, sums: Array, counts: Array, options: dict[str, Any]) -> Held:
        """What the sums of an average become."""
        target, mode = self.target(), self.choose(MODES)
        settings = {**target.attributes, "requantize": mode, **options}
        value = self.graph.add(op, [held.value], tensors=self.tensors(held, target), **settings)
        factors = self.number(held.scale) / counts.astype(np.float64) / self.number(target.scale)
        found = ref.rescale(sums, factors, mode, self.point(target.point), target.bounds)
        return self.made(value, found, target)

    def average(self, held: Held) -> Held:
        """An average pool with margins."""
        include = bool(self.random.random() < 0.5)
        sums, counts = ref.windows(self.moved(held), (3, 2), (2, 1), (1, 1), include=include)
        options = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 1), "count_include_pad": include}
        return self.averaged("quantized_avg_pool2d", held, sums, counts, options)

    def adaptive(self, held: Held) -> Held:
        """An adaptive pool whose windows overlap."""
        wanted = tuple(int(self.random.integers(1, size + 1)) for size in held.codes.shape[2:])
        sums, counts = ref.adaptive(self.moved(held), wanted)
        return self.averaged("quantized_adaptive_avg_pool2d", held, sums, counts, {"output_size": wanted})

    def mean(self, held: Held) -> Held:
        """A mean over the last axes."""
        axes = tuple(range(2, held.codes.ndim)) or (1,)
        sums = self.moved(held).sum(axes)
        counts = np.array(np.prod([held.codes.shape[axis] for axis in axes]))
        return self.averaged("quantized_mean", held, sums, counts, {"dim": axes})

    def lookup(self, held: Held, op: str = "tanh", settings: tuple[Any, ...] = ()) -> Held:
        """A table."""
        target = self.target()
        attributes = {**target.attributes, "op": op, "settings": settings}
        value = self.graph.add("quantized_lookup", [held.value], tensors=self.tensors(held, target), **attributes)
        ends = ref.RANGES[held.format]
        source = (self.number(held.scale), self.point(held.point), *ends)
        entries = ref.table(
            FUNCTIONS[op], source, (self.number(target.scale), self.point(target.point), *target.bounds)
        )
        return self.made(value, entries[held.codes - ends[0]], target)

    def softmax(self, held: Held) -> Held:
        """Along the last axis."""
        scale = self.graph.add_tensor(f"scale{len(self.graph.tensors)}", torch.tensor(1 / 256), "buffer")
        tensors = {"input_scale": held.scale, "output_scale": scale}
        value = self.graph.add("quantized_softmax", [held.value], tensors=tensors, output_format="uint8")
        found = ref.softmax(held.codes, self.number(held.scale), 1 / 256, 0, (0, 255))
        return Held(value, found, scale, None, "uint8")

    def norm(self, held: Held, kind: str) -> Held:
        """A norm over the last axis, mostly with weight and bias."""
        target, mode, count = self.target(), self.choose(("double", "single")), held.codes.shape[-1]
        tensors, factor = self.tensors(held, target), 1.0
        norms = ref.norm(self.moved(held), 1e-5, self.number(held.scale), centred=kind == "layer_norm")
        if self.random.random() < 0.7:
            seed = len(self.graph.tensors)
            weight = self.random.uniform(0.2, 2.0, count).astype(np.float32)
            bias = self.random.normal(size=count).astype(np.float32)
            tensors["weight"] = self.graph.add_tensor(f"gamma{seed}", torch.from_numpy(weight))
            tensors["weight_scale"] = self.step(1e-4, 2e-4)
            tensors["bias"] = self.graph.add_tensor(f"beta{seed}", torch.from_numpy(bias))
            factor = self.number(tensors["weight_scale"])
            norms = norms * ref.weight_codes(weight, np.array(factor), "int16")
            norms = norms + ref.bias_codes(bias, np.array(factor / 1024))
        settings = {**target.attributes, "requantize": mode, "normalized_shape": (count,), "eps": 1e-5}
        value = self.graph.add(f"quantized_{kind}", [held.value], tensors=tensors, **settings)
        real = np.array(factor / 1024 / self.number(target.scale))
        return self.made(value, ref.rescale(norms, real, mode, self.point(target.point), target.bounds), target)

    def requantize(self, held: Held) -> Held:
        """Another scale."""
        target, mode = self.target(), self.choose(MODES)
        settings = {**target.attributes, "requantize": mode}
        value = self.graph.add("requantize", [held.value], tensors=self.tensors(held, target), **settings)
        factor = np.array(self.number(held.scale) / self.number(target.scale))
        found = ref.rescale(self.moved(held), factor, mode, self.point(target.point), target.bounds)
        return self.made(value, found, target)

    def pooled(self, held: Held) -> Held:
        """A maximum pool, which keeps scale and format."""
        value = self.graph.add("max_pool2d", [held.value], kernel_size=(2, 2), stride=(1, 1))
        high, wide = (size - 1 for size in held.codes.shape[2:])
        corners = [(row, column) for row in (0, 1) for column in (0, 1)]
        parts = [held.codes[:, :, row : high + row, column : wide + column] for row, column in corners]
        return Held(value, np.maximum.reduce(parts), held.scale, held.point, held.format)

    def flat(self, held: Held) -> Held:
        """Images as rows."""
        value = self.graph.add("flatten", [held.value])
        return Held(value, held.codes.reshape(len(held.codes), -1), held.scale, held.point, held.format)

    def finish(self, *held: Held) -> None:
        """Return the codes."""
        self.graph.set_outputs([each.value for each in held])
        self.graph.verify()


@frozen
class Target:
    """Where a row's codes go."""

    format: str
    scale: str
    point: str | None
    bounds: tuple[int, int]
    attributes: dict[str, Any]


WINDOWS = {"stride": 1, "padding": 0, "dilation": 1}
FUNCTIONS = {
    "tanh": lambda x: float(np.tanh(x)),
    "sigmoid": lambda x: float(1 / (1 + np.exp(-x))),
    "hardswish": lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    "square": lambda x: x * x,
}


def drawn(seed: int, side: int = 6, batch: int = 2) -> tuple[Grower, list[Held]]:
    """A random network of images, with every value that it makes."""
    grower = Grower(seed, batch)
    values = [grower.input(3, side, side)]
    steps = (grower.convolution, grower.pooled, grower.average, grower.adaptive, grower.requantize, grower.lookup)
    for _ in range(int(grower.random.integers(2, 5))):
        values.append(grower.choose(steps)(values[-1]))
        if min(values[-1].codes.shape[2:]) < 2:
            break
    values.append(grower.add(values[-1], grower.lookup(values[-1], "hardswish")))
    values.append(grower.cat(values[-1], grower.mul(values[-1], values[-2])))
    values.append(grower.flat(values[-1]))
    values.append(grower.linear(values[-1]))
    values.append(grower.norm(values[-1], grower.choose(("layer_norm", "rms_norm"))))
    values.append(grower.softmax(values[-1]))
    values.append(grower.relu_norm(grower.linear(values[-2], raw=True)))
    grower.finish(*values[1:])
    return grower, values[1:]
