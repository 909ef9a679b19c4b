"""Examples: inputs with their targets, the one form in which data reaches training and evaluation."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attrs import field, frozen

from nadoo_core.data.errors import data_error

if TYPE_CHECKING:
    import torch


@frozen(eq=False)
class Examples:
    """As many targets as inputs, or no targets at all; the first axis counts the examples."""

    inputs: "torch.Tensor" = field()
    targets: "torch.Tensor | None" = None

    def __attrs_post_init__(self) -> None:
        if self.inputs.ndim == 0:
            raise data_error("inputs", "are a single number; the first axis must count the examples")
        if self.targets is None or (self.targets.ndim > 0 and len(self.targets) == len(self.inputs)):
            return
        count = len(self.targets) if self.targets.ndim else 0
        message = f"{count} targets for {len(self.inputs)} inputs; give one target an input, or none at all"
        raise data_error("targets", message)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def labelled(self) -> bool:
        """Whether every example has a class: one integer each."""
        import torch

        return self.targets is not None and self.targets.ndim == 1 and self.targets.dtype == torch.int64

    def groups(self) -> list[int]:
        """The class of every example, or one class for all where there are none: what a stratified draw goes by."""
        if self.targets is None or not self.labelled:
            return [0] * len(self)
        return [int(label) for label in self.targets.numpy()]

    def take(self, indices: "Sequence[int] | torch.Tensor") -> "Examples":
        """The examples at these places, in this order."""
        import torch

        places = torch.as_tensor(indices, dtype=torch.int64)
        return Examples(self.inputs[places], None if self.targets is None else self.targets[places])

    def head(self, count: int) -> "Examples":
        """The first so many examples, or all."""
        return Examples(self.inputs[:count], None if self.targets is None else self.targets[:count])

    def batches(self, size: int) -> Iterator["Examples"]:
        """The examples in their order, so many at a time."""
        for start in range(0, len(self), size):
            stop = start + size
            yield Examples(self.inputs[start:stop], None if self.targets is None else self.targets[start:stop])

    def digest(self) -> str:
        """A hash of shapes, dtypes and content: equal for equal examples."""
        found = hashlib.sha256()
        for tensor in (self.inputs, self.targets):
            described = "none" if tensor is None else f"{tensor.dtype}{list(tensor.shape)}"
            found.update(described.encode())
            if tensor is not None:
                found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()
