"""Capture: from a PyTorch module to a graph, through torch.export."""

from nadoo_graphs.capture.entry import capture
from nadoo_graphs.capture.examples import Dynamic

__all__ = ["Dynamic", "capture"]
