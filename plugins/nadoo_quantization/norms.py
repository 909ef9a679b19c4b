"""Softmax and the norms over features, which have integer definitions of their own."""

import torch

from nadoo_graphs.node import Node
from nadoo_quantization.names import tensor_name
from nadoo_quantization.rewriter import Handler, Rewriter

MOST_FEATURES = 16384
LARGEST_CODE = 32767
BYTE = 8


def reads_bytes(rewriter: Rewriter, node: Node) -> bool:
    """Whether what a node reads is to have codes of at most 8 bits, which these rows take."""
    name = rewriter.step.activations_of(rewriter.before.operand(node.name).node)
    return name not in rewriter.graph.formats or rewriter.graph.formats[name].bits <= BYTE


def admits_softmax(rewriter: Rewriter, node: Node) -> bool:
    """A softmax of bytes that changes no dtype."""
    return node.attributes.get("dtype") is None and reads_bytes(rewriter, node)


def rewrite_softmax(rewriter: Rewriter, node: Node) -> None:
    """A softmax of codes."""
    source = rewriter.read_codes(node)
    rewriter.become(node, "quantized_softmax", rewriter.output_grid(node), {"input_scale": source.scale_name})


def admits_norm(rewriter: Rewriter, node: Node) -> bool:
    """As many features as the integer definition has room for."""
    shape = node.attributes.get("normalized_shape")
    count = 1
    for size in shape if isinstance(shape, tuple) else ():
        count *= size if isinstance(size, int) else MOST_FEATURES + 1
    return count <= MOST_FEATURES and reads_bytes(rewriter, node)


def rewrite_norm(rewriter: Rewriter, node: Node) -> None:
    """A norm of codes, with its weight as integers of 16 bits."""
    source = rewriter.read_codes(node)
    tensors: dict[str, object] = {**node.tensors, **source.roles("input")}
    if "weight" in node.tensors:
        weight = rewriter.graph.tensor(node.tensors["weight"])
        scale = (weight.double().abs().max() / LARGEST_CODE).clamp(min=1e-12).to(rewriter.dtype)
        name = tensor_name(rewriter.graph, node.name, "weight_scale")
        tensors["weight_scale"] = rewriter.graph.add_tensor(name, scale, "buffer")
    given = node.attributes.get("eps")
    eps = torch.finfo(rewriter.dtype).eps if given is None else given
    rewriter.become(node, f"quantized_{node.op}", rewriter.output_grid(node), tensors, eps=eps)


HANDLERS = {
    "softmax": Handler(admits_softmax, rewrite_softmax),
    "layer_norm": Handler(admits_norm, rewrite_norm),
    "rms_norm": Handler(admits_norm, rewrite_norm),
}
