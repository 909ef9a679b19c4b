"""The third power, as an operator."""

from typing import Any

from nadoo_graphs.ops import Call, Op, Run
from nadoo_graphs.ops.op import per_element
from nadoo_graphs.values import ValueType


def infer(call: Call) -> tuple[ValueType, ...]:
    """The operand's type, but for truth values."""
    if call.operand.dtype == "bool":
        raise call.refuse("works on numbers, not on bool; cast it first")
    return (call.operand,)


def execute(run: Run) -> Any:
    """x · x · x."""
    return run.operand * run.operand * run.operand


CUBE = Op(
    name="cube", summary="The third power of each element.", infer=infer, execute=execute, elementary=per_element(2)
)
