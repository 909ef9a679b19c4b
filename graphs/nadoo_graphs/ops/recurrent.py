"""Recurrent layers, stacked and in both directions: one node runs an LSTM, a GRU or a plain one over all steps.

Tensors have the names that torch.nn gives them, layer by layer, the reverse direction after the forward one.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from nadoo_graphs.errors import Code
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.linear import require_dtype, require_tensor, shape_text
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Role
from nadoo_graphs.ops.reading import flag, integer, number
from nadoo_graphs.sizes import Shape, Size
from nadoo_graphs.values import ValueType

if TYPE_CHECKING:
    from torch import nn

MOST_LAYERS = 1000


@frozen
class Cell:
    """One kind of recurrent cell: its gates, its states, and the elementary work of one hidden element.

    The work: each gate sums two products, gates and states are squashed, and the rest mixes old and new.
    """

    name: str
    title: str
    gates: int
    states: int
    work: int


LSTM = Cell("lstm", "Long short-term memory", gates=4, states=2, work=13)
GRU = Cell("gru", "Gated recurrent unit", gates=3, states=1, work=11)
RNN_TANH = Cell("rnn_tanh", "Plain recurrence with tanh", gates=1, states=1, work=2)
RNN_RELU = Cell("rnn_relu", "Plain recurrence with relu", gates=1, states=1, work=2)
PROJECTION = "projected"


@frozen
class Step:
    """One direction of one layer: the ending of its tensors' names and the features that it takes."""

    ending: str
    features: Size

    def role(self, kind: str) -> str:
        """The name of one of its tensors."""
        return f"{kind}_{self.ending}"


@frozen
class Stack:
    """The sizes of all layers, read off the input, the states and the attributes."""

    cell: Cell
    features: Size
    hidden: Size
    output: Size
    layers: int
    directions: int
    biased: bool
    projected: bool

    @property
    def states(self) -> int:
        """How many states of each kind there are: one a layer and direction."""
        return self.layers * self.directions

    def steps(self) -> Iterator[Step]:
        """All layers in order; each takes what both directions of the one before gave."""
        for layer in range(self.layers):
            features = self.output * self.directions if layer else self.features
            for suffix in ("", "_reverse")[: self.directions]:
                yield Step(f"l{layer}{suffix}", features)

    def shapes(self, step: Step) -> dict[str, Shape]:
        """The tensors of one step and their shapes."""
        width = self.hidden * self.cell.gates
        weights: dict[str, Shape] = {
            step.role("weight_ih"): (width, step.features),
            step.role("weight_hh"): (width, self.output),
        }
        if self.biased:
            weights |= {step.role("bias_ih"): (width,), step.role("bias_hh"): (width,)}
        return {**weights, step.role("weight_hr"): (self.output, self.hidden)} if self.projected else weights

    def products(self, step: Step) -> Size:
        """The multiply-accumulates of one element of the batch at one moment."""
        gates = self.hidden * self.cell.gates * (step.features + self.output)
        return gates + self.hidden * self.output if self.projected else gates


def role_names(attributes: Mapping[str, Attribute]) -> Iterator[str]:
    """The tensors' names in the order in which torch takes them."""
    layers = attributes["layers"]
    kinds = ["weight_ih", "weight_hh"]
    kinds += ["bias_ih", "bias_hh"] if attributes["has_biases"] else []
    kinds += ["weight_hr"] if attributes.get(PROJECTION) else []
    for layer in range(min(layers, MOST_LAYERS) if isinstance(layers, int) else 0):
        for suffix in ("", "_reverse") if attributes["bidirectional"] else ("",):
            yield from (f"{kind}_l{layer}{suffix}" for kind in kinds)


def recurrent_roles(attributes: Mapping[str, Attribute]) -> tuple[Role, ...]:
    """The tensors that a layer with these attributes has."""
    return tuple(Role(name) for name in role_names(attributes))


def require_options(call: Call) -> None:
    """Refuse a depth or a dropout out of range."""
    layers, dropout = integer(call, "layers"), number(call, "dropout")
    found: list[str] = []
    if not 1 <= layers <= MOST_LAYERS:
        found.append(f"layers is {layers}; it must be from 1 to {MOST_LAYERS}")
    if not 0 <= dropout <= 1:
        found.append(f"dropout is {dropout}; it is a probability and must be from 0 to 1")
    if found:
        raise call.refuse("; ".join(found))


def require_states(call: Call) -> None:
    """Refuse an input or states of the wrong rank or dtype."""
    for name, found in zip(("input", "state", "state"), call.operands, strict=False):
        if found.rank != 3:
            raise call.refuse(f"the {name} is {found}; it must have 3 axes: input [steps, batch, features]")
        require_dtype(call, name, found, (call.operand.dtype,))
    if not call.operand.is_floating:
        raise call.refuse(f"the input is {call.operand}; cast it to a floating-point dtype", Code.DTYPE)


def stack_of(cell: Cell, call: Call) -> Stack:
    """The stack that a call describes."""
    return Stack(
        cell=cell,
        features=call.operand.shape[2],
        hidden=call.operands[-1].shape[2],
        output=call.operands[1].shape[2],
        layers=integer(call, "layers"),
        directions=2 if flag(call, "bidirectional") else 1,
        biased=flag(call, "has_biases"),
        projected=bool(call.attributes.get(PROJECTION)),
    )


def require_sizes(call: Call, stack: Stack, batch: Size) -> None:
    """Refuse states or weights whose sizes do not follow from the input and from one another."""
    for state, width in zip(call.operands[1:], (stack.output, stack.hidden), strict=False):
        wanted = (stack.states, batch, width)
        if state.shape != wanted:
            raise call.refuse(f"a state has shape {shape_text(state.shape)}; it must be {shape_text(wanted)}")
    if not stack.projected and stack.output != stack.hidden:
        raise call.refuse(f"the states have {stack.output} and {stack.hidden} features; without projection give equal")
    for step in stack.steps():
        for role, shape in stack.shapes(step).items():
            require_tensor(call, role, call.tensors[role], shape)


def infer_recurrent(cell: Cell, call: Call) -> tuple[ValueType, ...]:
    """The outputs of all steps, then the last states, which have the shapes of the first ones."""
    require_options(call)
    require_states(call)
    stack, shape = stack_of(cell, call), call.operand.shape
    batch = shape[0] if flag(call, "batch_first") else shape[1]
    require_sizes(call, stack, batch)
    outputs = (*shape[:2], stack.output * stack.directions)
    return tuple(ValueType(found, call.operand.dtype) for found in (outputs, *(one.shape for one in call.operands[1:])))


def recurrent_macs(cell: Cell, call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """At every moment each step multiplies its input and its state by its weights."""
    stack = stack_of(cell, call)
    total: Size = 0
    for step in stack.steps():
        total = total + stack.products(step)
    return call.operand.shape[0] * call.operand.shape[1] * total


def recurrent_work(cell: Cell, call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """At every moment the gates of each hidden element, with two additions a gate for the biases."""
    stack = stack_of(cell, call)
    each = cell.work + (2 * cell.gates if stack.biased else 0)
    return call.operand.shape[0] * call.operand.shape[1] * stack.hidden * (stack.states * each)


def recurrent_module(name: str, attributes: Mapping[str, Any]) -> "nn.Module":
    """The leaf module of a recurrent layer."""
    from nadoo_graphs.ops.recurrent_module import Layout, Recurrent

    names = ("has_biases", "layers", "dropout", "bidirectional", "batch_first")
    layout = Layout(**{key: attributes[key] for key in names})
    return Recurrent(overload(f"{name}.input"), tuple(role_names(attributes)), layout)


def recurrent_row(cell: Cell, *aliases: str) -> Op:
    """One kind of recurrent layer; only an LSTM can project its state."""
    projection = (AttributeRow(PROJECTION, "bool", False),)
    return Op(
        name=cell.name,
        summary=f"{cell.title} over [steps, batch, features]; gives all outputs, then the last states.",
        infer=partial(infer_recurrent, cell),
        module=partial(recurrent_module, cell.name),
        attributes=(
            AttributeRow("has_biases", "bool", True),
            AttributeRow("layers", "int", 1),
            AttributeRow("dropout", "float", 0.0),
            AttributeRow("bidirectional", "bool", False),
            AttributeRow("batch_first", "bool", False),
            *(projection if cell is LSTM else ()),
        ),
        roles=recurrent_roles,
        arity=(1 + cell.states, 1 + cell.states),
        macs=partial(recurrent_macs, cell),
        elementary=partial(recurrent_work, cell),
        aliases=aliases,
    )


ROWS = (
    recurrent_row(LSTM, "LSTM"),
    recurrent_row(GRU, "GRU"),
    recurrent_row(RNN_TANH, "RNN"),
    recurrent_row(RNN_RELU),
)
