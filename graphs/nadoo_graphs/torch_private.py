"""The private names of torch that nadoo cannot do without: the one door to them, to be checked at each new version."""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001
from typing import Any, TypeAlias

import torch
from torch import fx
from torch.fx import graph as fx_graph
from torch.nn.modules import batchnorm
from torch.utils import _pytree as pytree

OpOverload = torch._ops.OpOverload
NormBase: TypeAlias = batchnorm._NormBase
TreeCodeGen: TypeAlias = fx_graph._PyTreeCodeGen
TreeInfo: TypeAlias = fx_graph._PyTreeInfo


def codegen_of(graph: fx.Graph) -> Any:
    """What turns an fx graph into Python, with the form of arguments and results."""
    return graph._codegen


def schema_of(target: Any) -> Any:
    """The schema of an operator overload; None for anything else that an fx node may call."""
    return target._schema if isinstance(target, OpOverload) else None


def is_mutable(target: Any) -> bool:
    """Whether calling an overload writes one of its arguments."""
    schema = schema_of(target)
    return schema is not None and schema.is_mutable


def functional_overload(target: Any) -> Any:
    """The overload that gives the same values without writing; the target itself if it writes nothing; else None."""
    if not is_mutable(target):
        return target
    packet = getattr(getattr(torch.ops, target.namespace), target._opname.removesuffix("_"), None)
    other = getattr(packet, target._overloadname, None)
    if other is None or is_mutable(other):
        return None
    kinds = [str(argument.type) for argument in target._schema.arguments]
    return other if [str(argument.type) for argument in other._schema.arguments] == kinds else None


__all__ = [
    "NormBase",
    "OpOverload",
    "TreeCodeGen",
    "TreeInfo",
    "codegen_of",
    "functional_overload",
    "is_mutable",
    "pytree",
    "schema_of",
]
