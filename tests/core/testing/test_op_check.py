"""A row of an operator is held against torch, and each way of being wrong is found."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from nadoo_core.testing.op_check import check_op
from nadoo_graphs.ops import AttributeRow, Call, Op, Run, standard_ops
from nadoo_graphs.values import ValueType

HELD = ("linear", "conv2d", "batch_norm", "layer_norm", "relu", "softmax", "add", "flatten", "sum", "cat", "dropout")


def same(call: Call) -> tuple[ValueType, ...]:
    return (call.operand,)


def narrowed(call: Call) -> tuple[ValueType, ...]:
    return (call.operand.with_shape(call.operand.shape[:-1]),)


def never(call: Call) -> tuple[ValueType, ...]:
    raise call.refuse("takes nothing")


def careless(call: Call) -> tuple[ValueType, ...]:
    return (call.operand.with_dtype(str({}["dtype"])),)


def concrete(call: Call) -> tuple[ValueType, ...]:
    return (call.operand.with_shape([len(range(size)) for size in call.operand.shape]),)  # type: ignore[arg-type]


def negated(run: Run) -> Any:
    return -run.operand


def mismatched(run: Run) -> Any:
    return run.operand @ run.operand


def row(infer: Callable[[Call], tuple[ValueType, ...]] = same, **parts: Any) -> Op:
    return Op(**{"name": "tried", "summary": "Tried.", "infer": infer, "execute": negated, **parts})


@pytest.mark.parametrize("name", HELD)
def test_rows_of_ours_hold(name: str) -> None:
    item = check_op(name, standard_ops()[name])
    assert item.state == "holds", item.text()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (row(narrowed), "it infers"),
        (row(execute=mismatched), "execution raised"),
        (row(careless), "infer raised KeyError"),
        (row(concrete), "symbolic batch"),
        (row(execute=None), "neither be executed"),
        (row(macs=lambda call, outputs: -1), "macs"),
        (row(elementary=lambda call, outputs: 0.5), "elementary"),
        (row(name="other"), "calls itself 'other'"),
        ("a text", "is no row"),
    ],
)
def test_a_wrong_row_is_found(wrong: Any, said: str) -> None:
    item = check_op("tried", wrong)
    assert item.state == "broken"
    assert said in "\n".join(item.problems)


def test_a_row_that_accepts_nothing_that_was_tried_is_not_called_right() -> None:
    item = check_op("tried", row(never))
    assert item.state == "not checked"
    assert "accepts none" in item.text()


def test_attributes_without_a_default_are_guessed() -> None:
    plain = standard_ops()["softmax"]
    required = evolve(plain, attributes=(AttributeRow("dim", "int"), *plain.attributes[1:]))
    assert check_op("softmax", required).state == "holds"
