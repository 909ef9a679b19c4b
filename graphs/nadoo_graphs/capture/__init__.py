"""Capture: from a PyTorch module to a graph, through torch.export."""

from nadoo_graphs.capture.capture import Dynamic, capture

__all__ = ["Dynamic", "capture"]
