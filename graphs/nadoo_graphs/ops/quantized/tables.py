"""Functions of single codes as tables: any element-wise operator over all codes that its operand can hold.

The table is made by the operator's own execution in float64, so that a plugin's activation needs nothing more, and
whoever exports a graph prints the table that the simulation used.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from attrs import frozen

from nadoo_graphs.errors import Code, GraphError, Problem
from nadoo_graphs.ops.op import Op, Run
from nadoo_graphs.ops.quantized.codes import bounds_of, range_of
from nadoo_graphs.ops.quantized.numerics import point_of, step_of

if TYPE_CHECKING:
    from nadoo_graphs.graph import ModelGraph
    from nadoo_graphs.node import Node

Function = Callable[[torch.Tensor], torch.Tensor]


@frozen
class Affine:
    """What codes stand for: (code - point) * step, from the lowest to the highest."""

    step: torch.Tensor
    point: int
    low: int
    high: int

    def codes(self) -> torch.Tensor:
        """Every code in order, as float64."""
        return torch.arange(self.low, self.high + 1, dtype=torch.float64)


def function_of(row: Op, settings: Mapping[str, Any]) -> Function:
    """An element-wise operator as a function of tensors."""
    attributes = row.complete(settings)

    def function(values: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = row.execute(Run((values,), {}, attributes))  # type: ignore[misc]
        return result

    return function


def table_of(function: Function, source: Affine, target: Affine, where: str) -> torch.Tensor:
    """The output code of every input code, as float64."""
    numbers = (source.codes() - source.point) * source.step.detach()
    results = function(numbers)
    require_elementwise(function, numbers, results, where)
    if bool(results.isnan().any()):
        code = int(source.codes()[results.isnan()][0])
        message = (
            f"the function is not a number at {float(numbers[results.isnan()][0]):g}, which code {code} stands for"
        )
        raise GraphError(Problem(Code.NONFINITE, where, f"{message}; keep such values out, or compute in float"))
    scaled = (results / target.step.detach()).round() + target.point
    return scaled.clamp(target.low, target.high)


def require_elementwise(function: Function, numbers: torch.Tensor, results: torch.Tensor, where: str) -> None:
    """What an element becomes must not depend on the others: both halves alone give the same."""
    half = len(numbers) // 2
    parts = (slice(0, half), slice(half, None))
    alike = results.shape == numbers.shape and all(
        torch.allclose(function(numbers[part]), results[part], rtol=1e-12, atol=0, equal_nan=True) for part in parts
    )
    if not alike:
        message = "its operator looks at more than one element, so no table of single codes stands for it"
        raise GraphError(Problem(Code.SCHEMA, where, f"{message}; name an element-wise operator"))


def lookup_table(graph: "ModelGraph", node: "Node") -> torch.Tensor:
    """The table of a quantized_lookup node, in int32: entry i is the output code of the i-th input code."""
    making = graph.making(node)

    def tensor(role: str) -> torch.Tensor | None:
        return graph.tensor(node.tensors[role]) if role in node.tensors else None

    source = Affine(
        step_of(graph.tensor(node.tensors["input_scale"])), point_of(tensor("input_zero_point")), *range_of(making)
    )
    bounds = bounds_of(making)
    target = Affine(step_of(graph.tensor(node.tensors["output_scale"])), point_of(tensor("output_zero_point")), *bounds)
    function = function_of(graph.ops[str(node.attributes["op"])], settings_of(node.attributes["settings"]))
    return table_of(function, source, target, f"node {node.name!r}").to(torch.int32)


def exponential_table(step: torch.Tensor, count: int) -> torch.Tensor:
    """rne(exp(-j * step) * 2**15) for each distance j from the largest code, as float64."""
    distances = torch.arange(count, dtype=torch.float64)
    return (torch.exp(-distances * step.detach()) * 2.0**15).round()


def settings_of(pairs: Any) -> dict[str, Any]:
    """The attributes of the operator behind a table."""
    return {str(name): value for name, value in pairs}
