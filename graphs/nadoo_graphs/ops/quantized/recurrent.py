"""Recurrent layers over codes: sums of integers for every gate, tables for sigmoid and tanh, a state of 16 bits.

At every moment, for every gate, with v the integers of the weights and both biases b in units of their sums:

    p_x = clamp(REQ(Σ v_ih·(q_x − z_x) + q_b, S_x·S_ih·2¹²), ±2²⁰)    p_h likewise from the state's codes q_h
    p   = clamp(p_x + p_h, −2¹⁵, 2¹⁵ − 1)                             a gate before its function, in units of 2⁻¹²
    σ(p), tanh(p)                                                     interpolated tables, in units of 2⁻¹⁵

An LSTM keeps its cell c in units of its scale 2⁻ⁿ, a GRU its state s in units of 2⁻¹⁵, both within ±32767:

    LSTM: c ← clamp(rhu(σ(f)·c / 2¹⁵) + rhu(σ(i)·tanh(g) / 2³⁰⁻ⁿ)),  q_h ← REQ(σ(o)·tanh(c), 2⁻³⁰ / S_y)
    GRU:  n = tanh(p_x + rhu(σ(r)·p_h / 2¹⁵)),  s ← rhu(((2¹⁵ − σ(z))·n + σ(z)·s) / 2¹⁵),  q_h ← REQ(s, 2⁻¹⁵ / S_y)
    tanh: q_h ← REQ(tanh(p), 2⁻¹⁵ / S_y)        relu: q_h ← REQ(max(p_x + p_h, 0), 2⁻¹² / S_y)

The states that come and go lie on the output's grid, but a cell and a GRU's state are int16 of the scale `state_scale`.
"""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from attrs import evolve

from nadoo_graphs.errors import Code
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Making, Op, Role
from nadoo_graphs.ops.quantized.codes import (
    BUFFER,
    CARRIERS,
    FOLDED,
    INPUT_ROLES,
    OUTPUT_ROLES,
    RESCALED,
    STEP_GRADIENTS,
    WEIGHT_FORMAT,
    WEIGHT_GRADIENT,
    WEIGHT_GRADIENTS,
    require_choice,
    require_codes,
    require_steps,
    rescaled_type,
)
from nadoo_graphs.ops.quantized.masters import scale_role
from nadoo_graphs.ops.reading import text
from nadoo_graphs.ops.recurrent import (
    GRU,
    LSTM,
    RNN_RELU,
    RNN_TANH,
    Cell,
    infer_recurrent,
    recurrent_macs,
    recurrent_work,
    role_names,
)
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

STATE_FORMAT = "int16"
STATE_SCALE = Role("state_scale", held=BUFFER)
KEEPING = (LSTM.name, GRU.name)
"""The cells that carry a state of 16 bits from one moment to the next."""
STEPS = ("input_scale", "input_zero_point", "output_scale", "output_zero_point", "state_scale")


def weight_roles(attributes: Mapping[str, Attribute]) -> tuple[str, ...]:
    """The roles of the matrices."""
    return tuple(name for name in role_names(attributes) if name.startswith("weight"))


def recurrent_roles(cell: Cell, attributes: Mapping[str, Attribute]) -> tuple[Role, ...]:
    """Matrices and biases as the float layer has them, a scale for each matrix, and those of values."""
    masters = tuple(Role(name) for name in role_names(attributes))
    scales = tuple(Role(scale_role(name), held=BUFFER) for name in weight_roles(attributes))
    return (*masters, *scales, *INPUT_ROLES, *OUTPUT_ROLES, *((STATE_SCALE,) if cell.name in KEEPING else ()))


def require_states(cell: Cell, call: Call) -> None:
    """The state's codes lie on the grid of the output; what is carried in 16 bits has its own."""
    wanted = [text(call, "output_format")] if cell is not GRU else [STATE_FORMAT]
    wanted += [STATE_FORMAT] if cell is LSTM else []
    for index, name in enumerate(wanted, 1):
        require_codes(call, index, 16)
        found = call.operands[index].format
        if found != name:
            message = f"operand {index}, a state, holds codes of {found}; it must hold {name}"
            raise call.refuse(f"{message}: quantize it with the scale that the layer gives its states", Code.DTYPE)


def require_scales(call: Call) -> None:
    """Each matrix is a master with one scale, or one for each of its rows."""
    for role in weight_roles(call.attributes):
        weight, scale = call.tensors[role], call.tensors[scale_role(role)]
        if weight.dtype not in CARRIERS:
            message = f"the tensor {role} is {weight}; it is the master that trains, so give it in"
            raise call.refuse(f"{message} {' or '.join(CARRIERS)}", Code.DTYPE)
        if scale.shape not in {(), weight.shape[:1]} or scale.dtype not in CARRIERS:
            message = f"the tensor {scale_role(role)} is {scale}; give one number, or one for each row of {role}"
            raise call.refuse(f"{message}, in {' or '.join(CARRIERS)}")


def infer_quantized(cell: Cell, call: Call) -> tuple[ValueType, ...]:
    """Codes in the shapes of the float layer."""
    require_codes(call, 0, 16)
    require_states(cell, call)
    require_steps(call, *STEPS)
    require_choice(call, "weight_gradient", WEIGHT_GRADIENTS)
    require_choice(call, "step_gradient", STEP_GRADIENTS)
    name = text(call, "weight_format")
    if call.format(name).kind == "float":
        raise call.refuse(f"weight_format is {name}, which is no integer; use an integer format or a code book")
    require_scales(call)
    operands = tuple(ValueType(item.shape, call.operand.dtype) for item in call.operands)
    plain = evolve(call, operands=operands, attributes={**call.attributes, "dropout": 0.0})
    found = infer_recurrent(cell, plain)
    first = rescaled_type(call, found[0].shape, call.operand.dtype)
    formats = [item.format for item in call.operands[1:]]
    return (first, *(evolve(item, format=held) for item, held in zip(found[1:], formats, strict=True)))


def stored_recurrent(attributes: Mapping[str, Attribute]) -> Mapping[str, str | None]:
    """Packed matrices, biases and multipliers of 32 bits."""
    weight = str(attributes["weight_format"])
    found: dict[str, str | None] = {**FOLDED, "state_scale": None}
    for role in role_names(attributes):
        found[role] = weight if role.startswith("weight") else "int32"
        if role.startswith("weight"):
            found[scale_role(role)] = "int32"
    return found


def make_recurrent(name: str, making: Making) -> "nn.Module":
    """The layer over codes."""
    from nadoo_graphs.ops.quantized.recurrent_module import QuantizedRecurrent

    return QuantizedRecurrent(name, making)


def quantized_row(cell: Cell) -> Op:
    """The row over codes of one kind of cell."""
    return Op(
        name=f"quantized_{cell.name}",
        summary=f"{cell.title} over codes: integer sums, tables for its functions, a state of 16 bits.",
        infer=partial(infer_quantized, cell),
        layer=partial(make_recurrent, cell.name),
        codes=Codes.READ,
        stored=stored_recurrent,
        attributes=(
            AttributeRow("has_biases", "bool", True),
            AttributeRow("layers", "int", 1),
            AttributeRow("bidirectional", "bool", False),
            AttributeRow("batch_first", "bool", False),
            WEIGHT_FORMAT,
            *RESCALED,
            WEIGHT_GRADIENT,
        ),
        roles=partial(recurrent_roles, cell),
        arity=(1 + cell.states, 1 + cell.states),
        macs=partial(recurrent_macs, cell),
        elementary=partial(recurrent_work, cell),
    )


ROWS = tuple(map(quantized_row, (LSTM, GRU, RNN_TANH, RNN_RELU)))
