"""Quantized modules are no source for another capture: what they compute exactly has no ATen operator."""

import torch

from nadoo_graphs.errors import Code, GraphError, Problem


def refuse_export(where: str) -> None:
    """Say so while torch traces, instead of tracing floating-point operators that mean something else."""
    if torch.compiler.is_exporting():
        message = "computes with integer codes, which torch.export cannot describe"
        advice = "keep the graph, and take trained tensors back with graph.set_tensors(module.state_dict())"
        raise GraphError(Problem(Code.CAPTURE, f"node {where!r}", f"{message}; {advice}"))
