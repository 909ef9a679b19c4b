"""A graph with many kinds of attributes, for a fuzzer to play with."""

from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.values import Value
from tests.graphs.saving.samples import ramp


def wide_graph() -> ModelGraph:
    """Rows whose inference computes with attributes: windows, sections, shapes, axes, repeats."""
    graph = ModelGraph("wide")
    image = graph.add_input("image", ("N", 2, 8, 8))
    weights = {"weight": ramp(4, 2, 3, 3), "bias": ramp(4)}
    hidden = graph.add("conv2d", [image], name="conv", tensors=weights, padding=(1, 1), stride=(2, 2))
    hidden = graph.add("max_pool2d", [hidden], name="pool", kernel_size=(2, 2), stride=(2, 2))
    hidden = graph.add("conv_transpose2d", [hidden], name="up", tensors={"weight": ramp(4, 4, 2, 2)}, stride=(2, 2))
    hidden = graph.add("pad", [hidden], name="edge", pad=(1, 1, 0, 0))
    graph.add("split", [hidden], name="parts", sizes=(1, 3), dim=1)
    graph.add("chunk", [hidden], name="halves", chunks=2, dim=1)
    hidden = graph.add("cat", [Value("parts", 0), Value("parts", 1), Value("halves", 1)], name="join", dim=1)
    hidden = graph.add("flatten", [hidden], name="flat", start_dim=1)
    hidden = graph.add("reshape", [hidden], name="shape", shape=(-1, 4, 36))
    hidden = graph.add("permute", [hidden], name="turn", dims=(0, 2, 1))
    hidden = graph.add("slice", [hidden], name="cut", dim=1, start=1, end=9, step=2)
    hidden = graph.add("unsqueeze", [hidden], name="axis", dim=1)
    hidden = graph.add("expand", [hidden], name="wide", shape=(-1, 3, 4, 4))
    hidden = graph.add("adaptive_avg_pool2d", [hidden], name="mean", output_size=(2, 2))
    hidden = graph.add("upsample", [hidden], name="grow", sizes=(4, 4))
    hidden = graph.add("layer_norm", [hidden], name="norm", normalized_shape=(4,), tensors={"weight": ramp(4)})
    steps = graph.add_input("steps", (3, "N", 4))
    weights = {"weight_ih_l0": ramp(8, 4), "weight_hh_l0": ramp(8, 2)}
    states = [graph.add_input(name, (1, "N", 2)) for name in ("hidden", "cell")]
    steps = graph.add("lstm", [steps, *states], name="memory", tensors=weights, has_biases=False)
    numbers = graph.add("arange", name="numbers", end=4, dtype="float32")
    many = graph.add("repeat", [numbers], name="many", repeats=(2, 1))
    graph.add("unbind", [many], name="rows", dim=0)
    graph.set_outputs([hidden, steps, Value("rows", 1)])
    return graph
