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
    """As many targets as inputs, or no targets at all; the first axis counts the examples.

    Images to train with may come with larger ones that they were shrunk from, which are varied in their place: what is
    small blurs when it is moved, and images that are never moved would then be unlike all others.
    """

    inputs: "torch.Tensor" = field()
    targets: "torch.Tensor | None" = None
    larger: "torch.Tensor | None" = None

    def __attrs_post_init__(self) -> None:
        if self.inputs.ndim == 0:
            raise data_error("inputs", "are a single number; the first axis must count the examples")
        if self.larger is not None and len(self.larger) != len(self.inputs):
            message = f"are {len(self.larger)} for {len(self.inputs)} inputs; give one an input, or none at all"
            raise data_error("larger images", message)
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
        return self.part(places)

    def head(self, count: int) -> "Examples":
        """The first so many examples, or all."""
        return self.part(slice(count))

    def batches(self, size: int) -> Iterator["Examples"]:
        """The examples in their order, so many at a time."""
        for start in range(0, len(self), size):
            yield self.part(slice(start, start + size))

    def part(self, places: "torch.Tensor | slice") -> "Examples":
        """The examples at these places, with all that belongs to them."""
        targets, larger = (None if rows is None else rows[places] for rows in (self.targets, self.larger))
        return Examples(self.inputs[places], targets, larger)

    def digest(self) -> str:
        """A hash of shapes, dtypes and content: equal for equal examples."""
        found = hashlib.sha256()
        for tensor in (self.inputs, self.targets, *(() if self.larger is None else (self.larger,))):
            described = "none" if tensor is None else f"{tensor.dtype}{list(tensor.shape)}"
            found.update(described.encode())
            if tensor is not None:
                found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return found.hexdigest()
