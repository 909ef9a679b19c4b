"""Recurrent layers over whole sequences, with weights of the model's own; packed sequences stay opaque."""

from functools import partial

from nadoo_graphs.capture.importers.importer import AtenCall, Imported, Importer, Tensorial, TensorName
from nadoo_graphs.capture.importers.linear import plain, present
from nadoo_graphs.node import Attribute
from nadoo_graphs.ops.recurrent import GRU, LSTM, PROJECTION, RNN_RELU, RNN_TANH, Cell, role_names
from nadoo_graphs.values import Value


def states_of(call: AtenCall, cell: Cell) -> tuple[Tensorial, ...]:
    """The first states: one tensor, or an LSTM's list of two."""
    given = call["hx"]
    items = given if isinstance(given, tuple) else (given,)
    found = tuple(item for item in items if isinstance(item, Value | TensorName))
    return found if len(found) == cell.states else ()


def weights_of(call: AtenCall) -> tuple[TensorName, ...]:
    """All weights and biases in torch's order; none when one of them is computed."""
    given = call["params"]
    items = given if isinstance(given, tuple) else ()
    found = tuple(item for item in items if isinstance(item, TensorName))
    return found if len(found) == len(items) else ()


def import_recurrent(cell: Cell, call: AtenCall) -> Imported | None:
    """A recurrent layer; a projected one is known by its one tensor more in each direction of each layer."""
    states, weights, source = states_of(call, cell), weights_of(call), present(call, "input")
    if not states or not weights or not source or call["train"] is True:
        return None
    attributes: dict[str, Attribute] = {
        **plain(call, "has_biases", "dropout", "bidirectional", "batch_first"),
        "layers": plain(call, "num_layers")["num_layers"],
    }
    if cell is LSTM:
        attributes[PROJECTION] = len(weights) > len(tuple(role_names(attributes)))
    roles = tuple(role_names(attributes))
    if len(roles) != len(weights):
        return None
    return Imported(cell.name, (source["input"], *states), dict(zip(roles, weights, strict=True)), attributes)


IMPORTERS: dict[str, Importer] = {
    "aten.lstm.input": partial(import_recurrent, LSTM),
    "aten.gru.input": partial(import_recurrent, GRU),
    "aten.rnn_tanh.input": partial(import_recurrent, RNN_TANH),
    "aten.rnn_relu.input": partial(import_recurrent, RNN_RELU),
}
