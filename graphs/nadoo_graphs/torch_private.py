"""The private names of torch that nadoo cannot do without: the one door to them, to be checked at each new version."""

from typing import Any

import torch
from torch.fx.graph import _PyTreeCodeGen as TreeCodeGen
from torch.fx.graph import _PyTreeInfo as TreeInfo
from torch.nn.modules.batchnorm import _NormBase as NormBase
from torch.utils import _pytree as pytree

OpOverload = torch._ops.OpOverload


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


__all__ = ["NormBase", "OpOverload", "TreeCodeGen", "TreeInfo", "functional_overload", "is_mutable", "pytree", "schema_of"]
