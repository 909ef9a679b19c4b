"""How layers call functions with a gradient of their own, whose results torch does not type."""

from typing import Any, cast

import torch


def applied(function: type[torch.autograd.Function], *arguments: Any) -> torch.Tensor:
    """The one tensor that a function gives."""
    return cast(torch.Tensor, cast(Any, function).apply(*arguments))
