"""Golden files: what a pass makes of a graph, in text that a person reads, so that reviews see how a pass changes.

A case is a folder `PASS/CASE/` with `given.txt` (the graph before), `step.toml` (the step as a recipe has it) and
`becomes.txt` (the graph after with its refusals, or the error). The graph itself comes from a function of the tests.
"""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from nadoo_core.errors import NadooError
from nadoo_core.options import RESERVED, structure
from nadoo_core.passes import Pass, PassResult
from nadoo_core.testing.context import law_context
from nadoo_graphs.graph import ModelGraph
from nadoo_graphs.tensors import TensorRecord

GIVEN, STEP, BECOMES = "given.txt", "step.toml", "becomes.txt"
MOST_NUMBERS = 6


@frozen
class GoldenCase:
    """One folder of golden files."""

    folder: Path

    @property
    def name(self) -> str:
        """The pass and the case, such as "fold-batch-norm/convolution"."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def pass_name(self) -> str:
        """The pass that is applied."""
        return self.folder.parent.name

    def step(self) -> dict[str, Any]:
        """The step as it stands in a recipe."""
        return tomllib.loads((self.folder / STEP).read_text(encoding="utf-8"))

    def texts(self, graph: ModelGraph, pass_class: type[Pass]) -> dict[str, str]:
        """What the files have to hold."""
        return {GIVEN: golden_text(graph), BECOMES: self.becomes(graph, pass_class)}

    def becomes(self, graph: ModelGraph, pass_class: type[Pass]) -> str:
        """What the step makes of the graph: the result and what was refused, or why there is none."""
        step = self.step()
        chosen = {key: value for key, value in step.items() if key not in RESERVED}
        try:
            operation = structure(pass_class, chosen, f"step {self.pass_name!r}")
            context = law_context(graph, operation)
            allowed = bool(step.get("allow_no_change", False))
            return result_text(operation.run(graph, evolve(context, allow_no_change=allowed)))
        except NadooError as error:
            return f"{type(error).__name__}: {error}\n"

    def differences(self, graph: ModelGraph, pass_class: type[Pass]) -> tuple[str, ...]:
        """The files that are not as they have to be."""
        texts = self.texts(graph, pass_class)
        return tuple(name for name, text in texts.items() if self.read(name) != text)

    def read(self, name: str) -> str:
        """The text of a file, empty where it is missing."""
        path = self.folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def rewrite(self, graph: ModelGraph, pass_class: type[Pass]) -> tuple[str, ...]:
        """Write what differs; give the names of those files."""
        texts = self.texts(graph, pass_class)
        changed = self.differences(graph, pass_class)
        for name in changed:
            (self.folder / name).write_text(texts[name], encoding="utf-8")
        return changed


def golden_cases(folder: Path) -> tuple[GoldenCase, ...]:
    """Every case below a folder, by name."""
    return tuple(GoldenCase(path.parent) for path in sorted(folder.glob(f"*/*/{STEP}")))


# --- texts ------------------------------------------------------------------------------------------------------------


def golden_text(graph: ModelGraph) -> str:
    """The graph with the numbers of its tensors, rounded so that the last bits of a machine do not show."""
    return "\n".join([graph.text(), *tensor_lines(graph)]) + "\n"


def result_text(result: PassResult) -> str:
    """The graph after a pass, and the nodes that it left alone."""
    refused = [f"refused: {item.node}: {item.reason}" for item in result.record.refused]
    return "\n".join([golden_text(result.graph), *refused]).rstrip() + "\n"


def tensor_lines(graph: ModelGraph) -> Iterator[str]:
    """One line a tensor, in the order of names."""
    width = max((len(name) for name in graph.tensors), default=0)
    for name, record in sorted(graph.tensors.items()):
        yield f"{name.ljust(width)}  {remark(record)}{numbers_text(record)}"


def remark(record: TensorRecord) -> str:
    """What is unusual about a tensor."""
    return "" if record.role == "parameter" else f"({record.role}) "


def numbers_text(record: TensorRecord) -> str:
    """The first numbers of a tensor, and the sum of the sizes of all if there are more."""
    flat: Sequence[float] = [float(number) for number in record.value.double().reshape(-1).numpy()]
    shown = " ".join(f"{number:.4g}" for number in flat[:MOST_NUMBERS])
    return shown if len(flat) <= MOST_NUMBERS else f"{shown} … Σ|·| = {sum(map(abs, flat)):.4g}"
