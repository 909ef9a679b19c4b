"""A plan as JSON values, keys in the order of the schema; what a part does not have is left out."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from nadoo_graphs.encoding import encode_attribute, encode_size
from nadoo_graphs.plan.datatypes import datatype_of
from nadoo_graphs.plan.document import (
    IR,
    Item,
    Meta,
    ModelOrigin,
    NodeOrigin,
    PlanBlock,
    PlanInstance,
    PlanLayer,
    PlanModel,
    PlanOperation,
    PlanTensor,
    Quantization,
    Scalar,
    Signature,
    TensorOrigin,
)
from nadoo_graphs.saving.document import encode_contract
from nadoo_graphs.values import ValueType


def encode_model(model: PlanModel) -> dict[str, Any]:
    """The whole document."""
    encoded: dict[str, Any] = {"type": "Model", "ir": IR, "name": model.name, **encode_signature(model.signature)}
    encoded["blocks"] = [encode_block(block) for block in model.blocks]
    if model.instances is not None:
        encoded["graph"] = [encode_instance(instance) for instance in model.instances]
    if model.meta != Meta():
        encoded["meta"] = encode_meta(model.meta)
    origin = None if model.origin is None else encode_model_origin(model.origin)
    return {**encoded, **further(model.extra, origin)}


def further(extra: Mapping[str, Any], origin: Any) -> dict[str, Any]:
    """The keys that the schema does not know, where the part came from first."""
    return {"x_origin": origin, **extra} if origin else dict(extra)


def encode_signature(signature: Signature) -> dict[str, Any]:
    """Shapes and datatypes of what goes in and what comes out."""
    sides = {"input": signature.inputs, "output": signature.outputs}
    return {
        key: value
        for side, types in sides.items()
        for key, value in (
            (f"{side}_shape", single([encode_shape(item) for item in types])),
            (f"{side}_datatype", single([datatype_of(item) for item in types])),
        )
    }


def single(items: list[Any]) -> Any:
    """One without brackets, several with."""
    return items[0] if len(items) == 1 else items


def encode_shape(value: ValueType) -> list[int | str]:
    """Sizes as numbers, or as texts where they are symbolic."""
    return [encode_size(size) for size in value.shape]


def encode_meta(meta: Meta) -> dict[str, Any]:
    """What holds for the whole document."""
    symbols = {"symbols": {name: list(bounds) for name, bounds in meta.symbols.items()}} if meta.symbols else {}
    flag = {"allow_nonfinite": True} if meta.allow_nonfinite else {}
    return {**symbols, **flag, **meta.extra}


def encode_instance(instance: PlanInstance) -> dict[str, Any]:
    """One use of a block."""
    return {
        "block": instance.block,
        "as": instance.name,
        "inputs": list(instance.inputs),
        "outputs": list(instance.outputs),
        **instance.extra,
    }


def encode_block(block: PlanBlock) -> dict[str, Any]:
    """A block with its items in order."""
    layers = [encode_item(item) for item in block.items]
    signature = encode_signature(block.signature)
    return {"type": "Block", "name": block.name, **signature, "layers": layers, **block.extra}


def encode_item(item: Item) -> dict[str, Any]:
    """One line of a block."""
    if isinstance(item, PlanTensor):
        return encode_tensor(item)
    return encode_layer(item) if isinstance(item, PlanLayer) else encode_operation(item)


def encode_tensor(tensor: PlanTensor) -> dict[str, Any]:
    """A constant."""
    encoded = {
        "type": "Tensor",
        "name": tensor.name,
        "shape": encode_shape(tensor.type),
        "datatype": datatype_of(tensor.type),
        "data": tensor.data,
        "offset": tensor.offset,
        "length": tensor.length,
        "sha256": tensor.sha256,
        "quant": None if tensor.quantization is None else encode_quantization(tensor.quantization),
    }
    origin = None if tensor.origin is None else encode_tensor_origin(tensor.origin)
    return {**{key: value for key, value in encoded.items() if value is not None}, **further(tensor.extra, origin)}


def encode_quantization(quant: Quantization) -> dict[str, Any]:
    """What codes mean."""
    encoded: dict[str, Any] = {
        "scheme": quant.scheme,
        "scale": listed(quant.scale),
        "zero_point": listed(quant.zero_point),
        "axis": quant.axis,
    }
    if quant.levels is not None:
        encoded["levels"] = list(quant.levels)
    if quant.packing is not None:
        encoded["packing"] = quant.packing
    return {**encoded, "bits": quant.bits, **quant.extra}


def listed(value: Any) -> Any:
    """One number, or an array of them."""
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def encode_layer(layer: PlanLayer) -> dict[str, Any]:
    """A layer."""
    return {
        "type": "Layer",
        "name": layer.name,
        "params": {name: encode_attribute(value) for name, value in layer.params.items()},
        "weights": dict(layer.weights),
        "tensor_input": single(list(layer.inputs)),
        "tensor_output": single(list(layer.outputs)),
        **further(layer.extra, encode_origins(layer.origins)),
    }


def encode_operation(operation: PlanOperation) -> dict[str, Any]:
    """An operation; a number in the place of an operand is an object."""
    inputs = [{"const": item.value} if isinstance(item, Scalar) else item for item in operation.inputs]
    exponent = {} if operation.exponent is None else {"exponent": operation.exponent}
    encoded = {"type": operation.type, "tensor_input": single(inputs), "tensor_output": operation.output}
    return {**encoded, **exponent, **further(operation.extra, encode_origins(operation.origins))}


def encode_origins(origins: Iterable[NodeOrigin]) -> list[dict[str, Any]]:
    """One entry for each use of the block, in the order of the instances."""
    return [encode_origin(origin) for origin in origins]


def encode_origin(origin: NodeOrigin) -> dict[str, Any]:
    """The node that an item was; what is empty is left out."""
    encoded: dict[str, Any] = {
        "node": origin.node,
        "order": origin.order,
        "module": origin.origin.module,
        "module_type": origin.origin.module_type,
        "source": origin.origin.source,
        "nodes": list(origin.origin.nodes),
    }
    return {key: value for key, value in encoded.items() if value not in (None, "", [])}


def encode_tensor_origin(origin: TensorOrigin) -> dict[str, Any]:
    """The name of a tensor in the state dict and what a module knows of it."""
    encoded: dict[str, Any] = {
        "name": origin.name,
        "role": origin.role,
        "persistent": origin.persistent,
        "trainable": origin.trainable,
    }
    return {**encoded, "nodes": encode_origins(origin.nodes)} if origin.nodes else encoded


def encode_model_origin(origin: ModelOrigin) -> dict[str, Any]:
    """The border of the exported graph; example inputs have no place in a plan."""
    return {
        "inputs": encode_origins(origin.inputs),
        "output": origin.output,
        "contract": encode_contract(origin.contract, ()),
        "aliases": dict(origin.aliases),
        "state_order": list(origin.state_order),
    }
