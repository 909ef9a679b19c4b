"""The recurrent layers over codes: exact integers step by step, and for gradients torch's own float layer."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from math import frexp

import torch
from attrs import frozen
from torch import Tensor, nn
from torch.nn import functional as F

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.formats import Format
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.op import Making
from nadoo_graphs.ops.quantized.applying import applied
from nadoo_graphs.ops.quantized.arithmetic_module import reach_of
from nadoo_graphs.ops.quantized.borders_module import laid
from nadoo_graphs.ops.quantized.codes import bounds_of, range_of
from nadoo_graphs.ops.quantized.exporting import refuse_export
from nadoo_graphs.ops.quantized.gates import (
    FUNCTION_UNIT,
    GATE_UNIT,
    LARGEST_STATE,
    PART_LIMIT,
    bounded_gate,
    divided,
    gate_value,
)
from nadoo_graphs.ops.quantized.masters import scale_role
from nadoo_graphs.ops.quantized.numerics import (
    EXACT_FLOAT32,
    LARGEST_ACCUMULATOR,
    Encode,
    Factors,
    point_of,
    require_accumulator,
    rescaled,
    step_of,
)
from nadoo_graphs.ops.quantized.substitution import in_steps, substituted
from nadoo_graphs.ops.recurrent import role_names
from nadoo_graphs.ops.recurrent_module import Layout, Recurrent
from nadoo_graphs.tensors import torch_dtype

MOST_STATE_BITS = 15
States = tuple[Tensor, ...]


def state_bits(scale: Tensor, where: str, *, only: int | None = None) -> int:
    """The n of a state's scale 2⁻ⁿ; a GRU's state lies between −1 and 1, so that its n is 15."""
    mantissa, exponent = frexp(float(scale))
    bits = 1 - exponent
    if mantissa != 0.5 or not 0 <= bits <= MOST_STATE_BITS or only not in {None, bits}:
        allowed = f"2^-{only}" if only is not None else f"a power of two from 2^-{MOST_STATE_BITS} to 1"
        message = f"the scale of its state is {float(scale):g}; it must be {allowed}"
        raise GraphError(Problem(Code.DATA, f"node {where!r}", f"{message}: give it such a state_scale"))
    return bits


@frozen
class Part:
    """One matrix of a level: integers, biases, where its operand's zero is, and the factors to units of gates."""

    weight: Tensor
    bias: Tensor | None
    point: int
    factors: Factors
    bound: float

    def gates(self, codes: Tensor) -> Tensor:
        """What the operand's codes add to each gate, in float64."""
        dtype = torch.float32 if self.bound <= EXACT_FLOAT32 else torch.float64
        sums = F.linear((codes - self.point).to(dtype), self.weight.to(dtype)).to(torch.float64)
        total = sums if self.bias is None else sums + self.bias
        return rescaled(total, self.factors, 0, self.bound, positive=False).clamp_(-PART_LIMIT, PART_LIMIT)


class QuantizedRecurrent(nn.Module):
    """A stack of recurrent layers over codes, exact as integers."""

    def __init__(self, cell: str, making: Making) -> None:
        super().__init__()
        attributes = making.attributes
        self.cell, self.where = cell, making.node
        self.tensors = dict(making.tensors)
        self.format: Format = making.formats[str(attributes["weight_format"])]
        self.rule, self.mode = str(attributes["weight_gradient"]), str(attributes["requantize"])
        self.step_rule = str(attributes["step_gradient"])
        self.ranges = range_of(making), making.formats[str(making.type.format)].code_range(with_zero_point=True)
        self.bounds, self.dtype = bounds_of(making), torch_dtype(making.type.dtype)
        self.layers = int(attributes["layers"])
        self.endings = ("", "_reverse") if attributes["bidirectional"] else ("",)
        self.biased, self.batch_first = bool(attributes["has_biases"]), bool(attributes["batch_first"])
        names = ("has_biases", "layers", "bidirectional", "batch_first")
        layout = Layout(dropout=0.0, **{name: attributes[name] for name in names})
        self.smooth_layer = Recurrent(overload(f"{cell}.input"), tuple(role_names(attributes)), layout)

    def forward(self, x: Tensor, *states: Tensor, **tensors: Tensor) -> States:
        """The outputs of all steps, then the last states, all as codes."""
        refuse_export(self.where)
        with torch.no_grad():
            exact = self.exact(x, states, tensors)
        if not torch.is_grad_enabled():
            return exact
        smooth = self.smooth(x, states, tensors, exact)
        edges = [self.bounds] + [self.bounds_of_state(index) for index in range(len(states))]
        return tuple(
            substituted(partial(same, code), partial(same, real), *edge)
            for code, real, edge in zip(exact, smooth, edges, strict=True)
        )

    def carries(self, index: int) -> bool:
        """Whether a state is carried in 16 bits: a GRU's, and the cell of an LSTM."""
        return self.cell == "gru" or index == 1

    def bounds_of_state(self, index: int) -> tuple[int, int]:
        """The codes that a state is clamped to."""
        return (-LARGEST_STATE, LARGEST_STATE) if self.carries(index) else self.bounds

    # --- integers -----------------------------------------------------------------------------------------------------

    def exact(self, x: Tensor, states: Sequence[Tensor], tensors: Mapping[str, Tensor]) -> States:
        """Level by level, each over all steps."""
        value = (x.transpose(0, 1) if self.batch_first else x).to(torch.float64)
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.layers):
            found: list[Tensor] = []
            for direction, ending in enumerate(self.endings):
                place = layer * len(self.endings) + direction
                start = [state[place].to(torch.float64) for state in states]
                level = Level(self, f"l{layer}{ending}", tensors, first=layer == 0)
                outputs, ends = level.run(value.flip(0) if direction else value, start)
                found.append(outputs.flip(0) if direction else outputs)
                last.append(ends)
            value = torch.cat(found, -1)
        value = value.transpose(0, 1) if self.batch_first else value
        ends = [torch.stack(items) for items in zip(*last, strict=True)]
        return tuple(item.to(self.dtype) for item in (value, *ends))

    def part(self, kind: str, ending: str, tensors: Mapping[str, Tensor], grid: "Grid") -> Part:
        """One matrix with its bias, for codes of a grid."""
        role = f"weight_{kind}_{ending}"
        weight, step = tensors[role].detach(), step_of(tensors[scale_role(role)].detach())
        name = f"tensor {self.tensors[role]!r}"
        integers = self.format.integers_of(weight, laid(step, 2, 0), name)
        factor = grid.step * (step / self.format.unit)
        sums = integers.abs().sum(1, dtype=torch.float64) * grid.reach
        bias = None
        if self.biased:
            real = tensors[f"bias_{kind}_{ending}"].detach().to(torch.float64)
            bias = (real / factor).round().clamp(-LARGEST_ACCUMULATOR - 1, LARGEST_ACCUMULATOR)
            sums = sums + bias.abs()
        bound = float(sums.max()) if sums.numel() else 0.0
        require_accumulator(bound, f"node {self.where!r}, {role}")
        factors = Factors.of(factor * float(GATE_UNIT), self.mode, f"node {self.where!r}, {role}")
        return Part(integers, bias, grid.point, factors, bound)

    # --- gradients ----------------------------------------------------------------------------------------------------

    def smooth(
        self, x: Tensor, states: Sequence[Tensor], tensors: Mapping[str, Tensor], exact: States
    ) -> Iterator[Tensor]:
        """What the float layer gives for the same numbers, in the steps of the codes."""
        step, point = step_of(tensors["output_scale"]), point_of(tensors.get("output_zero_point"))
        real = (x - point_of(tensors.get("input_zero_point"))) * step_of(tensors["input_scale"])
        starts = [self.real_state(state, index, tensors) for index, state in enumerate(states)]
        roles = self.smooth_layer.roles
        weights = {role: self.decoded(role, tensors) if role.startswith("weight") else tensors[role] for role in roles}
        found = self.smooth_layer(real.to(self.dtype), *starts, **weights)
        for index, (item, code) in enumerate(zip(found, exact, strict=True)):
            if index and self.carries(index - 1):
                yield item / step_of(tensors["state_scale"])
            else:
                yield in_steps(item, step, code if self.step_rule == "pact" else item, point, self.step_rule)

    def real_state(self, codes: Tensor, index: int, tensors: Mapping[str, Tensor]) -> Tensor:
        """The numbers of a state."""
        if self.carries(index):
            return (codes * step_of(tensors["state_scale"])).to(self.dtype)
        moved = codes - point_of(tensors.get("output_zero_point"))
        return (moved * step_of(tensors["output_scale"])).to(self.dtype)

    def decoded(self, role: str, tensors: Mapping[str, Tensor]) -> Tensor:
        """A matrix as the integers stand for it, with a gradient that passes as its format says."""
        step = laid(step_of(tensors[scale_role(role)]), 2, 0)
        integers = applied(Encode, tensors[role], step, self.format, self.rule, f"tensor {self.tensors[role]!r}")
        return (integers * (step / self.format.unit)).to(tensors[role].dtype)


def same(value: Tensor) -> Tensor:
    """The tensor itself."""
    return value


@frozen
class Grid:
    """Where codes lie that a matrix reads."""

    step: Tensor
    point: int
    reach: int

    @classmethod
    def of(cls, name: str, tensors: Mapping[str, Tensor], codes: tuple[int, int]) -> "Grid":
        """The grid of the input or of the output."""
        point = point_of(tensors.get(f"{name}_zero_point"))
        return cls(step_of(tensors[f"{name}_scale"].detach()), point, reach_of(codes, point))


class Level:
    """One direction of one layer in integers."""

    def __init__(self, layer: QuantizedRecurrent, ending: str, tensors: Mapping[str, Tensor], *, first: bool) -> None:
        self.layer = layer
        self.output = Grid.of("output", tensors, layer.ranges[1])
        source = Grid.of("input", tensors, layer.ranges[0]) if first else self.output
        self.given = layer.part("ih", ending, tensors, source)
        self.held = layer.part("hh", ending, tensors, self.output)
        unit = {"lstm": FUNCTION_UNIT**2, "rnn_relu": GATE_UNIT}.get(layer.cell, FUNCTION_UNIT)
        self.factors = Factors.of(1.0 / unit / self.output.step, layer.mode, f"node {layer.where!r}")
        self.bits = 0
        if "state_scale" in tensors:
            only = MOST_STATE_BITS if layer.cell == "gru" else None
            self.bits = state_bits(tensors["state_scale"], layer.where, only=only)

    def run(self, value: Tensor, start: Sequence[Tensor]) -> tuple[Tensor, States]:
        """All steps from the first states on: every output, and the last states."""
        given = self.given.gates(value)
        gru = self.layer.cell == "gru"
        codes, carried = start[0], start[-1]
        codes = self.code(carried) if gru else codes
        outputs = [codes] * len(given)
        for index, gates in enumerate(given):
            codes, carried = self.step(gates, codes, carried)
            outputs[index] = codes
        ends = {"gru": (carried,), "lstm": (codes, carried)}.get(self.layer.cell, (codes,))
        whole = torch.stack(outputs) if outputs else given[..., : codes.shape[-1]]
        return whole, ends

    def code(self, value: Tensor) -> Tensor:
        """A state as a code of the output."""
        low, high = self.layer.bounds
        bound = float(FUNCTION_UNIT**2) if self.layer.cell == "lstm" else 2.0 * PART_LIMIT
        return rescaled(value, self.factors, self.output.point, bound, positive=False).clamp_(low, high)

    def step(self, given: Tensor, codes: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """One moment."""
        held = self.held.gates(codes)
        if self.layer.cell == "lstm":
            return self.lstm_step(given + held, carried)
        if self.layer.cell == "gru":
            state = self.gru_step(given, held, carried)
            return self.code(state), state
        total = given + held
        value = total.clamp(min=0) if self.layer.cell == "rnn_relu" else gate_value("tanh", bounded_gate(total))
        return self.code(value), carried

    def lstm_step(self, total: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """The code of the state, and the cell."""
        raw = bounded_gate(total).chunk(4, -1)
        entry, forget, output = (gate_value("sigmoid", raw[place]) for place in (0, 1, 3))
        fresh = divided(entry * gate_value("tanh", raw[2]), 30 - self.bits)
        cell = (divided(forget * cell, 15) + fresh).clamp_(-LARGEST_STATE, LARGEST_STATE)
        squashed = gate_value("tanh", bounded_gate(divided(cell, self.bits - 12)))
        return self.code(output * squashed), cell

    def gru_step(self, given: Tensor, held: Tensor, state: Tensor) -> Tensor:
        """The state."""
        given_parts, held_parts = given.chunk(3, -1), held.chunk(3, -1)
        reset, update = (
            gate_value("sigmoid", bounded_gate(given_parts[place] + held_parts[place])) for place in (0, 1)
        )
        fresh = gate_value("tanh", bounded_gate(given_parts[2] + divided(reset * held_parts[2], 15)))
        return divided((FUNCTION_UNIT - update) * fresh + update * state, 15).clamp_(-LARGEST_STATE, LARGEST_STATE)
