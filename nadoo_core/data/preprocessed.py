"""A data set seen through a user's function: the inputs that a model was trained with are rarely the raw ones.

The function gets the inputs of a whole split and gives as many back; targets stay. Its code is part of the data's
fingerprint, so that a changed function is a changed data set.
"""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from nadoo_core.data.dataset import Dataset
from nadoo_core.data.errors import data_error
from nadoo_core.data.examples import Examples
from nadoo_core.errors import CoreCode, DataError, Problem


@frozen(eq=False)
class Preprocessed:
    """The examples of a data set with their inputs changed by a function; `code` is the hash of its source."""

    source: Dataset
    function: Callable[[Any], Any]
    title: str
    code: str

    @property
    def name(self) -> str:
        """The name of the data set itself."""
        return self.source.name

    @property
    def classes(self) -> tuple[str, ...]:
        """What the labels mean, which preprocessing does not change."""
        return self.source.classes

    def load(self, split: str) -> Examples:
        """The examples of a split, preprocessed."""
        examples = self.source.load(split)
        if examples.larger is not None:
            message = "gets no images that are larger than the inputs; leave vary_at out of the data set's options"
            raise data_error("recipe.data.preprocess", message)
        return Examples(self.changed(examples), examples.targets)

    def changed(self, examples: Examples) -> Any:
        """What the function makes of the inputs; anything but as many inputs is refused."""
        import torch

        try:
            found = self.function(examples.inputs.clone())
        except Exception as error:  # a user's function may raise anything
            message = f"{self.title} raised {type(error).__name__}: {error}; it gets {described(examples.inputs)}"
            raise DataError(Problem(CoreCode.DATA, "recipe.data.preprocess", message)) from error
        if isinstance(found, torch.Tensor) and found.ndim > 0 and len(found) == len(examples):
            return found
        given = described(found) if isinstance(found, torch.Tensor) else type(found).__name__
        message = f"{self.title} gave {given} for {len(examples)} examples; return a tensor with one row an example"
        raise data_error("recipe.data.preprocess", message)

    def fingerprint(self) -> str:
        """The hash of the data and of the function."""
        return f"{self.source.fingerprint()}/{self.code}"


def described(tensor: Any) -> str:
    """A tensor in words."""
    return f"a tensor of {tensor.dtype} and shape {list(tensor.shape)}"
