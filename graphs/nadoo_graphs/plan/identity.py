"""The identity of a plan, blind to names: a hash of what is computed and with which numbers."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from nadoo_graphs.errors import LoadError
from nadoo_graphs.formats import standard_formats
from nadoo_graphs.plan.data import DataReader
from nadoo_graphs.plan.document import (
    MODEL_FILE,
    Item,
    Meta,
    PlanBlock,
    PlanInstance,
    PlanLayer,
    PlanModel,
    PlanOperation,
    PlanTensor,
    Scalar,
)
from nadoo_graphs.plan.encode import encode_model
from nadoo_graphs.plan.instances import instances_of
from nadoo_graphs.plan.read import STANDARD, read_model
from nadoo_graphs.plan.text import text_of


def canonical_hash(path: str | Path) -> str:
    """The sha256 of a plan in which every name is replaced by a number and every file by the hash of its content.

    It stays the same when values, constants, blocks, instances or data files are renamed and when extensions are
    added or removed, and changes with everything that the plan computes.
    """
    given = Path(path)
    file = given / MODEL_FILE if given.is_dir() else given
    formats = standard_formats()
    model, problems = read_model(file, formats, STANDARD)
    if problems:
        raise LoadError(problems, f"{str(path)!r} has no hash:")
    reader = DataReader(file.parent, formats, STANDARD, allow_nonfinite=True)
    return hashlib.sha256(text_of(encode_model(anonymous(model, reader)))).hexdigest()


def anonymous(model: PlanModel, reader: DataReader) -> PlanModel:
    """The model with numbers for names."""
    blocks = {block.name: f"b{index}" for index, block in enumerate(model.blocks)}
    uses = {use.name: f"i{index}" for index, use in enumerate(instances_of(model))}
    values = {
        f"{use.name}.{port}": f"{uses[use.name]}.{index}"
        for use in instances_of(model)
        for index, port in enumerate(use.outputs)
    }
    return evolve(
        model,
        name="",
        blocks=tuple(anonymous_block(block, blocks[block.name], reader) for block in model.blocks),
        instances=tuple(anonymous_use(use, blocks, uses, values) for use in instances_of(model)),
        meta=Meta(model.meta.symbols, model.meta.allow_nonfinite),
        origin=None,
        extra={},
    )


def anonymous_use(
    use: PlanInstance, blocks: Mapping[str, str], uses: Mapping[str, str], values: Mapping[str, str]
) -> PlanInstance:
    """A use of a block: only the model's own ports keep their names."""
    outputs = tuple(port if port.startswith("Y") else str(index) for index, port in enumerate(use.outputs))
    inputs = tuple(values.get(name, name) for name in use.inputs)
    return PlanInstance(blocks.get(use.block, ""), uses[use.name], inputs, outputs)


def anonymous_block(block: PlanBlock, name: str, reader: DataReader) -> PlanBlock:
    """A block whose constants and values are counted in order of their definition."""
    names: dict[str, str] = {}
    items = tuple(anonymous_item(item, names, reader) for item in block.items)
    return PlanBlock(name, block.signature, items)


def anonymous_item(item: Item, names: dict[str, str], reader: DataReader) -> Item:
    """An item with its names replaced; ports keep theirs."""
    if isinstance(item, PlanTensor):
        digest = hashlib.sha256(reader.content(item)).hexdigest()
        name = numbered(item.name, names)
        return PlanTensor(name, item.type, "", sha256=digest, quantization=item.quantization)
    if isinstance(item, PlanLayer):
        inputs = tuple(names.get(name, name) for name in item.inputs)
        weights = {role: names.get(name, name) for role, name in sorted(item.weights.items())}
        params: dict[str, Any] = {key: value for key, value in sorted(item.params.items()) if not key.startswith("x_")}
        outputs = tuple(numbered(name, names) for name in item.outputs)
        return PlanLayer(item.name, params, weights, inputs, outputs)
    return anonymous_operation(item, names)


def anonymous_operation(item: PlanOperation, names: dict[str, str]) -> PlanOperation:
    """An operation with its names replaced."""
    inputs = tuple(each if isinstance(each, Scalar) else names.get(each, each) for each in item.inputs)
    return PlanOperation(item.type, inputs, numbered(item.output, names), item.exponent)


def numbered(name: str, names: dict[str, str]) -> str:
    """The number of a name that is defined here; a port stays what it is."""
    if name.startswith("Y"):
        return name
    return names.setdefault(name, f"t{len(names)}")
