"""Layers that are torch's own operators: named by overload, with the schema that they were exported with.

The schema says to a reader what the arguments are, and to the importer whether its torch still means the same.
"""

from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from nadoo_graphs.errors import Code, Problem
from nadoo_graphs.node import Attribute, Node
from nadoo_graphs.ops.structure import OPAQUE, find_overload
from nadoo_graphs.plan.document import PlanLayer
from nadoo_graphs.saving.opaque import argument_problems
from nadoo_graphs.sizes import Symbolic
from nadoo_graphs.values import ELEMENT_BITS, ValueType

PARAMS = ("schema", "arguments", "keywords", "outputs")
PARTS_OF_A_NAME = 3


@frozen
class OpaqueCall:
    """A layer as a call of one of torch's operators."""

    layer: PlanLayer
    where: str
    operands: Sequence[ValueType]

    def node(self, name: str) -> Node:
        """The node that calls the operator."""
        params = self.layer.params
        attributes: dict[str, Attribute] = {
            "target": self.layer.name,
            "arguments": params.get("arguments"),
            "keywords": params.get("keywords"),
            "signature": tuple(str(item) for item in self.operands),
        }
        return Node(name, OPAQUE, attributes, outputs=declared_types(params.get("outputs")) or ())

    def problems(self, operators: Collection[str]) -> list[Problem]:
        """Everything that is wrong; the operator is looked up only after its name has been found on the list."""
        unknown = [*(name for name in self.layer.params if name not in PARAMS), *self.layer.weights]
        found = [
            Problem(Code.UNKNOWN, self.where, f"has no parameter or weight {name!r}; allowed: {', '.join(PARAMS)}")
            for name in unknown
        ]
        found += [
            Problem(Code.SCHEMA, self.where, f"parameter {name!r} is missing; give it, or export the model again")
            for name in PARAMS
            if name not in self.layer.params
        ]
        if not found and declared_types(self.layer.params["outputs"]) is None:
            message = "parameter 'outputs' must be an array of pairs of a dtype and an array of sizes"
            found.append(Problem(Code.SCHEMA, self.where, message))
        found += [Problem(item.code, self.where, item.message) for item in self.argument_problems()]
        return [*found, *self.operator_problems(operators)]

    def argument_problems(self) -> list[Problem]:
        """Arguments that are no plain values."""
        node = self.node("opaque")
        return list(argument_problems(node, len(self.operands)))

    def operator_problems(self, operators: Collection[str]) -> list[Problem]:
        """A name that is not on the list, or a schema that is not the one of the torch at hand."""
        name = self.layer.name
        if name not in operators or name.count(".") != PARTS_OF_A_NAME - 1:
            message = f"operator {name[:80]!r} is not on the allow-list of operators that a file may call"
            advice = f"if you trust the plan, import it with allow_operators=[{name[:80]!r}]"
            return [Problem(Code.UNKNOWN, self.where, f"{message}; {advice}")]
        schema, given = schema_of(name), self.layer.params.get("schema")
        if schema == given:
            return []
        message = f"has the schema {str(given)[:200]!r}, but this torch has {schema!r}; export the model again"
        return [Problem(Code.UNKNOWN, self.where, message)]


def schema_of(target: str) -> str | None:
    """The schema of an operator as torch writes it; None where torch has no such operator."""
    try:
        return str(find_overload(target)._schema)  # noqa: SLF001
    except (AttributeError, ValueError, RuntimeError):
        return None


def opaque_params(node: Node) -> Mapping[str, Attribute]:
    """The parameters of the layer that an opaque node is written as."""
    return {
        "schema": schema_of(str(node.attributes["target"])),
        "arguments": node.attributes["arguments"],
        "keywords": node.attributes["keywords"],
        "outputs": tuple((item.dtype, item.shape) for item in node.outputs),
    }


def declared_types(outputs: Attribute) -> tuple[ValueType, ...] | None:
    """The types that an opaque layer declares; None where they have another form."""
    if not isinstance(outputs, tuple):
        return None
    found = [declared_type(item) for item in outputs]
    known = tuple(item for item in found if item is not None)
    return known if len(known) == len(found) else None


def declared_type(item: Attribute) -> ValueType | None:
    """One of them: a dtype and sizes."""
    if not (isinstance(item, tuple) and len(item) == len(("dtype", "shape"))):
        return None
    dtype, shape = item
    if not (isinstance(dtype, str) and dtype in ELEMENT_BITS and isinstance(shape, tuple)):
        return None
    sizes = tuple(size for size in shape if isinstance(size, Symbolic) or (type(size) is int and size >= 0))
    return ValueType(sizes, dtype) if len(sizes) == len(shape) else None
