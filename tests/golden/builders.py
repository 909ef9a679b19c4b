"""The graphs of the golden cases, by the name of the case: pass/case."""

from collections.abc import Callable, Mapping

from nadoo_graphs.graph import ModelGraph
from tests.golden.numbers import ramp, statistics
from tests.golden.structure import STRUCTURE


def convolution() -> ModelGraph:
    """A convolution without a bias, a batch norm and an activation."""
    graph = ModelGraph("convolution")
    x = graph.add_input("image", ("N", 1, 4, 4))
    h = graph.add("conv2d", [x], name="conv", tensors={"weight": ramp(2, 1, 3, 3)}, padding=(1, 1))
    h = graph.add("batch_norm", [h], name="norm", tensors=dict(statistics(2)))
    graph.set_outputs([graph.add("relu", [h], name="relu")])
    return graph


def linear_with_bias() -> ModelGraph:
    """A linear layer with a bias, and a batch norm without scale and shift."""
    graph = ModelGraph("linear_with_bias")
    x = graph.add_input("x", ("N", 3))
    h = graph.add("linear", [x], name="fc", tensors={"weight": ramp(2, 3), "bias": ramp(2)})
    tensors = {role: value for role, value in statistics(2).items() if role.startswith("running")}
    graph.set_outputs([graph.add("batch_norm", [h], name="norm", tensors=tensors)])
    return graph


def first_of_two() -> ModelGraph:
    """Two normalized layers, of which the step selects the first."""
    graph = ModelGraph("first_of_two")
    h = graph.add_input("x", ("N", 2))
    for index in (1, 2):
        h = graph.add("linear", [h], name=f"fc{index}", tensors={"weight": ramp(2, 2)})
        h = graph.add("batch_norm", [h], name=f"norm{index}", tensors=dict(statistics(2)))
    graph.set_outputs([h])
    return graph


def layer_read_twice() -> ModelGraph:
    """A norm behind a layer that others read as it is, and one that can be folded."""
    graph = ModelGraph("layer_read_twice")
    x = graph.add_input("x", ("N", 2))
    first = graph.add("linear", [x], name="first", tensors={"weight": ramp(2, 2)})
    normed = graph.add("batch_norm", [first], name="norm_of_shared", tensors=dict(statistics(2)))
    total = graph.add("add", [normed, first], name="residual")
    second = graph.add("linear", [total], name="second", tensors={"weight": ramp(2, 2)})
    graph.set_outputs([graph.add("batch_norm", [second], name="norm", tensors=dict(statistics(2)))])
    return graph


def no_norm() -> ModelGraph:
    """Nothing that could be folded."""
    graph = ModelGraph("no_norm")
    x = graph.add_input("x", ("N", 2))
    graph.set_outputs([graph.add("linear", [x], name="fc", tensors={"weight": ramp(2, 2)})])
    return graph


def copies() -> ModelGraph:
    """A layer between nodes that hand on what they are given."""
    graph = ModelGraph("copies")
    h = graph.add_input("x", ("N", 2))
    h = graph.add("identity", [h], name="identity")
    h = graph.add("linear", [h], name="fc", tensors={"weight": ramp(2, 2)})
    h = graph.add("cast", [h], name="cast", dtype="float32")
    graph.set_outputs([graph.add("clone", [h], name="clone")])
    return graph


def double_transpose() -> ModelGraph:
    """Two transposes that undo each other, and a third that does not."""
    graph = ModelGraph("double_transpose")
    h = graph.add_input("x", ("N", 2, 3))
    for name in ("first", "second", "third"):
        h = graph.add("transpose", [h], name=name)
    graph.set_outputs([graph.add("relu", [h], name="relu")])
    return graph


def named_nodes() -> ModelGraph:
    """An identity and an activation, both of which the step names."""
    graph = ModelGraph("named_nodes")
    h = graph.add_input("x", ("N", 2))
    h = graph.add("identity", [h], name="block.identity")
    graph.set_outputs([graph.add("tanh", [h], name="block.tanh")])
    return graph


def two_layers() -> ModelGraph:
    """Two linear layers in a row, both with a bias; the second narrows."""
    graph = ModelGraph("two_layers")
    h = graph.add_input("x", ("N", 3))
    h = graph.add("linear", [h], name="fc1", tensors={"weight": ramp(4, 3), "bias": ramp(4)})
    h = graph.add("linear", [h], name="fc2", tensors={"weight": ramp(2, 4), "bias": ramp(2)})
    graph.set_outputs([graph.add("relu", [h], name="relu")])
    return graph


def chain_of_three() -> ModelGraph:
    """Three linear layers in a row, none with a bias."""
    graph = ModelGraph("chain_of_three")
    h = graph.add_input("x", ("N", 4))
    for index, (inputs, outputs) in enumerate(((4, 4), (4, 4), (4, 2)), start=1):
        h = graph.add("linear", [h], name=f"fc{index}", tensors={"weight": ramp(outputs, inputs, step=0.125)})
    graph.set_outputs([h])
    return graph


def bottleneck() -> ModelGraph:
    """A layer that narrows and one that widens again, whose product would be larger than both."""
    graph = ModelGraph("bottleneck")
    h = graph.add_input("x", ("N", 4))
    h = graph.add("linear", [h], name="narrow", tensors={"weight": ramp(1, 4)})
    graph.set_outputs([graph.add("linear", [h], name="wide", tensors={"weight": ramp(4, 1)})])
    return graph


def classifier() -> ModelGraph:
    """A network that can be trained, and a buffer that no training touches."""
    graph = ModelGraph("classifier")
    h = graph.add_input("x", ("N", 2))
    h = graph.add("linear", [h], name="fc1", tensors={"weight": ramp(3, 2), "bias": ramp(3)})
    mean = graph.add_tensor("mean", ramp(3), "buffer")
    h = graph.add("sub", [h, graph.add("tensor", name="mean", tensors={"value": mean})], name="centred")
    h = graph.add("relu", [h], name="relu")
    graph.set_outputs([graph.add("linear", [h], name="fc2", tensors={"weight": ramp(2, 3)})])
    return graph


def perceptron() -> ModelGraph:
    """Two layers with biases and a rectifier between them, with no weight that is zero."""
    graph = ModelGraph("perceptron")
    h = graph.add_input("x", ("N", 3))
    h = graph.add("linear", [h], name="fc1", tensors={"weight": ramp(4, 3) + 0.05, "bias": ramp(4)})
    h = graph.add("relu", [h], name="relu")
    graph.set_outputs([graph.add("linear", [h], name="fc2", tensors={"weight": ramp(2, 4) + 0.05, "bias": ramp(2)})])
    return graph


def half_pruned() -> ModelGraph:
    """A layer of which half the weights are zero."""
    graph = ModelGraph("half_pruned")
    h = graph.add_input("x", ("N", 4))
    weight = ramp(4, 4).clone()
    weight[:, :2] = 0
    graph.set_outputs([graph.add("linear", [h], name="fc", tensors={"weight": weight})])
    return graph


def residual() -> ModelGraph:
    """A normalized layer whose channels a shortcut shares, a wider one inside the block, and a head."""
    graph = ModelGraph("residual")
    x = graph.add_input("x", ("N", 3))
    stem = graph.add("linear", [x], name="stem", tensors={"weight": ramp(3, 3), "bias": ramp(3)})
    h = graph.add("linear", [stem], name="wide", tensors={"weight": ramp(4, 3)})
    h = graph.add("relu", [graph.add("batch_norm", [h], name="norm", tensors=dict(statistics(4)))], name="relu")
    h = graph.add("linear", [h], name="narrow", tensors={"weight": ramp(3, 4)})
    h = graph.add("add", [h, stem], name="sum")
    graph.set_outputs([graph.add("linear", [h], name="head", tensors={"weight": ramp(2, 3)})])
    return graph


def two_blocks() -> ModelGraph:
    """Two residual blocks of one layer each, the first of which does almost nothing."""
    graph = ModelGraph("two_blocks")
    h = graph.add_input("x", ("N", 2))
    for name, step in (("faint", 0.01), ("strong", 0.5)):
        layer = graph.add("linear", [h], name=name, tensors={"weight": ramp(2, 2, start=-step, step=step)})
        h = graph.add("add", [layer, h], name=f"{name}_sum")
    graph.set_outputs([h])
    return graph


BUILDERS: Mapping[str, Callable[[], ModelGraph]] = {
    "calibrate/convolution": convolution,
    "calibrate/perceptron": perceptron,
    "fold-batch-norm/convolution": convolution,
    "fold-batch-norm/first-of-two": first_of_two,
    "fold-batch-norm/layer-read-twice": layer_read_twice,
    "fold-batch-norm/linear-with-bias": linear_with_bias,
    "fold-batch-norm/no-norm": no_norm,
    "heal/classifier": classifier,
    "heal/nothing-to-train": double_transpose,
    "merge-linear/bottleneck": bottleneck,
    "merge-linear/bottleneck-forced": bottleneck,
    "merge-linear/chain-of-three": chain_of_three,
    "merge-linear/two-layers": two_layers,
    "quantize/batch-norm-left": convolution,
    "quantize/no-zero-after-pruning": half_pruned,
    "quantize/perceptron": perceptron,
    "quantize/weights-only": perceptron,
    "find-lottery-ticket/no-weights": double_transpose,
    "find-lottery-ticket/untrained-ticket": classifier,
    "prune-channels/inside-the-block": residual,
    "prune-channels/out-of-reach": residual,
    "prune-channels/two-targets": residual,
    "prune-channels/whole-network": residual,
    "prune-masked/hidden-layer": classifier,
    "prune-masked/too-many": classifier,
    "prune-weights/half": classifier,
    "prune-weights/nothing-left-to-prune": half_pruned,
    "prune-weights/pattern": bottleneck,
    "remove-identities/copies": copies,
    "remove-identities/double-transpose": double_transpose,
    "remove-identities/named-nodes": named_nodes,
    "remove-identities/nothing-to-remove": no_norm,
    "remove-layers/faint-block": two_blocks,
    "remove-layers/no-block": bottleneck,
    "swap-norm/batch-to-rms": convolution,
    "swap-norm/nothing-to-swap": no_norm,
    "train/classifier": classifier,
    "train/nothing-to-train": double_transpose,
    **STRUCTURE,
}
