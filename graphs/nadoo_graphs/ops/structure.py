"""The rows of a graph's border and of what no other row describes: inputs, outputs, tensors, opaque calls."""

from typing import Any

import torch

from nadoo_graphs.nesting import parts_of
from nadoo_graphs.node import INPUT, OUTPUT, TENSOR
from nadoo_graphs.ops.op import AttributeRow, Call, Codes, Op, Role, Run
from nadoo_graphs.values import ValueType

OPAQUE = "opaque"


def as_declared(call: Call) -> tuple[ValueType, ...]:
    """An input is what the contract says it is."""
    if len(call.declared) != 1:
        raise call.refuse(f"declares {len(call.declared)} types, an input has exactly one")
    return call.declared


def nothing(call: Call) -> tuple[ValueType, ...]:
    """The output node and a write to a buffer have no value."""
    return ()


def held(call: Call) -> tuple[ValueType, ...]:
    """A tensor node's value is its tensor."""
    return (call.tensors["value"],)


def written(call: Call) -> tuple[ValueType, ...]:
    """A write needs a value of the buffer's own shape and dtype."""
    target = call.tensors["target"]
    if (call.operand.shape, call.operand.dtype) != (target.shape, target.dtype):
        raise call.refuse(f"writes {call.operand} into a buffer of {target}; they must be equal")
    return ()


def opaque_types(call: Call) -> tuple[ValueType, ...]:
    """What an opaque operator gives is known only for the operands that it was captured with."""
    found = tuple(str(operand) for operand in call.operands)
    expected = call.attributes["signature"]
    if found != expected:
        message = (
            f"runs {call.attributes['target']} unchanged and knows its result only for operands {expected}, not {found}"
        )
        raise call.refuse(f"{message}; leave what feeds it as it is, or replace the node")
    return call.declared


def run_opaque(run: Run) -> Any:
    """Call the ATen overload that the node names, its arguments put back into their places."""
    overload = find_overload(str(run.attributes["target"]))
    positional = [restore(item, run.operands) for item in run.attributes["arguments"]]
    keywords = {name: restore(item, run.operands) for name, item in run.attributes["keywords"]}
    return run.emit(overload, *positional, **keywords)


def find_overload(target: str) -> Any:
    """The operator overload that a text such as "aten.sort.default" names."""
    namespace, packet, overload = target.rsplit(".", 2)
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload)


def restore(item: Any, operands: tuple[Any, ...]) -> Any:
    """One argument of an opaque call: a tagged pair stands for an operand, a dtype or a list of arguments."""
    parts = parts_of(item)
    if parts is None:
        return item
    tag, value = parts
    if tag == "operand":
        return operands[value]
    if tag == "torch":
        return torch_constant(value)
    return [restore(part, operands) for part in value]


def torch_constant(text: str) -> Any:
    """A dtype, layout, memory format or device from its text."""
    name = text.removeprefix("torch.")
    return torch.device(name.removeprefix("device:")) if name.startswith("device:") else getattr(torch, name)


def run_tensor(run: Run) -> Any:
    """A tensor node hands out its tensor."""
    return run.tensors["value"]


def run_write(run: Run) -> Any:
    """The write itself; the module calls it after everything that reads the old content."""
    return torch.ops.aten.copy_.default(run.tensors["target"], run.operand)


ROWS = (
    Op(name=INPUT, summary="An argument of the model.", infer=as_declared, arity=(0, 0)),
    Op(
        name=OUTPUT,
        summary="What the model returns: its operands, in order.",
        infer=nothing,
        arity=(0, None),
        codes=Codes.READ,
    ),
    Op(
        name=TENSOR,
        summary="A parameter, buffer or constant that is used as an operand.",
        infer=held,
        execute=run_tensor,
        roles=(Role("value"),),
        arity=(0, 0),
    ),
    Op(
        name="write",
        summary="Writes its operand into a buffer of the model, as running statistics do.",
        infer=written,
        execute=run_write,
        roles=(Role("target"),),
        effect=True,
    ),
    Op(
        name=OPAQUE,
        summary="A functional ATen operator that no row describes; it runs unchanged and no pass touches it.",
        infer=opaque_types,
        execute=run_opaque,
        attributes=(
            AttributeRow("target", "str"),
            AttributeRow("arguments", "any", ()),
            AttributeRow("keywords", "any", ()),
            AttributeRow("signature", "any", ()),
        ),
        arity=(0, None),
    ),
)

__all__ = ["OPAQUE", "ROWS", "find_overload"]
