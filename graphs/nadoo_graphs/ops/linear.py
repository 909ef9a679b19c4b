"""Layers that multiply the last axis by a matrix, and what every layer with weights has in common.

A layer's weight is usually a tensor of the model. Where the model computes it, as a masked weight,
the `computed_` row of the same layer takes it as an operand, and the graph shows how it is made.
"""

from typing import Any

from attrs import evolve

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.op import Call, Op, Role, Run
from nadoo_graphs.sizes import Shape, Size
from nadoo_graphs.values import ValueType

LAYER_ROLES = (Role("weight"), Role("bias", optional=True))
COMPUTED_ARITY = (2, 3)


def layer_types(call: Call) -> tuple[ValueType, ValueType | None]:
    """The types of weight and bias, wherever the row has them: among its tensors or its operands."""
    if "weight" in call.tensors:
        return call.tensors["weight"], call.tensors.get("bias")
    if len(call.operands) < COMPUTED_ARITY[0]:
        raise call.refuse("the weight is missing; give a tensor, or to a computed layer a second operand")
    return call.operands[1], call.operands[2] if len(call.operands) == COMPUTED_ARITY[1] else None


def layer_tensors(run: Run) -> tuple[Any, Any, Any]:
    """Input, weight and bias to run with; a bias that is not there is None."""
    if "weight" in run.tensors:
        return run.operand, run.tensors["weight"], run.tensors.get("bias")
    return run.operand, run.operands[1], run.operands[2] if len(run.operands) == COMPUTED_ARITY[1] else None


def computed(row: Op) -> Op:
    """The same layer with its weight, and bias if any, as operands."""
    summary = f"The row {row.name}, but weight and bias are values that the model computes."
    name = f"computed_{row.name}"
    return evolve(row, name=name, summary=summary, roles=(), arity=COMPUTED_ARITY, aliases=())


def shape_text(shape: Shape) -> str:
    """A shape as messages write it."""
    return f"[{', '.join(str(size) for size in shape)}]"


def require_dtype(call: Call, role: str, found: ValueType, dtypes: tuple[str, ...]) -> None:
    """Refuse a tensor that torch would not combine with the input."""
    if found.dtype not in dtypes:
        message = f"the {role} is {found.dtype} but the input is {call.operand.dtype}"
        raise call.refuse(f"{message}; cast one of them, the {role} may be {' or '.join(dtypes)}", Code.DTYPE)


def require_tensor(call: Call, role: str, found: ValueType | None, shape: Shape, dtypes: tuple[str, ...] = ()) -> None:
    """Refuse a tensor of the wrong shape or dtype; one that is optional and absent is fine."""
    if found is None:
        return
    if found.shape != shape:
        given, wanted = shape_text(found.shape), shape_text(shape)
        raise call.refuse(f"the {role} has shape {given}; for this input it must be {wanted}")
    require_dtype(call, role, found, dtypes or (call.operand.dtype,))


def bias_additions(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """One addition for each output element where the layer has a bias."""
    return 0 if layer_types(call)[1] is None else outputs[0].elements


def infer_linear(call: Call) -> tuple[ValueType, ...]:
    """The input with its last axis replaced by the weight's outputs."""
    source = call.operand
    weight, bias = layer_types(call)
    if weight.rank != 2:
        raise call.refuse(f"the weight is {weight}; a linear layer's weight has two axes, [out, in]")
    if source.rank < 1 or source.shape[-1] != weight.shape[1]:
        raise call.refuse(f"the input is {source}; for the weight {weight} it must end in {weight.shape[1]}")
    require_dtype(call, "weight", weight, (source.dtype,))
    require_tensor(call, "bias", bias, (weight.shape[0],))
    return (ValueType((*source.shape[:-1], weight.shape[0]), source.dtype),)


def execute_linear(run: Run) -> Any:
    """The layer as torch captures it."""
    return overload("linear.default")(*layer_tensors(run))


def linear_macs(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """Every output element is a dot product over the input's features."""
    return outputs[0].elements * call.operand.shape[-1]


def infer_identity(call: Call) -> tuple[ValueType, ...]:
    """What goes in."""
    return (ValueType(call.operand.shape, call.operand.dtype),)


def execute_identity(run: Run) -> Any:
    """The operand itself, not a copy."""
    return run.operand


LINEAR = Op(
    name="linear",
    summary="Multiplies the last axis by a weight [out, in] and adds a bias: [*, in] becomes [*, out].",
    infer=infer_linear,
    execute=execute_linear,
    roles=LAYER_ROLES,
    macs=linear_macs,
    elementary=bias_additions,
    aliases=("Linear",),
)
IDENTITY = Op(
    name="identity",
    summary="Hands its operand on.",
    infer=infer_identity,
    execute=execute_identity,
    aliases=("Identity",),
    view=True,
    in_place=(0,),
)
ROWS = (LINEAR, computed(LINEAR), IDENTITY)
