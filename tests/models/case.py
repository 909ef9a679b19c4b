"""What one model of the bank is: how to build it, what to feed it, and what is expected of it.

A test asks a case for a model and for arguments and gets the same ones every time, on every machine with the same
torch, because both are drawn from seeds; nothing is stored.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import torch
from attrs import Factory, frozen
from torch import Tensor, nn
from torch.export import Dim
from torch.utils import _pytree as pytree  # pyright: ignore[reportPrivateUsage]

Arguments: TypeAlias = tuple[Any, ...]
KeywordArguments: TypeAlias = dict[str, Any]
Inputs: TypeAlias = Callable[[torch.Generator], Arguments]
KeywordInputs: TypeAlias = Callable[[torch.Generator], KeywordArguments]
DynamicAxes: TypeAlias = Mapping[str, tuple[int, ...]]

BATCH = 3
"""The batch of most examples: no layer of the bank is three wide, so a size that was mixed up shows."""

STATIC: DynamicAxes = {}
"""For a case none of whose sizes may vary."""


def no_keywords(generator: torch.Generator) -> KeywordArguments:
    """The keyword arguments of a case that takes none."""
    del generator
    return {}


@frozen
class Case:
    """One model with its inputs and what a test may expect of it.

    `dynamic` names, for each argument of `forward`, the axes that vary between calls in every tensor of that
    argument; None stands for axis 0 of every tensor, the batch.
    """

    name: str
    build: Callable[[], nn.Module]
    inputs: Inputs
    keyword_inputs: KeywordInputs = no_keywords
    dynamic: DynamicAxes | None = None
    trainable: bool = True
    """Whether a backward pass in train mode reaches a parameter."""
    fallback: bool = False
    """Whether replacing each in-place operator by its pure form would compute something else."""
    train_only: bool = False
    """Whether training runs code that a capture in eval mode cannot see."""
    writes: tuple[str, ...] = ()
    """The buffers that `forward` writes in eval mode."""
    large: bool = False
    """Whether it is a full architecture, too slow to export in every test."""
    notes: str = ""

    def model(self, seed: int = 0) -> nn.Module:
        """Build the model in eval mode with weights that depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.build()
            disperse_norms(model)
        return model.eval()

    def arguments(self, seed: int = 0) -> tuple[Arguments, KeywordArguments]:
        """Draw positional and keyword arguments that depend on the seed alone."""
        generator = torch.Generator().manual_seed(seed)
        return self.inputs(generator), self.keyword_inputs(generator)

    def dynamic_shapes(
        self, model: nn.Module, arguments: Arguments, keywords: KeywordArguments
    ) -> dict[str, Any] | None:
        """Say which axes vary, in the form that torch.export takes."""
        if self.dynamic == STATIC:
            return None
        bound = inspect.signature(model.forward).bind(*arguments, **keywords)
        return {name: self._varying(name, argument) for name, argument in bound.arguments.items()}

    def _varying(self, name: str, argument: object) -> Any:
        axes = (0,) if self.dynamic is None else self.dynamic.get(name, ())
        return pytree.tree_map(partial(varying_axes, axes), argument)


@frozen
class Refusal:
    """A model that no graph can hold; the line of its source that is to blame ends in `MARKER`."""

    name: str
    build: Callable[[], nn.Module]
    inputs: Inputs
    notes: str = ""

    def model(self, seed: int = 0) -> nn.Module:
        """Build the model in eval mode with weights that depend on the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.build().eval()

    def arguments(self, seed: int = 0) -> Arguments:
        """Draw arguments that depend on the seed alone."""
        return self.inputs(torch.Generator().manual_seed(seed))

    def line(self) -> tuple[str, int]:
        """Find the file and the line number that a refusal has to name."""
        kind = type(self.build())
        file = inspect.getsourcefile(kind)
        lines, first = inspect.getsourcelines(kind)
        marked = [number for number, line in enumerate(lines, first) if line.rstrip().endswith(MARKER)]
        if file is None or len(marked) != 1:
            raise LookupError(f"{kind.__name__} has {len(marked)} lines that end in {MARKER!r}; mark exactly one")
        return file, marked[0]


MARKER = "# refused here"


@frozen
class Draw:
    """Inputs drawn from a normal distribution, one tensor a shape."""

    shapes: tuple[tuple[int, ...], ...]
    dtype: torch.dtype = torch.float32
    scale: float = 1.0

    def __call__(self, generator: torch.Generator) -> Arguments:
        return tuple(self.scale * torch.randn(shape, generator=generator, dtype=self.dtype) for shape in self.shapes)


@frozen
class DrawIntegers:
    """Inputs drawn uniformly from 0 up to and without a limit, as token numbers are."""

    shapes: tuple[tuple[int, ...], ...]
    limit: int = 10
    dtype: torch.dtype = torch.int64

    def __call__(self, generator: torch.Generator) -> Arguments:
        return tuple(torch.randint(self.limit, shape, generator=generator, dtype=self.dtype) for shape in self.shapes)


@frozen
class DrawTogether:
    """Several kinds of inputs, one after the other."""

    parts: tuple[Inputs, ...] = Factory(tuple)

    def __call__(self, generator: torch.Generator) -> Arguments:
        return tuple(argument for part in self.parts for argument in part(generator))


def normal(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Draw:
    """Say that a case takes tensors of these shapes with normally distributed values."""
    return Draw(shapes, dtype)


def integers(*shapes: tuple[int, ...], limit: int = 10, dtype: torch.dtype = torch.int64) -> DrawIntegers:
    """Say that a case takes tensors of these shapes with integers below a limit."""
    return DrawIntegers(shapes, limit, dtype)


def together(*parts: Inputs) -> DrawTogether:
    """Say that a case takes the arguments of all parts, in order."""
    return DrawTogether(parts)


def varying_axes(axes: tuple[int, ...], leaf: object) -> dict[int, Any] | None:
    """Say which axes of one leaf of an argument vary; only tensors have any."""
    if not isinstance(leaf, Tensor):
        return None
    return {axis: Dim.DYNAMIC for axis in axes if axis < leaf.dim()} or None


def disperse_norms(model: nn.Module) -> None:
    """Give every normalization scales and statistics of its own: fresh ones are 0 and 1, which hides a mix-up."""
    for module in model.modules():
        if isinstance(module, NORMS):
            _disperse(module.weight, 1.0)
            _disperse(getattr(module, "bias", None), 0.0)
            _disperse(getattr(module, "running_mean", None), 0.0)
            _disperse(getattr(module, "running_var", None), 1.0)


def _disperse(tensor: Tensor | None, middle: float) -> None:
    if tensor is not None:
        nn.init.uniform_(tensor, middle - 0.5, middle + 0.5)


NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.InstanceNorm2d,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
