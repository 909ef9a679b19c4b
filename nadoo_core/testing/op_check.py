"""Rows of operators held against torch: what a row infers for small operands is what its execution gives.

Operands, attributes and tensors are tried by the hundred; those that the inference refuses are passed over.
"""

import itertools
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch
from attrs import frozen

from nadoo_core.testing.report import Item
from nadoo_graphs.errors import GraphError
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops import Call, Op, Run
from nadoo_graphs.ops.op import Required, Role
from nadoo_graphs.sizes import Symbolic, symbol
from nadoo_graphs.tensors import dtype_name, torch_dtype
from nadoo_graphs.values import ValueType

BATCH = 2
SHAPES: tuple[tuple[int, ...], ...] = ((BATCH, 4), (BATCH, 4, 6), (BATCH, 4, 5, 5), (BATCH, 4, 3, 5, 5))
DTYPES = ("float32", "int64")
MOST_OPERANDS = 3
MOST_TRIALS, MOST_ACCEPTED = 5000, 40
GUESSES: Mapping[str, tuple[Attribute, ...]] = MappingProxyType(
    {
        "bool": (False, True),
        "int": (1, 2, 0),
        "float": (0.5,),
        "number": (2, 0.5),
        "str": ("none",),
        "size": (1, 4),
        "ints": ((1,), (0, 1), (2, 2)),
        "sizes": ((4,), (BATCH, 4), (2, 2)),
        "bools": ((True,),),
        "floats": ((0.5,),),
        "dtype": ("float32", "int64"),
        "any": (1,),
    }
)
"""What is tried for attributes that have no default."""


@frozen
class Trial:
    """One way to use a row."""

    operands: tuple[ValueType, ...]
    tensors: Mapping[str, ValueType]
    attributes: Mapping[str, Attribute]

    def call(self, row: Op) -> Call:
        """What inference sees of it."""
        return Call("checked", row.name, self.operands, self.tensors, self.attributes)

    def open(self) -> "Trial":
        """The same with a symbolic batch."""
        batch = symbol("N")
        return Trial(
            tuple(item.with_shape((batch, *item.shape[1:])) for item in self.operands), self.tensors, self.attributes
        )

    def __str__(self) -> str:
        tensors = {role: str(kind) for role, kind in self.tensors.items()}
        return f"{', '.join(map(str, self.operands))} {tensors or ''} {dict(self.attributes) or ''}".rstrip()


def check_op(name: str, row: Any) -> Item:
    """A row on all operands that it accepts; one that accepts none of those tried is not checked."""
    if not isinstance(row, Op):
        return Item("ops", name, (f"{type(row).__name__} is no row; give a nadoo_graphs.ops.Op",))
    problems = [] if row.name == name else [f"it is offered as {name!r} and calls itself {row.name!r}"]
    if row.execute is None and row.module is None:
        return Item("ops", name, (*problems, "it can neither be executed nor made a module"))
    accepted = list(itertools.islice(accepted_trials(row, problems), MOST_ACCEPTED))
    for trial, outputs in accepted:
        problems += execution_problems(row, trial, outputs) or symbolic_problems(row, trial, outputs)
    note = f"{len(accepted)} uses held against torch" if accepted else "it accepts none of the operands that were tried"
    return Item("ops", name, tuple(dict.fromkeys(problems[:MOST_OPERANDS])), (note,), checked=bool(accepted))


def accepted_trials(row: Op, problems: list[str]) -> Iterator[tuple[Trial, tuple[ValueType, ...]]]:
    """Trials that the inference takes, with what it gives; an inference that breaks is noted."""
    for trial in itertools.islice(trials(row), MOST_TRIALS):
        try:
            yield trial, tuple(row.infer(trial.call(row)))
        except GraphError:
            continue
        except Exception as error:
            problems.append(f"infer raised {type(error).__name__} for {trial}: {error}; use call.refuse(…)")
            return


def trials(row: Op) -> Iterator[Trial]:
    """Operands of equal type in all numbers that the row admits, with guessed attributes and tensors."""
    least, most = row.arity
    counts = range(least, min(MOST_OPERANDS, least + 1 if most is None else most) + 1)
    for count, shape, dtype in itertools.product(counts, SHAPES, DTYPES):
        operands = (ValueType(shape, dtype),) * count
        for attributes in guessed_attributes(row):
            for tensors in guessed_tensors(row.roles_of(attributes), shape, dtype):
                yield Trial(operands, tensors, attributes)


def guessed_attributes(row: Op) -> Iterator[dict[str, Attribute]]:
    """The defaults, and for attributes without one each guess."""
    choices = [GUESSES[item.kind] if isinstance(item.default, Required) else (item.default,) for item in row.attributes]
    return (
        {item.name: value for item, value in zip(row.attributes, chosen, strict=True)}
        for chosen in itertools.product(*choices)
    )


def guessed_tensors(roles: tuple[Role, ...], shape: tuple[int, ...], dtype: str) -> Iterator[dict[str, ValueType]]:
    """Shapes that tensors of a layer have: one number, a vector of channels or features, a matrix, a kernel."""
    channels, last = shape[1], shape[-1]
    shapes = dict.fromkeys([(channels,), (last,), (3, last), (3, channels, *(3,) * (len(shape) - 2)), (1,), ()])
    for chosen in itertools.product(*([*([None] if role.optional else []), *shapes] for role in roles)):
        pairs = zip(roles, chosen, strict=True)
        yield {role.name: ValueType(size, dtype) for role, size in pairs if size is not None}


# --- judging ----------------------------------------------------------------------------------------------------------


def execution_problems(row: Op, trial: Trial, outputs: tuple[ValueType, ...]) -> list[str]:
    """Whether torch gives what was inferred, and counts are numbers that count."""
    try:
        found = tuple(map(type_of, execute(row, trial)))
    except Exception as error:
        return [f"infer accepts {trial} and execution raised {type(error).__name__}: {error}"]
    if found != outputs:
        return [f"for {trial} it infers {text(outputs)} and torch gives {text(found)}"]
    counts = {"macs": row.macs, "elementary": row.elementary}
    return [
        f"{name} of {trial} is {count(trial.call(row), outputs)!r}; give a whole number of at least 0"
        for name, count in counts.items()
        if not is_count(count(trial.call(row), outputs))
    ]


def symbolic_problems(row: Op, trial: Trial, outputs: tuple[ValueType, ...]) -> list[str]:
    """Whether a symbolic batch gives the same once it has a value; a row may refuse one."""
    try:
        found = tuple(row.infer(trial.open().call(row)))
    except GraphError:
        return []
    except Exception as error:
        return [f"infer raised {type(error).__name__} for a symbolic batch, {trial.open()}: {error}"]
    bound = tuple(item.bound({"N": BATCH}) for item in found)
    return [] if bound == outputs else [f"for {trial.open()} it infers {text(found)}, for N = {BATCH} {text(outputs)}"]


def execute(row: Op, trial: Trial) -> tuple[torch.Tensor, ...]:
    """The results of a row, or of its module in evaluation."""
    operands = tuple(map(ones_of, trial.operands))
    tensors = {role: ones_of(kind) for role, kind in trial.tensors.items()}
    with torch.no_grad():
        if row.module is not None:
            result = row.module(trial.attributes).eval()(*operands, **tensors)
        else:
            result = row.execute(Run(operands, tensors, trial.attributes))  # type: ignore[misc]
    return (result,) if isinstance(result, torch.Tensor) else tuple(result)


def ones_of(kind: ValueType) -> torch.Tensor:
    """A tensor of a type; its content does not matter."""
    return torch.ones([int(str(size)) for size in kind.shape], dtype=torch_dtype(kind.dtype))


def type_of(tensor: torch.Tensor) -> ValueType:
    """The type that a tensor has."""
    return ValueType(tuple(tensor.shape), dtype_name(tensor.dtype))


def is_count(number: object) -> bool:
    """Whether something counts work; a symbolic size may."""
    return isinstance(number, Symbolic) or (isinstance(number, int) and number >= 0)


def text(types: tuple[ValueType, ...]) -> str:
    """Types as messages show them."""
    return ", ".join(map(str, types)) or "nothing"
