"""Passes for the tests of recipes and runs: small, fast, and each with one thing that it does or does wrong."""

import os
import time
from pathlib import Path
from typing import Any, ClassVar, Literal

from attrs import frozen

from nadoo_core.passes import CALIBRATED, TRAINED, Context, Exact, Pass, Property, Selector, Unbounded, option


@frozen(kw_only=True)
class ScaleWeights(Pass):
    """Multiply the weights of linear layers by a factor."""

    name: ClassVar[str] = "scale-weights"

    factor: float = option(default=0.5, above=0, maximum=4, help="what weights are multiplied by")
    where: Selector = option(factory=lambda: Selector(op="linear"), help="which layers")

    def apply(self, graph: Any, context: Context) -> None:
        count_call(self.name, context.step)
        for node in self.where.matches(graph):
            name = node.tensors["weight"]
            graph.set_tensor(name, graph.tensor(name) * self.factor)


@frozen(kw_only=True)
class Jitter(Pass):
    """Add seeded noise to the weights of linear layers."""

    name: ClassVar[str] = "jitter"
    needs: ClassVar[tuple[Property, ...]] = (TRAINED,)

    size: float = option(default=0.01, minimum=0, help="standard deviation")
    mode: Literal["all", "first"] = option(default="all", help="which layers")
    delay: float = option(default=0.0, minimum=0, help="seconds to wait")

    def apply(self, graph: Any, context: Context) -> None:
        import torch

        count_call(self.name, context.step)
        time.sleep(self.delay)
        for node in graph.nodes(op="linear")[: 1 if self.mode == "first" else None]:
            name = node.tensors["weight"]
            value = graph.tensor(name)
            noise = torch.randn(value.shape, generator=context.generator(name))
            graph.set_tensor(name, value + self.size * noise)


@frozen(kw_only=True)
class Rename(Pass):
    """Give a linear layer another name, which changes a node and no tensor."""

    name: ClassVar[str] = "rename"
    effect = Exact()

    suffix: str = option(default="x", min_length=1, max_length=8, help="what is put behind the name")

    def apply(self, graph: Any, context: Context) -> None:
        for node in graph.nodes(op="linear"):
            graph.rename(node, f"{node.name}_{self.suffix}")


@frozen(kw_only=True)
class Measure(Pass):
    """Look at calibration data and shift the first bias by its mean."""

    name: ClassVar[str] = "measure"
    effect = Unbounded()
    establishes: ClassVar[tuple[Property, ...]] = (CALIBRATED,)
    breaks: ClassVar[tuple[Property, ...]] = (TRAINED,)

    amount: float = option(help="how much")

    def apply(self, graph: Any, context: Context) -> None:
        mean = context.data("calibration").inputs.mean()
        name = graph.nodes(op="linear")[0].tensors["bias"]
        graph.set_tensor(name, graph.tensor(name) + self.amount * mean)


@frozen(kw_only=True)
class NeedsCalibration(Pass):
    """Need what `measure` establishes."""

    name: ClassVar[str] = "needs-calibration"
    needs: ClassVar[tuple[Property, ...]] = (CALIBRATED,)

    def apply(self, graph: Any, context: Context) -> None:
        name = graph.nodes(op="linear")[0].tensors["bias"]
        graph.set_tensor(name, graph.tensor(name) + 1)


@frozen(kw_only=True)
class Learn(Pass):
    """Train with the run's data."""

    name: ClassVar[str] = "learn"
    establishes: ClassVar[tuple[Property, ...]] = (TRAINED,)

    epochs: int = option(default=1, minimum=1, help="how often every example is seen")

    def apply(self, graph: Any, context: Context) -> None:
        count_call(self.name, context.step)
        trained = context.train(graph, epochs=self.epochs, rate=0.01, batch=16, checkpoint_every=0.01)
        graph.set_tensors({name: record.value for name, record in trained.tensors.items()})


@frozen(kw_only=True)
class ReadFile(Pass):
    """Set the first bias to a number from a file."""

    name: ClassVar[str] = "read-file"

    file: Path = option(help="a file with a number")

    def apply(self, graph: Any, context: Context) -> None:
        name = graph.nodes(op="linear")[0].tensors["bias"]
        graph.set_tensor(name, graph.tensor(name) * 0 + float(self.file.read_text()))


@frozen(kw_only=True)
class Raises(Pass):
    """Raise an error that no pass should."""

    name: ClassVar[str] = "raises"

    def apply(self, graph: Any, context: Context) -> None:
        raise ZeroDivisionError("no number")


@frozen(kw_only=True)
class Nonsense(Pass):
    """Return something although passes return nothing."""

    name: ClassVar[str] = "nonsense"

    def apply(self, graph: Any, context: Context) -> None:
        return 42  # type: ignore[return-value]


@frozen(kw_only=True)
class Idle(Pass):
    """Do nothing."""

    name: ClassVar[str] = "idle"

    def apply(self, graph: Any, context: Context) -> None:
        count_call(self.name, context.step)


def count_call(name: str, step: str) -> None:
    """Note an application where the test asks for it, so that it can count how often a step was really done."""
    path = os.environ.get("TOY_CALLS")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name} {step}\n")
