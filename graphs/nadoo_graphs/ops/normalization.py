"""Normalizations: by statistics that training keeps or by the batch's, by rows, groups and instances."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nadoo_graphs.errors import Code
from nadoo_graphs.ops.aten import overload
from nadoo_graphs.ops.linear import require_tensor, shape_text
from nadoo_graphs.ops.op import AttributeRow, Call, Op, Role, Run
from nadoo_graphs.ops.reading import integer, number, sizes
from nadoo_graphs.sizes import Size, size_product
from nadoo_graphs.values import FLOATING, ValueType

if TYPE_CHECKING:
    from torch import nn

SHORT = ("bfloat16", "float16")
AFFINE_ROLES = (Role("weight", optional=True), Role("bias", optional=True))
STATISTICS = ("running_mean", "running_var")
STATISTICS_ROLES = tuple(Role(name, optional=True) for name in (*STATISTICS, "num_batches_tracked"))


def batch_norm_module(attributes: Mapping[str, Any]) -> "nn.Module":
    """The leaf module of a batch norm."""
    from nadoo_graphs.ops.normalization_module import BatchNorm

    return BatchNorm(attributes["momentum"], attributes["eps"], attributes["frozen"])


def instance_norm_module(attributes: Mapping[str, Any]) -> "nn.Module":
    """The leaf module of an instance norm."""
    from nadoo_graphs.ops.normalization_module import InstanceNorm

    return InstanceNorm(attributes["momentum"], attributes["eps"])


def require_floating(call: Call) -> None:
    """Refuse integers, which torch does not normalize."""
    if not call.operand.is_floating:
        message = f"the input is {call.operand}; a norm takes one of {', '.join(FLOATING)}; cast it"
        raise call.refuse(message, Code.DTYPE)


def parameter_dtypes(call: Call) -> tuple[str, ...]:
    """The dtypes that statistics and scales may have: the input's, and float32 beside a short one."""
    own = call.operand.dtype
    return (own, "float32") if own in SHORT else (own,)


def infer_by_channel(call: Call, least_rank: int) -> tuple[ValueType, ...]:
    """The input, where axis 1 agrees with every tensor of the layer."""
    source = call.operand
    require_floating(call)
    if source.rank < least_rank:
        raise call.refuse(f"the input is {source}; it must have at least {least_rank} axes: batch, channels, …")
    if len({name in call.tensors for name in STATISTICS}) != 1:
        raise call.refuse("one of running_mean and running_var is missing; give both, or none to use the batch's")
    for role in (*STATISTICS, "weight", "bias"):
        require_tensor(call, role, call.tensors.get(role), (source.shape[1],), parameter_dtypes(call))
    require_tensor(call, "num_batches_tracked", call.tensors.get("num_batches_tracked"), (), ("int64",))
    return (ValueType(source.shape, source.dtype),)


def infer_batch_norm(call: Call) -> tuple[ValueType, ...]:
    """The input, [batch, channels, *]."""
    if STATISTICS[0] not in call.tensors and number(call, "eps") <= 0:
        raise call.refuse(f"eps is {number(call, 'eps')}; without running statistics it must be positive")
    return infer_by_channel(call, 2)


def infer_instance_norm(call: Call) -> tuple[ValueType, ...]:
    """The input, [batch, channels, *axes] with at least one axis to take statistics over."""
    return infer_by_channel(call, 3)


def infer_by_row(call: Call) -> tuple[ValueType, ...]:
    """The input, whose last axes are the normalized ones."""
    source, shape = call.operand, sizes(call, "normalized_shape")
    require_floating(call)
    if not shape or source.shape[-len(shape) :] != shape:
        message = f"normalized_shape is {shape_text(shape)}; it must be the last axes, at least one, of the input"
        raise call.refuse(f"{message} {source}")
    for role, found in call.tensors.items():
        require_tensor(call, role, found, shape, parameter_dtypes(call))
    return (ValueType(source.shape, source.dtype),)


def infer_group_norm(call: Call) -> tuple[ValueType, ...]:
    """The input, whose channels fall into equal groups."""
    source, groups = call.operand, integer(call, "num_groups")
    require_floating(call)
    if source.rank < 2:
        raise call.refuse(f"the input is {source}; it must have at least 2 axes: batch, channels, …")
    if groups < 1 or source.shape[1] % groups != 0:
        raise call.refuse(f"num_groups is {groups}; it must be at least 1 and divide {source.shape[1]} channels")
    for role, found in call.tensors.items():
        require_tensor(call, role, found, (source.shape[1],), parameter_dtypes(call))
    return (ValueType(source.shape, source.dtype),)


def execute_layer_norm(run: Run) -> Any:
    """The layer norm as torch captures it."""
    shape, eps = list(run.attributes["normalized_shape"]), run.attributes["eps"]
    weight, bias = run.tensors.get("weight"), run.tensors.get("bias")
    return overload("layer_norm.default")(run.operand, shape, weight, bias, eps)


def execute_group_norm(run: Run) -> Any:
    """The group norm as torch captures it."""
    groups, eps = run.attributes["num_groups"], run.attributes["eps"]
    weight, bias = run.tensors.get("weight"), run.tensors.get("bias")
    return overload("group_norm.default")(run.operand, groups, weight, bias, eps)


def execute_rms_norm(run: Run) -> Any:
    """The root-mean-square norm as torch captures it."""
    shape, eps = list(run.attributes["normalized_shape"]), run.attributes["eps"]
    return overload("rms_norm.default")(run.operand, shape, run.tensors.get("weight"), eps)


def centred(call: Call, sets: Size) -> Size:
    """Sum, centre, square and scale every element; a root and a quotient for each set of them."""
    bias = call.operand.elements if "bias" in call.tensors else 0
    return call.operand.elements * 4 + sets * 2 + bias


def count_batch_norm(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """A product and a sum for each element; without running statistics the batch's are taken too."""
    if "running_mean" in call.tensors:
        return call.operand.elements * 2
    return centred(call, call.operand.shape[1])


def count_instance_norm(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """As a batch norm's, with statistics for each instance and channel."""
    if "running_mean" in call.tensors:
        return call.operand.elements * 2
    return centred(call, call.operand.shape[0] * call.operand.shape[1])


def row_count(call: Call) -> Size:
    """How many rows a layer or RMS norm treats."""
    return size_product(call.operand.shape[: -len(sizes(call, "normalized_shape"))])


def count_layer_norm(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """One set of statistics for each row."""
    return centred(call, row_count(call))


def count_group_norm(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """One set of statistics for each instance and group."""
    return centred(call, call.operand.shape[0] * integer(call, "num_groups"))


def count_rms_norm(call: Call, outputs: tuple[ValueType, ...]) -> Size:
    """A square and a product for each element; a root and a quotient for each row."""
    return call.operand.elements * 2 + row_count(call) * 2


ROWS = (
    Op(
        name="batch_norm",
        summary="Normalizes each channel by running statistics that training updates, or by the batch's.",
        infer=infer_batch_norm,
        module=batch_norm_module,
        roles=(*AFFINE_ROLES, *STATISTICS_ROLES),
        attributes=(
            AttributeRow("momentum", "float", 0.1, optional=True),
            AttributeRow("eps", "float", 1e-5),
            AttributeRow("frozen", "bool", False),
        ),
        elementary=count_batch_norm,
        aliases=("BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d"),
        in_place=(0,),
    ),
    Op(
        name="instance_norm",
        summary="Normalizes each channel of each instance, or in eval by running statistics.",
        infer=infer_instance_norm,
        module=instance_norm_module,
        roles=(*AFFINE_ROLES, *STATISTICS_ROLES),
        attributes=(
            AttributeRow("momentum", "float", 0.1, optional=True),
            AttributeRow("eps", "float", 1e-5),
        ),
        elementary=count_instance_norm,
        aliases=("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
    ),
    Op(
        name="layer_norm",
        summary="Normalizes each row, the last axes as in normalized_shape, to mean 0 and variance 1.",
        infer=infer_by_row,
        execute=execute_layer_norm,
        roles=AFFINE_ROLES,
        attributes=(AttributeRow("normalized_shape", "sizes"), AttributeRow("eps", "float", 1e-5)),
        elementary=count_layer_norm,
        aliases=("LayerNorm",),
    ),
    Op(
        name="rms_norm",
        summary="Divides each row by its root mean square; an eps of None is the dtype's own.",
        infer=infer_by_row,
        execute=execute_rms_norm,
        roles=AFFINE_ROLES[:1],
        attributes=(
            AttributeRow("normalized_shape", "sizes"),
            AttributeRow("eps", "float", None, optional=True),
        ),
        elementary=count_rms_norm,
        aliases=("RMSNorm",),
    ),
    Op(
        name="group_norm",
        summary="Normalizes groups of channels of each instance to mean 0 and variance 1.",
        infer=infer_group_norm,
        execute=execute_group_norm,
        roles=AFFINE_ROLES,
        attributes=(AttributeRow("num_groups", "int"), AttributeRow("eps", "float", 1e-5)),
        elementary=count_group_norm,
        aliases=("GroupNorm",),
    ),
)
