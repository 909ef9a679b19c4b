"""What a lowering rule sees of a node, and how it says where results lie and which loops compute them."""

from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve, frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.lowered.building import Body, Place
from nadoo_graphs.lowered.errors import LoweredError, refused
from nadoo_graphs.lowered.names import identifier
from nadoo_graphs.lowered.program import ARENA, FLASH, Buffer, Function, Kernel, Program, Slice
from nadoo_graphs.lowered.types import Kind, kind_of_dtype, kind_of_range
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.sizes import bind, symbols_of
from nadoo_graphs.values import Value, ValueType

if TYPE_CHECKING:
    import torch

BATCH = {"N": 1}
LARGEST_LENGTH = (1 << 31) - 1
Array = np.ndarray[Any, Any]


@frozen
class View:
    """Where a value of the graph lies: a contiguous part of a buffer, and its shape."""

    buffer: str
    offset: int
    shape: tuple[int, ...]
    memory: Kind
    format: str | None = None

    @property
    def length(self) -> int:
        """How many elements it has."""
        return prod(self.shape)


class Views:
    """The buffers and kernels of a program that is being made, and where each value of the graph lies."""

    def __init__(self, graph: ModelGraph, border: str) -> None:
        from nadoo_graphs.lowered.border import settle_inputs

        self.graph = graph
        self.border = border
        self.views: dict[Value, View] = {}
        self.lost: set[str] = set()
        self.settled: set[str] = set()
        """Nodes of the border that need no kernel, because callers give and get codes."""
        self.sources: set[str] = set()
        """The nodes whose values the inputs are."""
        self.buffers: dict[str, Buffer] = {}
        self.kernels: list[Kernel] = []
        self.functions: dict[str, Function] = {}
        self.inputs: list[str] = []
        settle_inputs(self)

    def add(self, buffer: Buffer) -> Buffer:
        """A buffer under a name that no other has."""
        name, count = buffer.name, 1
        while name in self.buffers:
            count += 1
            name = f"{buffer.name}_{count}"
        if buffer.length > LARGEST_LENGTH:
            message = f"has {buffer.length} elements; an index of 32 bits reaches {LARGEST_LENGTH}: make it smaller"
            raise refused(Code.LIMIT, f"buffer {name!r}", message)
        self.buffers[name] = evolve(buffer, name=name)
        return self.buffers[name]

    def give_up(self, node: Node) -> None:
        """What a node gives is not there, so nobody who reads it is lowered either."""
        self.lost.add(node.name)

    def shape(self, kind: ValueType, where: str) -> tuple[int, ...]:
        """A shape for one sample."""
        free = sorted({name for size in kind.shape for name in symbols_of(size)} - set(BATCH))
        if free:
            message = f"has the open sizes {', '.join(free)}; C needs all sizes but the batch: capture with fixed ones"
            raise refused(Code.SYMBOL, where, message)
        return tuple(bind(size, BATCH) for size in kind.shape)

    def memory(self, kind: ValueType, where: str) -> Kind:
        """How elements of a type lie in memory: codes as narrow as their format allows."""
        if kind.format is None:
            return kind_of_dtype(kind.dtype, where)
        row = self.graph.formats[kind.format]  # type: ignore[attr-defined]
        return kind_of_range(int(row.minimum), int(row.maximum))

    def program(self) -> Program:
        """What has been made, with the outputs in buffers of the caller."""
        from nadoo_graphs.lowered.border import outputs_of

        outputs = outputs_of(self)
        return Program(
            name=identifier(self.graph.name),
            buffers=self.buffers,
            kernels=tuple(self.kernels),
            inputs=tuple(self.inputs),
            outputs=outputs,
            functions=self.functions,
        )


class LoweringCall:
    """One node while its rule runs."""

    def __init__(self, views: Views, node: Node) -> None:
        self.views = views
        self.node = node
        self.body = Body()
        self.roles: dict[str, Slice] = {}
        self.facts: dict[str, Any] = {}
        self.integers: Array | None = None
        self.starts: Array | None = None
        self.format = ""

    @property
    def where(self) -> str:
        """The node as messages name it."""
        return f"node {self.node.name!r} ({self.node.op})"

    @property
    def attributes(self) -> Mapping[str, Attribute]:
        """The attributes of the node."""
        return self.node.attributes

    @property
    def readable(self) -> bool:
        """Whether everything that the node reads was lowered."""
        return all(value.node not in self.views.lost for value in self.values)

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The operands as values of the graph."""
        return self.views.graph.operands(self.node)

    @cached_property
    def operands(self) -> tuple[View, ...]:
        """Where the operands lie."""
        return tuple(self.views.views[value] for value in self.values)

    def shape(self, output: int = 0) -> tuple[int, ...]:
        """The shape of an output."""
        return self.views.shape(self.node.outputs[output], self.where)

    def is_read(self, output: int = 0) -> bool:
        """Whether anybody reads an output."""
        return bool(self.views.graph.consumers(Value(self.node.name, output)))

    def refuse(self, message: str, code: Code = Code.UNKNOWN) -> LoweredError:
        """The error of a node that has no kernel as it is."""
        return LoweredError(Problem(code, self.where, message))

    def require(self, holds: bool, message: str) -> None:
        """Refuse a node of which the kernels cannot do something."""
        if not holds:
            raise self.refuse(message)

    def integer(self, name: str) -> int:
        """An attribute that is an integer; a symbolic size is refused."""
        value = self.attributes[name]
        if isinstance(value, int):
            return int(value)
        raise self.refuse(f"has {name} = {value}; kernels need it as a number: capture with fixed sizes", Code.SYMBOL)

    def real(self, name: str) -> float:
        """An attribute that is a number."""
        value = self.attributes[name]
        if isinstance(value, int | float):
            return float(value)
        raise self.refuse(f"has {name} = {value}; kernels need it as a number", Code.SCHEMA)

    # --- tensors ----------------------------------------------------------------------------------------

    def tensor(self, role: str) -> "torch.Tensor | None":
        """A tensor of the node, if it has it."""
        name = self.node.tensors.get(role)
        return None if name is None else self.views.graph.tensor(name).detach().cpu()

    def array(self, role: str) -> Array | None:
        """A tensor of the node as NumPy, floats as float32."""
        found = self.tensor(role)
        if found is None:
            return None
        return (found.float() if found.is_floating_point() else found).numpy()

    def required(self, role: str) -> Array:
        """A tensor that the node must have."""
        found = self.array(role)
        if found is None:
            raise self.refuse(f"has no tensor {role!r}, which its kernel needs", Code.NAME)
        return found

    def executed(self, operands: tuple[Any, ...], attributes: Mapping[str, Any]) -> Any:
        """What torch computes for the row of the node, for rules that print its result as constants."""
        from nadoo_graphs.ops import Run

        row = self.views.graph.ops[self.node.op]
        if row.execute is None:
            raise self.refuse("is no plain call of torch; give it a rule of its own")
        return row.execute(Run(operands, {}, attributes))

    # --- roles ------------------------------------------------------------------------------------------

    def stand(self, role: str, part: Slice) -> None:
        """Let a role stand for memory; no local may be called so."""
        if role not in self.roles:
            self.body.fresh(role)
        self.roles[role] = part

    def read(self, role: str, view: View) -> Place:
        """A role that stands for an operand."""
        self.stand(role, Slice(view.buffer, view.offset, view.length))
        return Place(role, view.memory)

    def operand(self, index: int = 0, role: str = "x") -> Place:
        """A role that stands for an operand of the node."""
        return self.read(role, self.operands[index])

    def flash(self, role: str, data: Array, kind: Kind, format: str | None = None) -> Place:
        """A role that stands for constants."""
        flat = np.ascontiguousarray(data).reshape(-1)
        shape = tuple(int(size) for size in np.shape(data))
        name = identifier(f"{self.node.name}_{role}")
        held = Buffer(
            name, FLASH, kind, flat.size, flat.astype(kind.numpy), format, f"{self.node.name}: {role}", shape=shape
        )
        buffer = self.views.add(held)
        self.stand(role, Slice(buffer.name, 0, buffer.length))
        return Place(role, kind)

    def scratch(self, role: str, length: int, kind: Kind) -> Place:
        """A role that stands for memory of the kernel's own."""
        buffer = self.views.add(Buffer(identifier(f"{self.node.name}_{role}"), ARENA, kind, length))
        self.stand(role, Slice(buffer.name, 0, length))
        return Place(role, kind)

    def result(self, output: int = 0, role: str = "y") -> Place:
        """A role that stands for a new buffer with an output of the node."""
        kind = self.node.outputs[output]
        shape, memory = self.shape(output), self.views.memory(kind, self.where)
        name = identifier(self.node.name if output == 0 else f"{self.node.name}_{output}")
        buffer = self.views.add(Buffer(name, ARENA, memory, prod(shape), format=kind.format, shape=shape))
        self.stand(role, Slice(buffer.name, 0, buffer.length))
        self.place(View(buffer.name, 0, shape, memory, kind.format), output)
        return Place(role, memory)

    def place(self, view: View, output: int = 0) -> None:
        """Say where an output lies: in a buffer of its own, or as a part of another's."""
        self.views.views[Value(self.node.name, output)] = view

    def alias(self, operand: int = 0, output: int = 0, offset: int = 0) -> None:
        """An output that is a part of an operand, in the shape that the graph gives it."""
        view = self.operands[operand]
        self.place(evolve(view, offset=view.offset + offset, shape=self.shape(output)), output)

    def finish(self, part: str = "") -> None:
        """Add the kernel to the program, if the rule wrote one; `part` names what is not the whole node."""
        if not self.body.statements:
            return
        for function in self.body.functions.values():
            self.views.functions.update(function.closure())
        kernel = Kernel(
            name=self.kernel_name(part),
            operator=f"{self.node.op}_{part}" if part else self.node.op,
            format=self.format or self.node.outputs[0].format or self.node.outputs[0].dtype,
            roles=self.roles,
            body=self.body.statements,
            attributes=self.facts,
            layer=self.node.name,
            comment=self.comment(),
            integers=self.integers,
            starts=self.starts,
        )
        self.views.kernels.append(kernel)

    def next_kernel(self, part: str, *kept: str) -> None:
        """End a kernel that is a part of the node, and begin the next; some roles go on standing for the same."""
        self.finish(part)
        roles = {role: self.roles[role] for role in kept}
        self.body, self.roles, self.facts = Body(), {}, {}
        for role, slice_ in roles.items():
            self.stand(role, slice_)

    def kernel_name(self, part: str = "") -> str:
        """A name that no other kernel has."""
        taken = {kernel.name for kernel in self.views.kernels}
        base = f"run_{self.node.name}_{part}" if part else f"run_{self.node.name}"
        name, count = identifier(base), 1
        while name in taken:
            count += 1
            name = identifier(f"{base}_{count}")
        return name

    def comment(self) -> str:
        """The layer and its shapes, for people who read the program."""
        given = ", ".join(str(list(view.shape)) for view in self.operands) or "nothing"
        taken = ", ".join(str(list(self.shape(index))) for index in range(len(self.node.outputs)))
        return f"{self.node.name}: {self.node.op} of {given} to {taken}"
