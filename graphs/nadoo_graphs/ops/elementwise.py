"""How rows that work element by element are made, so that each is one entry of a table.

What differs between them is the overload, the rule for the resulting dtype, and the attributes.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import calls, overload
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Run, per_element
from nadoo_graphs.ops.promotion import Operand, broadcast, floating, operands_dtype
from nadoo_graphs.ops.reading import optional_number
from nadoo_graphs.values import FLOATING, ValueType

Result: TypeAlias = Callable[[Call, str], str]

SIGNED_OR_BYTE = ("uint8", "int8", "int16", "int32", "int64")

OTHER = AttributeRow("other", "number", None, optional=True)
REVERSED = AttributeRow("reversed", "bool", default=False)


def any_kind(call: Call, dtype: str) -> str:
    """The operands' own dtype, whatever it is."""
    return dtype


def numeric(call: Call, dtype: str) -> str:
    """The operands' own dtype, which is a number's."""
    return admitted(call, dtype, (*SIGNED_OR_BYTE, *FLOATING))


def floats(call: Call, dtype: str) -> str:
    """The operands' own dtype, which is floating."""
    return admitted(call, dtype, FLOATING)


def whole(call: Call, dtype: str) -> str:
    """The operands' own dtype, which is an integer's or boolean."""
    return admitted(call, dtype, ("bool", *SIGNED_OR_BYTE))


def as_float(call: Call, dtype: str) -> str:
    """The operands' own dtype where it is floating, else the default one."""
    return floating(dtype)


def boolean(call: Call, dtype: str) -> str:
    """A truth value, whatever the operands are."""
    return "bool"


def admitted(call: Call, dtype: str, allowed: tuple[str, ...]) -> str:
    """The dtype, or a refusal that names those that torch admits here."""
    if dtype not in allowed:
        raise call.refuse(f"works on {', '.join(allowed)}, not on {dtype}; cast the operand first", Code.DTYPE)
    return dtype


def unary(
    name: str,
    summary: str,
    result: Result,
    *,
    aten: str = "",
    attributes: tuple[AttributeRow, ...] = (),
    keywords: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    work: int = 1,
) -> Op:
    """A row with one operand; `aten` is its overload if that is not called as the row is."""
    positional = tuple(row.name for row in attributes if row.name not in keywords)
    return Op(
        name=name,
        summary=summary,
        infer=lambda call: (call.operand.with_dtype(result(call, call.operand.dtype)),),
        execute=calls(aten or f"{name}.default", *positional, keywords=keywords),
        attributes=attributes,
        elementary=per_element(work),
        aliases=aliases,
        in_place=() if result is boolean else (0,),
    )


def binary(
    name: str,
    summary: str,
    result: Result,
    *,
    aten: str = "",
    number: str = "",
    backwards: bool = False,
    commutative: bool = False,
    aliases: tuple[str, ...] = (),
) -> Op:
    """A row with two operands, or one and the number `other`, which is the left one if `reversed`.

    `aten` is the overload for two tensors, `number` for one and a number; `backwards` admits `reversed`.
    """
    tensors = aten or f"{name}.Tensor"
    return Op(
        name=name,
        summary=summary,
        infer=lambda call: (meeting(call, result),),
        execute=calls_on_sides(tensors, number or tensors),
        attributes=(OTHER, REVERSED) if backwards else (OTHER,),
        arity=(1, 2),
        elementary=per_element(1),
        aliases=aliases,
        commutative=commutative,
        in_place=() if result is boolean else (0, 1),
    )


def calls_on_sides(tensors: str, number: str) -> Callable[[Run], Any]:
    """The execution that chooses the overload by what stands on either side."""

    def execute(run: Run) -> Any:
        if len(run.operands) > 1:
            return overload(tensors)(*run.operands)
        if run.attributes.get("reversed"):
            return overload(reversed_overload(tensors))(run.attributes["other"], run.operand)
        return overload(number)(run.operand, run.attributes["other"])

    return execute


def reversed_overload(tensors: str) -> str:
    """The overload for a number on the left of a tensor."""
    special = {"pow.Tensor_Tensor": "pow.Scalar", "remainder.Tensor": "remainder.Scalar_Tensor"}
    return special.get(tensors, tensors)


def of_tensors(name: str, summary: str, result: Result, *, commutative: bool = False) -> Op:
    """A row with two operands that torch does not run with a number."""
    return Op(
        name=name,
        summary=summary,
        infer=lambda call: (meeting(call, result),),
        execute=calls(f"{name}.default"),
        arity=(2, 2),
        elementary=per_element(1),
        commutative=commutative,
        in_place=() if result is boolean else (0, 1),
    )


def meeting(call: Call, result: Result) -> ValueType:
    """The type that comes out where two operands meet."""
    shape = broadcast(call, *(operand.shape for operand in call.operands))
    return ValueType(shape, result(call, operands_dtype(call, *both(call))))


def both(call: Call) -> tuple[Operand, ...]:
    """The two sides of a binary operator, in the order of its operands; the number comes second."""
    if "other" not in call.attributes:
        return call.operands
    other = optional_number(call, "other")
    if len(call.operands) == 2 and other is not None:
        raise call.refuse(f"has two operands and other = {other}; leave other out or remove an operand", Code.SCHEMA)
    if len(call.operands) == 1 and other is None:
        raise call.refuse("has one operand and no number; give a second operand or the attribute other", Code.SCHEMA)
    return call.operands if other is None else (call.operand, other)
