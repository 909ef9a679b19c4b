"""ModelGraph: a model as a networkx graph with a small, checked surface.

Vertices hold frozen nodes, edges say which output feeds which operand, tensors lie beside them under their
PyTorch names. `graph.nx` is frozen: every networkx algorithm reads it, only methods of the class write it.
How a graph is looked at stands in `store`, how it is made in `building`, how it is changed in `edits`; here
is what is done with it as a whole.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nadoo_graphs.edits import GraphEdits
from nadoo_graphs.errors import InvalidGraphError, Problem
from nadoo_graphs.store import as_value, name_of

if TYPE_CHECKING:
    import torch

    from nadoo_graphs.difference import GraphDifference
    from nadoo_graphs.execution import Execution


class ModelGraph(GraphEdits):
    """A model: nodes, the values between them, tensors, and the contract at the border."""

    def copy(self) -> "ModelGraph":
        """A graph of its own that shares the tensors, which nobody writes."""
        other = ModelGraph(self.name, self.ops)
        other._adopt(self)
        return other

    def violations(self) -> tuple[Problem, ...]:
        """Everything that is wrong with the graph, in a fixed order; edits alone make no violation."""
        from nadoo_graphs.verification import violations

        return violations(self)

    def verify(self) -> None:
        """Raise with every violation, or do nothing."""
        found = self.violations()
        if found:
            raise InvalidGraphError(found, f"graph {self.name!r} is not valid:")

    def fingerprint(self) -> str:
        """A hash of structure and tensor content: equal for equal models, whatever the order of insertion."""
        from nadoo_graphs.fingerprint import fingerprint

        return fingerprint(self)

    def diff(self, other: "ModelGraph") -> "GraphDifference":
        """What to change in this graph to get the other."""
        from nadoo_graphs.difference import difference

        return difference(self, other)

    def text(self) -> str:
        """The graph as a table, one line a node."""
        from nadoo_graphs.text import text

        return text(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<ModelGraph {self.name!r}: {len(self)} nodes, {len(self.tensors)} tensors>"

    def draw(self) -> str:
        """The graph as SVG."""
        from nadoo_graphs.drawing import draw

        return draw(self)

    def _repr_svg_(self) -> str:
        return self.draw()

    def to_module(self) -> "torch.fx.GraphModule":
        """A trainable PyTorch module that computes the graph and owns its tensors."""
        from nadoo_graphs.execution import to_module

        return to_module(self)

    def run(self, *arguments: Any, keep: str | Sequence[str] = (), **keywords: Any) -> "Execution":
        """Compute the graph in evaluation; `keep` names (globs) the intermediate values to hand out."""
        from nadoo_graphs.execution import execute

        return execute(self, arguments, keywords, keep)

    def save(self, folder: "str | Path") -> Path:
        """Write the graph into a folder, atomically."""
        from nadoo_graphs.saving import save

        return save(self, folder)

    @classmethod
    def load(cls, folder: "str | Path", **options: Any) -> "ModelGraph":
        """Read a graph back with every check; see `nadoo_graphs.saving.load` for the options."""
        from nadoo_graphs.saving import load

        return load(folder, **options)


__all__ = ["ModelGraph", "as_value", "name_of"]
