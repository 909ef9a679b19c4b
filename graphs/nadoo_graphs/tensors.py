"""The tensors of a graph: parameters, buffers and constants beside the nodes, replaced and never written in place."""

import hashlib
from functools import cached_property
from typing import Literal, TypeAlias

import torch
from attrs import evolve, field, frozen

from nadoo_graphs.values import ValueType

TensorRole: TypeAlias = Literal["parameter", "buffer", "constant"]
ROLES: tuple[TensorRole, ...] = ("parameter", "buffer", "constant")


class DigestMemo:
    """The hash of a tensor's content, valid while torch has counted no write to it."""

    def __init__(self) -> None:
        self.version = -1
        self.digest = ""


@frozen(eq=False)
class TensorRecord:
    """One tensor and what a module needs to know of it.

    The graph owns the tensor: whoever hands one over does not write to it any more, so its hash is computed once.
    """

    value: torch.Tensor = field(repr=False)
    role: TensorRole = "parameter"
    persistent: bool = True
    trainable: bool = True
    format: str | None = None
    memo: DigestMemo = field(factory=DigestMemo, repr=False)

    @cached_property
    def type(self) -> ValueType:
        """Shape, dtype and format as inference sees them."""
        return ValueType(tuple(self.value.shape), dtype_name(self.value.dtype), self.format)

    @property
    def bytes(self) -> int:
        """How much memory the tensor takes as it is held."""
        return self.value.numel() * self.value.element_size()

    def with_value(self, value: torch.Tensor) -> "TensorRecord":
        """The same tensor with other content, hashed anew."""
        trains = self.trainable and (value.is_floating_point() or value.is_complex())
        return evolve(self, value=owned(value), trainable=trains, memo=DigestMemo())

    def digest(self) -> str:
        """The sha256 of dtype, shape and content; memoised until a write that torch counts."""
        version = self.value._version  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if self.memo.version != version:
            self.memo.digest = content_digest(self.value)
            self.memo.version = version
        return self.memo.digest


def dtype_name(dtype: torch.dtype) -> str:
    """torch.float32 as "float32"."""
    return str(dtype).removeprefix("torch.")


def torch_dtype(name: str) -> torch.dtype:
    """The dtype that a name such as "float32" stands for."""
    return getattr(torch, name)


def owned(value: torch.Tensor) -> torch.Tensor:
    """A plain tensor that no module writes to: parameters and tensors with a gradient history are copied.

    So is what was made in inference mode, which could neither be trained nor tell when it is written to.
    """
    if value.is_inference():
        with torch.inference_mode(mode=False):
            return value.detach().clone().cpu()
    if isinstance(value, torch.nn.Parameter) or value.requires_grad:
        return value.detach().clone()
    return value if value.device.type == "cpu" else value.cpu()


def content_bytes(value: torch.Tensor) -> memoryview:
    """The little-endian bytes of a tensor in C order, without a copy where it is contiguous."""
    flat = value.detach().contiguous().reshape(-1)
    flat = flat.as_strided(flat.shape, (1,), flat.storage_offset())  # one element may have any stride
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b"")


def content_digest(value: torch.Tensor) -> str:
    """The sha256 that identifies a tensor by dtype, shape and content."""
    digest = hashlib.sha256(f"{dtype_name(value.dtype)}{list(value.shape)}".encode())
    digest.update(content_bytes(value))
    return digest.hexdigest()
