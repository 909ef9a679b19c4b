"""How a row calls torch: the ATen overload by its name, with attributes as plain arguments.

Rows are read without torch, so an overload is looked up only when a node is executed; the same call then
works on tensors and on the proxies of a tracer.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nadoo_graphs.ops.op import Run

if TYPE_CHECKING:
    import torch


def overload(name: str) -> Callable[..., Any]:
    """The ATen overload with a name such as "add.Tensor"."""
    import torch

    packet, _, suffix = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), suffix)


def torch_dtype(name: str | None) -> "torch.dtype | None":
    """The dtype that an attribute names; None stays None, which lets torch choose."""
    import torch

    return None if name is None else getattr(torch, name)


def memory_format(name: str | None) -> "torch.memory_format | None":
    """The memory format that an attribute names, with or without "torch." before it."""
    import torch

    return None if name is None else getattr(torch, name.removeprefix("torch."))


def argument(run: Run, name: str) -> Any:
    """An attribute as ATen takes it: a dtype instead of its name, a list instead of a tuple."""
    value: Any = run.attributes[name]
    if name == "dtype":
        return torch_dtype(value)
    if name == "memory_format":
        return memory_format(value)
    return [*value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType]


def calls(name: str, *positional: str, keywords: tuple[str, ...] = ()) -> Callable[[Run], Any]:
    """The execution that hands all operands to one overload, then the named attributes in order."""

    def execute(run: Run) -> Any:
        named = {keyword: argument(run, keyword) for keyword in keywords}
        return run.emit(overload(name), *run.operands, *(argument(run, key) for key in positional), **named)

    return execute


def calls_on_list(name: str, *positional: str) -> Callable[[Run], Any]:
    """The same for an overload that takes all operands as one list, such as `cat`."""

    def execute(run: Run) -> Any:
        return run.emit(overload(name), list(run.operands), *(argument(run, key) for key in positional))

    return execute
