"""Data made from a seed, for tests, demonstrations and machines without any: separable classes or a smooth function."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from attrs import frozen

from nadoo_core.data.dataset import TRAIN, fingerprint, require_split
from nadoo_core.data.examples import Examples
from nadoo_core.data.order import derived_seed
from nadoo_core.options import Options, option

if TYPE_CHECKING:
    import torch


@frozen(kw_only=True)
class Synthetic(Options):
    """Gaussian clouds, one a class, or targets that follow from the inputs by a fixed function, plus noise."""

    task: Literal["classification", "regression"] = option(default="classification", help="what the targets are")
    examples: int = option(default=512, minimum=1, help="how many examples train has; test has a quarter of that")
    shape: tuple[int, ...] = option(
        default=(16,), minimum=1, min_length=1, help="shape of one input; three sizes make images"
    )
    outputs: int = option(default=4, minimum=1, help="how many classes or regression targets")
    noise: float = option(default=0.5, minimum=0, help="standard deviation of what is added to inputs or targets")
    seed: int = option(default=0, help="which data of this kind")

    name: ClassVar[str] = "synthetic"

    def complaints(self) -> Iterable[str]:
        """Every class has an example."""
        if self.examples < self.outputs:
            yield f"examples is {self.examples} and outputs is {self.outputs}; give at least one example an output"

    @property
    def classes(self) -> tuple[str, ...]:
        """The numbers of the classes; none for regression."""
        return tuple(map(str, range(self.outputs))) if self.task == "classification" else ()

    def load(self, split: str) -> Examples:
        """The examples of "train" or "test", which share their centres or their function and nothing else."""
        require_split(self.name, split)
        count = self.examples if split == TRAIN else max(self.outputs, self.examples // 4)
        inputs, targets = self.clouds(split, count) if self.classes else self.function(split, count)
        return Examples(inputs.reshape(count, *self.shape), targets)

    def clouds(self, split: str, count: int) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Points around the centre of their class; classes take turns."""
        import torch

        centres = self.draw("centres", self.outputs)
        labels = torch.arange(count) % self.outputs
        return centres[labels] + self.noise * self.draw(split, count), labels

    def function(self, split: str, count: int) -> tuple["torch.Tensor", "torch.Tensor"]:
        """The sine of a fixed projection of each point, with noise."""
        inputs = self.draw(split, count)
        weights = self.draw("weights", self.outputs) / inputs.shape[1] ** 0.5
        noise = self.draw(f"{split} noise", count)[:, :1]
        return inputs, (inputs @ weights.T).sin() + self.noise * noise

    def draw(self, purpose: str, count: int) -> "torch.Tensor":
        """Normal numbers that belong to this purpose alone."""
        import torch

        generator = torch.Generator().manual_seed(derived_seed("synthetic", self.seed, purpose))
        return torch.randn((count, torch.Size(self.shape).numel()), generator=generator)

    def fingerprint(self) -> str:
        """A hash of the options, from which everything follows."""
        return fingerprint(self, ("1",))
