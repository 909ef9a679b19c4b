"""Attention as a module, because its dropout depends on whether the model is being trained."""

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Scaled dot-product attention without parameters or buffers."""

    def __init__(self, *, dropout: float, causal: bool, scale: float | None, gqa: bool) -> None:
        super().__init__()
        self.dropout = dropout
        self.causal = causal
        self.scale = scale
        self.gqa = gqa

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """One row of values for each query."""
        return torch.ops.aten.scaled_dot_product_attention.default(
            query,
            key,
            value,
            mask,
            self.dropout if self.training else 0.0,
            self.causal,
            scale=self.scale,
            enable_gqa=self.gqa,
        )

    def extra_repr(self) -> str:
        """The attributes, for whoever prints the module."""
        return f"dropout={self.dropout}, causal={self.causal}, scale={self.scale}, gqa={self.gqa}"
