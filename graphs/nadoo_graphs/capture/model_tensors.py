"""The tensors of a model as a graph holds them: copies, tied ones once, in the order of the state dict."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import nn

from nadoo_graphs.tensors import TensorRecord


def model_tensors(model: nn.Module, program: Any) -> tuple[dict[str, TensorRecord], dict[str, str]]:
    """Copies of all tensors of a model, tied ones once, and for every name the one that holds it."""
    records: dict[str, TensorRecord] = {}
    holders: dict[str, str] = {}
    seen: dict[int, str] = {}
    persistent = set(model.state_dict(keep_vars=True))
    parameters = dict(model.named_parameters(remove_duplicate=False))
    for name, value in {**parameters, **dict(model.named_buffers(remove_duplicate=False))}.items():
        holders[name] = seen.setdefault(id(value), name)
        if holders[name] == name:
            role = "parameter" if name in parameters else "buffer"
            kept = value.detach().cpu().clone()
            records[name] = TensorRecord(kept, role, name in persistent, role == "parameter" and value.requires_grad)
    for name, value in program.constants.items():
        if isinstance(value, torch.Tensor) and name not in holders:
            holders[name] = name
            records[name] = TensorRecord(value.detach().cpu().clone(), "constant", persistent=False, trainable=False)
    return records, holders


def state_order(model: nn.Module, holders: Mapping[str, str]) -> list[str]:
    """All names: first in the order of the model's state dict, then those that it does not list."""
    listed = [name for name in model.state_dict(keep_vars=True) if name in holders]
    return list(dict.fromkeys([*listed, *holders]))


def modules_of(model: nn.Module) -> dict[str, nn.Module]:
    """All modules of a model by their paths; the model itself has the empty one."""
    return dict(cast(Any, model).named_modules())
